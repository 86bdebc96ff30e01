"""Multiple gradient descent (Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from fairmot_pl.losses.weighting.base import SharedPart, Weighting, fork, mean_over_processes


def min_norm_share(detection: Tensor, cross: Tensor, reid: Tensor) -> Tensor:
    """Share a in [0, 1] of detection for which a * d + (1 - a) * r is shortest (equation 4 and figure 1 there).

    Args:
        detection: squared length of d, scalar.
        cross: product of d and r.
        reid: squared length of r.

    Returns:
        The share; 1/2 where the two are equal and it does not matter.
    """
    between = detection - 2 * cross + reid
    share = torch.where(between > 0, (reid - cross) / between.clamp(min=torch.finfo(between.dtype).tiny), 0.5)
    return share.clamp(0, 1)


class MinimumNorm(Weighting):
    """The shared part moves along the shortest convex combination of the two tasks' gradients: no task gets worse.

    This is MGDA-UB, the upper bound: gradients are compared at the shared map and not at all shared parameters, which
    costs nothing. Heads learn from their own task's loss, unweighted (algorithm 2 there). A batch in which one task
    is silent teaches the other one alone.
    """

    def branch(self, features: Tensor, shared: SharedPart) -> tuple[Tensor, Tensor]:
        """See `Weighting.branch`."""
        return fork(features, self._balance)

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The plain sum; see `Weighting.forward`. The balance is struck in the backward pass."""
        return detection + reid

    def _balance(self, detection: Tensor, reid: Tensor) -> tuple[Tensor, Tensor]:
        """Shares that add up to 1. The map's gradients of several processes are parts of one long gradient."""
        d, r = detection.float().flatten(), reid.float().flatten()
        products = mean_over_processes(torch.stack([d @ d, d @ r, r @ r]))
        both = (products[0] > 0) & (products[2] > 0)
        share = torch.where(both, min_norm_share(*products.unbind()), (products[0] > 0).float())
        self.weights = torch.stack([share, 1 - share])
        return share, 1 - share
