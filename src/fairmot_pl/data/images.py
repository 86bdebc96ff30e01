"""Image files to pixels, pixels to the network input, pixels to tensors."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairmot_pl.letterbox import Letterbox

Image = NDArray[np.uint8]
"""`(H, W, 3)` RGB."""

PAD_VALUE = 128
"""Grey around the image; the reference pads with 127.5, which its 8-bit image rounds to 128."""


_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
_JPEG = b"\xff\xd8"


class Picture(NamedTuple):
    """The pixels of an image, or fewer that show the same.

    Attributes:
        pixels: `(h, w, 3)` uint8 RGB.
        size: `(height, width)` of the image itself, in which its boxes are given.
        step: image pixels per pixel here, `(y, x)`.
    """

    pixels: Image
    size: tuple[int, int]
    step: tuple[float, float]

    @classmethod
    def whole(cls, pixels: Image) -> Picture:
        """An image with all its pixels."""
        return cls(pixels, (pixels.shape[0], pixels.shape[1]), (1.0, 1.0))


def read_image(path: Path | str) -> Image:
    """Read an image file as `(H, W, 3)` uint8 RGB.

    Pixels come as stored: a rotation note of the camera (EXIF) is ignored, as annotations ignore it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image that can be decoded.
    """
    path = Path(path)
    return decode(read_content(path), path)


def read_picture(path: Path | str, size: tuple[int, int], *, detail: float = 1.0) -> Picture:
    """Read an image with no more pixels than are needed.

    A JPEG can be decoded at a half, a quarter or an eighth, three times as fast: its blocks are averaged before
    they become pixels.

    Args:
        path: the image file.
        size: `(height, width)` that its annotation is made for.
        detail: the share of the image's resolution that will be shown, in (0, 1].

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image that can be decoded, or one of another size.
    """
    path = Path(path)
    content = read_content(path)
    reduction = next((by for by in _REDUCED if by * detail <= 1), 1) if content[:2].tobytes() == _JPEG else 1
    if reduction == 1:
        whole = Picture.whole(decode(content, path))
        _check_size(path, whole.size, size)
        return whole
    _check_size(path, _size_in_header(content, path), size)
    return Picture(decode(content, path, _REDUCED[reduction]), size, (float(reduction), float(reduction)))


def read_content(path: Path) -> NDArray[np.uint8]:
    """The bytes of an image file.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such image file")
    return np.fromfile(path, np.uint8)  # decoding from memory copes with any file name on any system


def decode(content: NDArray[np.uint8], path: Path, flag: int = cv2.IMREAD_COLOR) -> Image:
    """RGB pixels of the bytes of an image file.

    Args:
        content: the bytes.
        path: for messages.
        flag: OpenCV's, for how many pixels.

    Raises:
        ValueError: they are no image that can be decoded.
    """
    image = cv2.imdecode(content, flag | cv2.IMREAD_IGNORE_ORIENTATION) if len(content) else None
    if image is None:
        raise ValueError(f"{path}: not a readable image ({len(content)} bytes); replace the file or leave it out")
    rgb: Image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _size_in_header(content: NDArray[np.uint8], path: Path) -> tuple[int, int]:
    """`(height, width)` of a JPEG as stored, without decoding it."""
    try:
        with PIL.Image.open(io.BytesIO(content.tobytes())) as image:
            return image.height, image.width
    except (OSError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path}: not a readable image ({len(content)} bytes); replace the file or leave it out"
        ) from error


def _check_size(path: Path, found: tuple[int, int], annotated: tuple[int, int]) -> None:
    if found != tuple(annotated):
        raise ValueError(
            f"{path}: is {found[1]} x {found[0]} pixels, its annotation is made for "
            f"{annotated[1]} x {annotated[0]}; boxes would be misplaced, put the original image there"
        )


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
    return pad(resize_area(image, letterbox.placement[2:]), letterbox)


def pad(resized: Image, letterbox: Letterbox) -> Image:
    """Put an image that has the size of `letterbox.placement` at its place on grey."""
    top, left, height, width = letterbox.placement
    canvas = np.full((*letterbox.input_size, 3), PAD_VALUE, np.uint8)
    canvas[top : top + height, left : left + width] = resized
    return canvas


def resize_area(image: Image, size: tuple[int, int]) -> Image:
    """Resize to `(height, width)`; area averaging, so that shrinking does not alias."""
    if image.shape[:2] == size:
        return image
    resized: Image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    return resized


def shrink(image: Image, size: tuple[int, int]) -> Image:
    """Resize to `(height, width)`, much like `resize_area` and several times as fast; never enlarges.

    Area averaging over s pixels has the variance (s^2 - 1) / 12 more than linear interpolation between two; three
    taps make up for it. Mean difference from area averaging: half a grey level on photographs.
    """
    step = max(image.shape[0] / size[0], image.shape[1] / size[1])
    if step <= 1:
        return image
    if step >= 2:
        return resize_area(image, size)
    side = (step**2 - 1) / 24
    taps = np.array([side, 1 - 2 * side, side])
    smooth = cv2.sepFilter2D(image, -1, taps, taps, borderType=cv2.BORDER_REPLICATE)
    small: Image = cv2.resize(smooth, size[::-1], interpolation=cv2.INTER_LINEAR)
    return small


def to_planes(image: Image) -> Tensor:
    """`(h, w, 3)` uint8 to `(3, h, w)` uint8."""
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


def to_unit(planes: Tensor) -> Tensor:
    """uint8 of any shape to float32 in [0, 1], on the device that it lies on."""
    return planes.float().div_(255)
