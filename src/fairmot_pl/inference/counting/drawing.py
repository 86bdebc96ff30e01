"""Lines, areas and their counts on an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from fairmot_pl.inference.counting.areas import Area, Line, Point, Zone
from fairmot_pl.inference.drawing import Image, draw_label, line_width

COLOUR = (255, 255, 255)
ARROW = 0.08
"""Of the image's shorter side: how long the arrow is."""

_EDGE = (0, 0, 0)
_VEIL = 0.2


def draw_counts(canvas: Image, areas: Sequence[Area], counts: Mapping[str, Mapping[str, int]]) -> None:
    """Draw each line with an arrow that points `in`, each area as a veil, and what they counted.

    Args:
        canvas: `(H, W, 3)` uint8 RGB, drawn on.
        areas: in pixels of that image.
        counts: as `Counter.counts`.
    """
    width = line_width(canvas)
    for area in areas:
        if isinstance(area, Line):
            _draw_line(canvas, area, width)
            points: tuple[Point, ...] = (area.start, area.end)
        else:
            _draw_zone(canvas, area, width)
            points = area.corners
        x, y = min(points, key=lambda point: (point[1], point[0]))
        told = ", ".join(f"{count} {kind}" for kind, count in counts[area.name].items())
        draw_label(canvas, f"{area.name}: {told}", round(x), round(y) - 2 * width, COLOUR)


def _draw_line(canvas: Image, line: Line, width: int) -> None:
    start, end = np.array(line.start), np.array(line.end)
    middle, along = (start + end) / 2, (end - start) / np.linalg.norm(end - start)
    inward = np.array([-along[1], along[0]])  # y points down, so this is the right-hand side
    tip = middle + inward * ARROW * min(canvas.shape[:2])
    for colour, thickness in ((_EDGE, width + 2), (COLOUR, width)):
        cv2.line(canvas, _pixel(start), _pixel(end), colour, thickness, cv2.LINE_AA)
        cv2.arrowedLine(canvas, _pixel(middle), _pixel(tip), colour, thickness, cv2.LINE_AA, tipLength=0.4)


def _draw_zone(canvas: Image, zone: Zone, width: int) -> None:
    corners = [np.rint(zone.contour).astype(np.int32)]
    veil = canvas.copy()
    cv2.fillPoly(veil, corners, COLOUR)
    cv2.addWeighted(veil, _VEIL, canvas, 1 - _VEIL, 0, dst=canvas)
    for colour, thickness in ((_EDGE, width + 2), (COLOUR, width)):
        cv2.polylines(canvas, corners, True, colour, thickness, cv2.LINE_AA)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(point).astype(int).tolist()
    return x, y
