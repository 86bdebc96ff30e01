"""A balance chosen beforehand."""

from __future__ import annotations

import math

from torch import Tensor, nn


class FixedWeighting(nn.Module):
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
        self.detection = detection
        self.reid = reid

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> tuple[Tensor, dict[str, Tensor]]:
        """Balance two scalar losses.

        Args:
            detection: detection loss.
            reid: re-ID loss.
            has_reid: changes nothing here, since the loss of a batch without identities is 0.

        Returns:
            The total, and the factor with which each loss enters it.
        """
        total = self.detection * detection + self.reid * reid
        weights = {"detection": detection.new_tensor(self.detection), "reid": reid.new_tensor(self.reid)}
        return total, weights
