"""A learned balance (Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fairmot_pl.losses.weighting.base import Weighting


class UncertaintyWeighting(Weighting):
    """Each task's loss is divided by a learned variance, whose logarithm is the price (FairMOT, section 3.2).

    The total is ((exp(-s_d) L_d + s_d) + (exp(-s_r) L_r + s_r)) / 2. It may fall below 0; nothing is wrong
    then.

    Args:
        detection: log variance s_d of detection at the start.
        reid: log variance s_r of re-ID at the start.
    """

    def __init__(self, *, detection: float = -1.85, reid: float = -1.05) -> None:
        super().__init__()
        for name, value in (("detection", detection), ("reid", reid)):
            if not math.isfinite(value):
                raise ValueError(f"uncertainty weighting: {name} is {value}; it must be a finite log variance")
        self.detection_log_variance = nn.Parameter(torch.tensor(float(detection)))
        self.reid_log_variance = nn.Parameter(torch.tensor(float(reid)))

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """The total of `Weighting.forward`.

        Without identities the re-ID term is multiplied by 0: the price alone would pull the variance down with
        each such batch, and no loss hold it.
        """
        for_detection = 0.5 * torch.exp(-self.detection_log_variance)
        for_reid = 0.5 * torch.exp(-self.reid_log_variance) * has_reid
        price = 0.5 * (self.detection_log_variance + self.reid_log_variance * has_reid)
        self.weights = torch.stack([for_detection, for_reid]).detach()
        return for_detection * detection + for_reid * reid + price
