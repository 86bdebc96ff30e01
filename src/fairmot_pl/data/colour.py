"""Photometric augmentation, as albumentations transforms. It moves no box."""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or importing it asks a server for its newest version

import albumentations as A


class SaturationValue(A.ImageOnlyTransform):
    """Scale saturation and value of an RGB image independently; the hue stays.

    Args:
        saturation: strength s; the factor is uniform in [1 - s, 1 + s].
        value: the same for the value channel.
        p: probability of recolouring at all.
    """

    class InitSchema(A.ImageOnlyTransform.InitSchema):
        """What albumentations checks arguments against."""

        saturation: float
        value: float

    def __init__(self, saturation: float, value: float, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.saturation, self.value = saturation, value

    def get_params(self) -> dict[str, float]:
        """Draw both factors."""
        draws = self.random_generator.uniform(-1.0, 1.0, size=2)
        return {
            "saturation_factor": 1 + self.saturation * float(draws[0]),
            "value_factor": 1 + self.value * float(draws[1]),
        }

    def apply(
        self, img: NDArray[np.uint8], saturation_factor: float, value_factor: float, **params: Any
    ) -> NDArray[np.uint8]:
        """Recolour one image with the factors drawn."""
        return scale_saturation_value(img, saturation_factor, value_factor)


def scale_saturation_value(
    image: NDArray[np.uint8], saturation_factor: float, value_factor: float, *, channels: int = 3
) -> NDArray[np.uint8]:
    """Multiply saturation and value of an image, each cut to a whole level and clipped at 255.

    Args:
        image: `(H, W, 3)` uint8 RGB.
        saturation_factor: for saturation.
        value_factor: for value.
        channels: of the result: 3 for RGB, 4 for RGB and an opaque alpha.
    """
    cut = 2**-12 - 0.5  # OpenCV rounds; the little that is left on top keeps whole numbers whole
    matrix = np.array([[1, 0, 0, 0], [0, saturation_factor, 0, cut], [0, 0, value_factor, cut]])
    hsv = cv2.transform(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), matrix)
    recoloured: NDArray[np.uint8] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, dstCn=channels)
    return recoloured
