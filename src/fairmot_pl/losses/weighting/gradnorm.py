"""GradNorm (Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing", ICML 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from fairmot_pl.losses.weighting.base import SharedPart, Weighting, check_positive, fork, mean_over_processes, observed
from fairmot_pl.losses.weighting.pcgrad import shared_gradient

SMALLEST = 1e-3
"""No weight falls below it: a task with no weight would never be heard again."""


class GradNorm(Weighting):
    """Weights learn to give each task a gradient as long as its pace of training asks for (section 3 there).

    G_i is the length of the gradient of w_i L_i at the last shared layer's weight (at the shared map, where no single
    layer is the last, or where it is frozen), r_i how far L_i has fallen compared
    with the mean of both tasks. The weights descend on sum |G_i - mean(G) r_i^alpha|, whose second term is held
    constant, and are scaled so that they add up to 2. Here that sum is divided by mean(G), so the learning rate
    has no unit and holds for every scale of the losses, and it is plain gradient descent, once an optimiser step.

    Args:
        alpha: strength of the pull towards equal pace; 0 asks for equal gradients.
        learning_rate: of the weights.
    """

    factors: Tensor
    start: Tensor
    slope: Tensor
    seen: Tensor
    losses: Tensor

    def __init__(self, *, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        super().__init__()
        check_positive("gradnorm", learning_rate=learning_rate)
        if not 0 <= alpha <= 10:
            raise ValueError(f"gradnorm weighting: alpha is {alpha}; it must be from 0 to 10")
        self.alpha, self.learning_rate = alpha, learning_rate
        self.register_buffer("factors", torch.ones(2))
        self.register_buffer("start", torch.zeros(2))  # the losses of the first step; 0 = none yet
        self.register_buffer("slope", torch.zeros(2))  # summed over the batches of an optimiser step
        self.register_buffer("seen", torch.tensor(0.0))
        self.register_buffer("losses", torch.ones(2), persistent=False)

    def branch(self, features: Tensor, shared: SharedPart) -> tuple[Tensor, Tensor]:
        """See `Weighting.branch`."""

        def measure(detection: Tensor, reid: Tensor) -> tuple[Tensor, Tensor]:
            if shared.last_weight is None:  # the map itself, whose gradients of several processes are parts of one
                squares = torch.stack([task.float().square().sum() for task in (detection, reid)])
                lengths = mean_over_processes(squares).sqrt()
            else:
                gradients = (shared_gradient(features, [shared.last_weight], task) for task in (detection, reid))
                lengths = torch.stack([gradient.norm() for gradient in gradients])
            self._collect(lengths)
            return torch.ones_like(self.seen), torch.ones_like(self.seen)

        return fork(features, measure)

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The weighted sum; see `Weighting.forward`."""
        sums, counts = observed(detection, reid, has_reid=has_reid)
        self.losses = torch.where(counts > 0, sums / counts, 0.0).float()
        first = (self.start == 0).any() & (self.losses > 0).all()
        self.start = torch.where(first, self.losses, self.start)
        self.weights = self.factors.clone()
        factor_detection, factor_reid = self.weights.unbind()
        return factor_detection * detection + factor_reid * reid

    def _collect(self, lengths: Tensor) -> None:
        """Add the slope of one batch; a batch in which a task is silent, or a gradient overflows, says nothing."""
        pace = self.losses / self.start
        wanted = lengths.mean() * (pace / pace.mean()) ** self.alpha
        slope = lengths / self.weights * (lengths - wanted).sign() / lengths.mean()
        usable = slope.isfinite().all() & (lengths > 0).all()
        self.slope = self.slope + torch.where(usable, slope, 0.0)
        self.seen = self.seen + usable

    def before_step(self) -> None:
        """Move the weights along the mean slope of the step's batches."""
        moved = self.factors - self.learning_rate * self.slope / self.seen.clamp(min=1)
        moved = moved.clamp(min=SMALLEST)
        self.factors = 2 * moved / moved.sum()
        self.slope, self.seen = torch.zeros_like(self.slope), torch.zeros_like(self.seen)
