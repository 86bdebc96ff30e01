"""Lines and areas that somebody has drawn into an image, from what a configuration says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

_SHORTEST = 2.0
"""Pixels; what is smaller was given in fractions of something else."""


@dataclass(frozen=True)
class Line:
    """A line to walk over. Seen from its first point to its second, `in` is from left to right."""

    name: str
    start: Point
    end: Point

    def depth(self, point: Point) -> float:
        """Pixels from the line through both points; positive on the right."""
        (ax, ay), (bx, by) = self.start, self.end
        cross = (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
        return cross / float(np.hypot(bx - ax, by - ay))

    def passes(self, before: Point, after: Point) -> bool:
        """Whether the way between two points on different sides goes between the ends of the line."""
        first, second = self.depth(before), self.depth(after)
        share = first / (first - second) if first != second else 0.0
        x, y = (before[axis] + share * (after[axis] - before[axis]) for axis in (0, 1))
        (ax, ay), (bx, by) = self.start, self.end
        along = (x - ax) * (bx - ax) + (y - ay) * (by - ay)
        return 0 <= along <= (bx - ax) ** 2 + (by - ay) ** 2


@dataclass(frozen=True)
class Zone:
    """An area to be in, bounded by a polygon."""

    name: str
    corners: tuple[Point, ...]

    @property
    def contour(self) -> NDArray[np.float32]:
        """`(P, 2)` x, y of the corners."""
        return np.array(self.corners, np.float32)

    @property
    def breadth(self) -> float:
        """Pixels: a measure of how far inside one can be; half the radius of a circle."""
        return float(cv2.contourArea(self.contour) / cv2.arcLength(self.contour, True))

    def depth(self, point: Point) -> float:
        """Pixels from the nearest edge; positive inside."""
        return float(cv2.pointPolygonTest(self.contour, point, True))


Area = Line | Zone


def check_areas(count: Mapping[str, Any] | None) -> None:
    """Refuse what is neither a line nor an area.

    Raises:
        ValueError: naming the key, what was given and what is allowed.
    """
    for name, given in (count or {}).items():
        _numbers(name, given)


def areas_in(count: Mapping[str, Any] | None, image_size: tuple[int, int]) -> list[Area]:
    """The lines and areas of a configuration, in pixels of an image.

    Args:
        count: name to `[x1, y1, x2, y2]`, a line, or to `[[x, y], [x, y], [x, y], ...]`, a polygon. Numbers are
            pixels, or fractions of width and height where none is above 1.
        image_size: `(height, width)`.

    Raises:
        ValueError: as `check_areas`; a line shorter than two pixels, an area of less than four square pixels, or
            one that lies outside the image.
    """
    areas: list[Area] = []
    height, width = image_size
    for name, given in (count or {}).items():
        points = _numbers(name, given)
        if (points >= 0).all() and points.max() <= 1:
            points = points * (width, height)
        if (points.max(axis=0) < 0).any() or (points.min(axis=0) > (width, height)).any():
            raise ValueError(f"count.{name} is {given!r}, which lies outside of the image ({width}x{height} pixels)")
        corners = tuple((float(x), float(y)) for x, y in points)
        if len(corners) == 2:
            extent = float(np.hypot(*(points[1] - points[0])))
            areas.append(Line(name, *corners))
        else:
            extent = float(np.sqrt(cv2.contourArea(points.astype(np.float32))))
            areas.append(Zone(name, corners))
        if extent < _SHORTEST:
            raise ValueError(
                f"count.{name} is {given!r}, less than {_SHORTEST:g} pixels large; numbers are pixels, or fractions "
                "of width and height where all lie between 0 and 1"
            )
    return areas


def _numbers(name: str, given: Any) -> NDArray[np.float64]:
    """`(P, 2)` as given."""
    flat = _is_sequence(given) and len(given) == 4 and all(map(_is_number, given))
    pairs = (
        _is_sequence(given)
        and len(given) >= 3
        and all(_is_sequence(pair) and len(pair) == 2 and all(map(_is_number, pair)) for pair in given)
    )
    if not (flat or pairs):
        raise ValueError(
            f"count.{name} is {given!r}; expected a line [x1, y1, x2, y2], or a polygon of three or more corners "
            "[[x, y], [x, y], [x, y]], in pixels or in fractions of width and height"
        )
    return np.array(given, np.float64).reshape(-1, 2)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real) and bool(np.isfinite(float(value)))
