"""Projected conflicting gradients (Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fairmot_pl.losses.weighting.base import SharedPart, Weighting, check_positive, fork, mean_over_processes


class ProjectedConflicts(Weighting):
    """Where the tasks' gradients of the shared parameters conflict, each loses what points against the other.

    Each conflicting gradient is projected onto the normal plane of the other (algorithm 1 there). For two tasks the
    sum of both projections is again a weighted sum, d (1 - c / |d|^2) + r (1 - c / |r|^2) with c = min(d r, 0), so two
    factors at the shared map do it. To know them takes two more backward passes through the shared part, each step.
    Heads learn from their own task's loss.

    Args:
        detection: factor of the detection loss.
        reid: factor of the re-ID loss. Which factors suit depends on the losses' scales; the paper's are equal.
    """

    def __init__(self, *, detection: float = 1.0, reid: float = 1.0) -> None:
        super().__init__()
        check_positive("pcgrad", detection=detection, reid=reid)
        self.detection, self.reid = detection, reid

    def branch(self, features: Tensor, shared: SharedPart) -> tuple[Tensor, Tensor]:
        """See `Weighting.branch`."""

        def balance(detection: Tensor, reid: Tensor) -> tuple[Tensor, Tensor]:
            d, r = (shared_gradient(features, shared.parameters, gradient) for gradient in (detection, reid))
            factors = self._without_conflict(d @ d, d @ r, r @ r)
            self.weights = factors * factors.new_tensor([self.detection, self.reid])
            for_detection, for_reid = factors.unbind()
            return for_detection, for_reid

        return fork(features, balance)

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The weighted sum; see `Weighting.forward`. Conflicts are resolved in the backward pass."""
        return self.detection * detection + self.reid * reid

    @staticmethod
    def _without_conflict(detection: Tensor, cross: Tensor, reid: Tensor) -> Tensor:
        """`(2,)` factors from the products of the gradients; 1 where they do not conflict."""
        lengths = torch.stack([detection, reid]).clamp(min=torch.finfo(cross.dtype).tiny)
        return 1 - cross.clamp(max=0) / lengths


def shared_gradient(features: Tensor, parameters: Sequence[nn.Parameter], gradient: Tensor) -> Tensor:
    """One long float32 gradient of shared parameters for the gradient `(B, c, h, w)` at the shared map.

    It is the mean over all processes that train together, as the optimiser's gradients are.
    """
    parts = torch.autograd.grad(
        features, parameters, gradient, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return mean_over_processes(torch.cat([part.float().flatten() for part in parts]))
