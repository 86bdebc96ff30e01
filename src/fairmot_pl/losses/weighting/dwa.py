"""Dynamic weight average (Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from fairmot_pl.losses.weighting.base import Weighting, check_positive, observed


class DynamicWeightAverage(Weighting):
    """The task whose loss falls more slowly counts more (section 3.2 there, equation 7).

    With L(t) the mean loss of a task in epoch t, its weight in epoch t is 2 softmax(L(t-1) / L(t-2) / temperature),
    the softmax over the two tasks; 1 in the first two epochs.

    Args:
        temperature: the higher, the more equal the weights.
    """

    sums: Tensor
    counts: Tensor
    history: Tensor
    epoch: Tensor

    def __init__(self, *, temperature: float = 2.0) -> None:
        super().__init__()
        check_positive("dwa", temperature=temperature)
        self.temperature = temperature
        self.register_buffer("sums", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("history", torch.zeros(2, 2, dtype=torch.float64))  # last epoch, one before; 0 = none yet
        self.register_buffer("epoch", torch.tensor(-1))

    def start_epoch(self, epoch: int) -> None:
        """Close the epoch before, once, however often a resumed run says that this one starts."""
        if epoch == self.epoch:
            return
        if bool((self.counts > 0).all()):
            self.history = torch.stack([self.sums / self.counts, self.history[0]])
        self.sums, self.counts = torch.zeros_like(self.sums), torch.zeros_like(self.counts)
        self.epoch.fill_(epoch)

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The weighted sum; see `Weighting.forward`."""
        sums, counts = observed(detection, reid, has_reid=has_reid)
        self.sums, self.counts = self.sums + sums, self.counts + counts
        last, before = self.history
        pace = torch.where(before > 0, last / before, 1.0)
        self.weights = (2 * torch.softmax(pace / self.temperature, dim=0)).float()
        factor_detection, factor_reid = self.weights.unbind()
        return factor_detection * detection + factor_reid * reid
