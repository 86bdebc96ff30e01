"""Image files to pixels, pixels to the network input, pixels to tensors."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairmot_pl.letterbox import Letterbox

Image = NDArray[np.uint8]
"""`(H, W, 3)` RGB."""

PAD_VALUE = 128
"""Grey around the image; the reference pads with 127.5, which its 8-bit image rounds to 128."""


def read_image(path: Path | str) -> Image:
    """Read an image file as `(H, W, 3)` uint8 RGB.

    Pixels come as stored: a rotation note of the camera (EXIF) is ignored, as annotations ignore it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image that can be decoded.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such image file")
    content = np.fromfile(path, np.uint8)  # decoding from memory copes with any file name on any system
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(content, flags) if len(content) else None
    if image is None:
        raise ValueError(f"{path}: not a readable image ({len(content)} bytes); replace the file or leave it out")
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def letterbox_pixels(image: Image, letterbox: Letterbox) -> Image:
    """Resize an image and centre it on grey, as `letterbox.placement` says.

    Args:
        image: `(H, W, 3)` of the letterbox' image size.
        letterbox: where the image goes; `Letterbox.to_input` moves its boxes along.

    Returns:
        `(h, w, 3)` of the letterbox' input size.

    Raises:
        ValueError: the image has another size than the letterbox was made for.
    """
    if image.shape[:2] != tuple(letterbox.image_size):
        raise ValueError(f"the image is {image.shape[:2]}, its letterbox is made for {letterbox.image_size}")
    top, left, height, width = letterbox.placement
    canvas = np.full((*letterbox.input_size, 3), PAD_VALUE, np.uint8)
    canvas[top : top + height, left : left + width] = resize_area(image, (height, width))
    return canvas


def resize_area(image: Image, size: tuple[int, int]) -> Image:
    """Resize to `(height, width)`; area averaging, so that shrinking does not alias."""
    if image.shape[:2] == size:
        return image
    resized: Image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    return resized


def to_tensor(image: Image) -> Tensor:
    """`(h, w, 3)` uint8 to `(3, h, w)` float32 in [0, 1]."""
    return torch.from_numpy(image).permute(2, 0, 1).contiguous().float().div_(255)
