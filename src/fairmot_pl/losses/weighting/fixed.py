"""A balance chosen beforehand."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fairmot_pl.losses.weighting.base import Weighting


class FixedWeighting(Weighting):
    """Detection and re-ID each times a constant.

    Args:
        detection: factor of the detection loss.
        reid: factor of the re-ID loss; the default is the one hidden in the reference.
    """

    def __init__(self, *, detection: float = 1.0, reid: float = 0.1) -> None:
        super().__init__()
        for name, value in (("detection", detection), ("reid", reid)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"fixed weighting: {name} is {value}; it must be 0 or more")
        self.weights.copy_(torch.tensor([detection, reid]))

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The weighted sum; see `Weighting.forward`."""
        factor_detection, factor_reid = self.weights.unbind()
        return factor_detection * detection + factor_reid * reid
