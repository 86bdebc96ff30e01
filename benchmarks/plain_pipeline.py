"""The training pipeline of FairMOT done step by step with OpenCV: what the benchmark and the comparison stand beside.

Read, colour on all pixels, letterbox by area averaging, warp, mirror, RGB, floats, targets. The draws are those of
`fairmot_pl.data.augment`, so both pipelines can be asked for the same view.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairmot_pl.codec.maps import STRIDE, Targets
from fairmot_pl.codec.targets import encode_targets
from fairmot_pl.data.augment import Augmentation, Draw
from fairmot_pl.data.geometry import mirror_matrix, motion_matrix, shrink_turned, warp_boxes
from fairmot_pl.letterbox import Letterbox


def plain_image(path: str, draw: Draw, input_size: tuple[int, int]) -> NDArray[np.uint8]:
    """The view `(h, w, 3)` BGR that was drawn of an image file."""
    image = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if draw.colour is not None:
        hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
        levels = np.arange(256)
        channels = [
            cv2.LUT(channel, (levels * factor).clip(0, 255).astype(np.uint8))
            for channel, factor in zip((saturation, value), draw.colour, strict=True)
        ]
        image = cv2.cvtColor(cv2.merge([hue, *channels]), cv2.COLOR_HSV2BGR)
    top, left, height, width = Letterbox((image.shape[0], image.shape[1]), input_size).placement
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    below, right = input_size[0] - height - top, input_size[1] - width - left
    image = cv2.copyMakeBorder(image, top, below, left, right, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # from the corner of a pixel to its centre
    matrix = np.linalg.inv(half) @ motion_matrix(draw.motion, input_size) @ half
    image = cv2.warpPerspective(image, matrix, input_size[::-1], flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))
    return cv2.flip(image, 1) if draw.mirrored else image


def plain_sample(
    path: str,
    boxes: NDArray[np.float32],
    identities: NDArray[np.int64],
    image_size: tuple[int, int],
    draw: Draw,
    augmentation: Augmentation,
) -> tuple[Tensor, Targets]:
    """The view as `(3, h, w)` float32 RGB in [0, 1], and its targets."""
    size = augmentation.input_size
    image = cv2.cvtColor(plain_image(path, draw, size), cv2.COLOR_BGR2RGB)
    before = Letterbox(image_size, size).to_input(boxes.astype(np.float64))
    after = shrink_turned(warp_boxes(before, motion_matrix(draw.motion, size)), draw.motion.angle)
    kept = augmentation.worth_keeping(before, after)
    after = warp_boxes(after[kept], mirror_matrix(size[1])) if draw.mirrored else after[kept]
    targets = encode_targets(after, identities[kept], map_size=(size[0] // STRIDE, size[1] // STRIDE))
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255), targets
