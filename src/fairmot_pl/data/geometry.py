"""Affine maps of the network input: the same 3 x 3 matrix moves pixels and boxes, and boxes stay whole.

Coordinates are continuous: the first pixel has its centre at (0.5, 0.5). Matrices act on columns (x, y, 1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.images import PAD_VALUE, Image
from fairmot_pl.letterbox import Letterbox

Matrix = NDArray[np.float64]


class Motion(NamedTuple):
    """One draw of the affine augmentation.

    Attributes:
        angle: degrees, counter-clockwise on the screen, about the centre of the network input.
        scale: factor about the same centre.
        translate: `(x, y)` in network-input pixels.
        shear: `(x, y)` in degrees.
    """

    angle: float = 0.0
    scale: float = 1.0
    translate: tuple[float, float] = (0.0, 0.0)
    shear: tuple[float, float] = (0.0, 0.0)


def motion_matrix(motion: Motion, input_size: tuple[int, int]) -> Matrix:
    """Shear times translation times rotation (with scale), within a network input of `(height, width)`."""
    angle = math.radians(motion.angle)
    cos, sin = motion.scale * math.cos(angle), motion.scale * math.sin(angle)
    centre_y, centre_x = input_size[0] / 2, input_size[1] / 2
    rotate = np.array(
        [
            [cos, sin, (1 - cos) * centre_x - sin * centre_y],
            [-sin, cos, sin * centre_x + (1 - cos) * centre_y],
            [0, 0, 1],
        ]
    )
    translate = np.array([[1, 0, motion.translate[0]], [0, 1, motion.translate[1]], [0, 0, 1]])
    shear_x, shear_y = (math.tan(math.radians(degrees)) for degrees in motion.shear)
    shear = np.array([[1, shear_x, 0], [shear_y, 1, 0], [0, 0, 1]])
    product: Matrix = shear @ translate @ rotate
    return product


def mirror_matrix(width: int) -> Matrix:
    """Left to right within a network input `width` pixels wide."""
    return np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]])


def placement_matrix(letterbox: Letterbox) -> Matrix:
    """Where `letterbox.placement` puts image pixels: `letterbox_pixels` as a matrix."""
    top, left, height, width = letterbox.placement
    image_height, image_width = letterbox.image_size
    return np.array([[width / image_width, 0, left], [0, height / image_height, top], [0, 0, 1]])


def warp_pixels(image: Image, matrix: Matrix, size: tuple[int, int]) -> Image:
    """Draw an image, moved by `matrix`, on a grey canvas of `(height, width)`; bilinear.

    The image may bring a fourth channel, which is left behind. The colours of the `(height, width, 3)` result lie one
    after the other in memory, as tensors want them.
    """
    to_corner, to_centre = np.eye(3), np.eye(3)
    to_corner[:2, 2], to_centre[:2, 2] = 0.5, -0.5  # OpenCV counts from the centre of the first pixel
    if image.shape[2] == 3:  # four channels are warped twice as fast as three
        image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    warped = cv2.warpAffine(
        image,
        (to_centre @ matrix @ to_corner)[:2],
        size[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=[PAD_VALUE] * 4,
    )
    planes = np.empty((4, *size), np.uint8)
    cv2.split(warped, list(planes))
    return planes[:3].transpose(1, 2, 0)


def warp_boxes(boxes: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """The upright boxes `(N, 4)` xyxy around the moved corners of boxes. Nothing is clipped."""
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def shrink_turned(boxes: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Take back some of what the box around a box turned by `angle` degrees is too large.

    Both sides shrink about the centre by max(|sin|, |cos|)^0.5, as in the reference.
    """
    radians = math.radians(angle)
    factor = max(abs(math.sin(radians)), abs(math.cos(radians))) ** 0.5
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    return np.concatenate([centre - half, centre + half], axis=1)
