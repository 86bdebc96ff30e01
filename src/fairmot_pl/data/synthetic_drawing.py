"""Polygons to pixels: every thing and person of a synthetic scene is a list of them in painter's order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""Blue, green, red in 0..255."""

_SHIFT = 5  # fractional bits of OpenCV's fixed-point coordinates
_COMPLEX = np.array([1, 1j])
_ARC = np.exp(1j * np.linspace(-math.pi / 2, math.pi / 2, 7))  # half a circle
_TURN = np.linspace(0, 2 * math.pi, 22, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)


class Polygon(NamedTuple):
    """A filled outline: `(n, 2)` points in continuous pixels and its colour."""

    points: NDArray[np.float64]
    colour: Colour


class Sprite(NamedTuple):
    """A rendered thing: integer position of its top left pixel and `(h, w, 4)` uint8 BGRA, premultiplied."""

    left: int
    top: int
    pixels: NDArray[np.uint8]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """`(h, w)`: the pixels that count as covered."""
        return self.pixels[..., 3] >= 128


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) version of a colour."""
    blue, green, red = (min(255.0, max(0.0, channel * factor)) for channel in colour)
    return blue, green, red


def capsules(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    start_radii: NDArray[np.float64],
    end_radii: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Outlines `(L, n, 2)` of tapered limbs with round ends between `(L, 2)` points, radii `(L,)`."""
    # points as complex numbers: turning is a product
    start, end = starts @ _COMPLEX, ends @ _COMPLEX
    length = np.abs(end - start)
    direction = np.where(length > 0, end - start, 1) / np.where(length > 0, length, 1)
    tip = end[:, None] + (end_radii * direction)[:, None] * _ARC
    tail = start[:, None] - (start_radii * direction)[:, None] * _ARC
    outline = np.concatenate([tip, tail], axis=1)
    return outline.view(np.float64).reshape(*outline.shape, 2)


def ellipse(centre: NDArray[np.float64], half_width: float, half_height: float) -> NDArray[np.float64]:
    """Outline `(n, 2)` of an upright ellipse."""
    return centre + _CIRCLE * (half_width, half_height)


def bounding_box(polygons: Sequence[Polygon]) -> tuple[float, float, float, float]:
    """`(left, top, right, bottom)` around all outlines in pixels."""
    points = np.concatenate([polygon.points for polygon in polygons])
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left, top, right, bottom


def rasterise(polygons: Sequence[Polygon], lit: tuple[float, float] = (1.08, 0.84)) -> Sprite:
    """Draw polygons on a canvas of their own, anti-aliased by area; nothing is cut off by any image's border.

    Args:
        polygons: in painter's order, at least one.
        lit: brightness at the left and right edge, which makes flat shapes look round.
    """
    left, top, right, bottom = bounding_box(polygons)
    x0, y0 = math.floor(left), math.floor(top)
    width, height = max(1, math.ceil(right) - x0), max(1, math.ceil(bottom) - y0)
    # finer sampling where each pixel matters more; the fine canvas stays around 250 pixels high
    fine = min(4, max(2, math.ceil(200 / height)))
    canvas = np.zeros((height * fine, width * fine, 4), np.uint8)
    # OpenCV puts whole coordinates at pixel centres, here of fine pixels
    origin = np.array([x0, y0]) + 0.5 / fine
    for points, colour in polygons:
        fixed = np.rint((points - origin) * (fine << _SHIFT)).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], (*colour, 255), lineType=cv2.LINE_8, shift=_SHIFT)
    pixels = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    light = np.linspace(lit[0], lit[1], width, dtype=np.float32)[None, :, None]
    # premultiplied colours never exceed their alpha
    pixels[..., :3] = np.minimum(pixels[..., :3] * light, pixels[..., 3:])
    return Sprite(x0, y0, pixels)


def overlap(
    left: int, top: int, size: tuple[int, int], canvas: tuple[int, int]
) -> tuple[slice, slice, slice, slice] | None:
    """Where a `(height, width)` patch meets a canvas: rows and columns of the canvas, then of the patch."""
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas[1], left + size[1]), min(canvas[0], top + size[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return slice(y0, y1), slice(x0, x1), slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def paste(canvas: NDArray[np.uint8], sprite: Sprite) -> None:
    """Lay a sprite over a `(h, w, 3)` canvas in place."""
    meeting = overlap(sprite.left, sprite.top, sprite.pixels.shape[:2], canvas.shape[:2])
    if meeting is None:
        return
    rows, columns, own_rows, own_columns = meeting
    patch = sprite.pixels[own_rows, own_columns]
    region = canvas[rows, columns]
    uncovered = 255 - patch[..., 3:].astype(np.uint16)
    region[...] = (region * uncovered + 127) // 255 + patch[..., :3]
