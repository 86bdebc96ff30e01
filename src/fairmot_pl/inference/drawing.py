"""Pictures of what was found: tracks with their trails, and the centre heatmap over the image."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.inference.palette import RGB, identity_colour, ink_on
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import Tracks

Image = NDArray[np.uint8]

_FAR = 1 << 14
"""OpenCV draws with 16 bits before the point; a box edge beyond this is moved to it, which nobody can see."""


class Trails:
    """Where each track's foot point (bottom centre of its box) was in its last frames.

    Memory is bounded: `length` points a track, and a track absent for `length` frames is forgotten.

    Args:
        length: how many frames a trail reaches back.
    """

    def __init__(self, length: int = 30) -> None:
        if length < 1:
            raise ValueError(f"a trail of {length} points cannot be drawn; at least 1 is needed")
        self.length = length
        self._frame = 0
        self._points: dict[int, deque[tuple[int, float, float]]] = {}

    def __len__(self) -> int:
        return len(self._points)

    def update(self, tracks: Tracks) -> None:
        """Take note of the tracks of the next frame."""
        self._frame += 1
        for identity, (left, _, right, bottom) in zip(tracks.ids.tolist(), tracks.boxes.tolist(), strict=True):
            trail = self._points.setdefault(identity, deque(maxlen=self.length))
            trail.append((self._frame, (left + right) / 2, bottom))
        oldest = self._frame - self.length
        for identity in [known for known, trail in self._points.items() if trail[-1][0] <= oldest]:
            del self._points[identity]

    def points(self, identity: int) -> NDArray[np.float64]:
        """`(P, 2)` x, y in image pixels, oldest first, none older than `length` frames."""
        oldest = self._frame - self.length
        recent = [point[1:] for point in self._points.get(identity, ()) if point[0] > oldest]
        return np.array(recent, np.float64).reshape(-1, 2)


def draw_tracks(image: Image, tracks: Tracks, *, trails: Trails | None = None) -> Image:
    """A copy of the image with a box, an id label and, on request, a trail for each track.

    Args:
        image: `(H, W, 3)` uint8 RGB.
        tracks: boxes in pixels of that image; they may reach outside. Boxes that are not finite are skipped.
        trails: drawn for the tracks of this frame; the caller keeps them up to date.

    Raises:
        ValueError: not an `(H, W, 3)` uint8 image.
    """
    canvas = _copied(image)
    tracks = tracks.select(np.flatnonzero(np.isfinite(tracks.boxes).all(axis=1)))
    width = line_width(image)
    colours = [identity_colour(identity) for identity in tracks.ids.tolist()]
    if trails is not None:
        for identity, colour in zip(tracks.ids.tolist(), colours, strict=True):
            _draw_trail(canvas, trails.points(identity), colour, width)
    boxes = _whole(tracks.boxes)
    for (left, top, right, bottom), colour in zip(boxes.tolist(), colours, strict=True):
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, width)
    for identity, (left, top, _, _), colour in zip(tracks.ids.tolist(), boxes.tolist(), colours, strict=True):
        draw_label(canvas, str(identity), left, top, colour)
    return canvas


def draw_heatmap(
    image: Image, heatmap: NDArray[np.floating], *, letterbox: Letterbox | None = None, strength: float = 0.75
) -> Image:
    """A copy of the image with a heatmap laid over it; cold places let the image through.

    Args:
        image: `(H, W, 3)` uint8 RGB.
        heatmap: `(h, w)` in [0, 1]; it covers the image or, with `letterbox`, the network input.
        letterbox: how the image went into the network input.
        strength: opacity of the hottest place, 0 to 1.

    Raises:
        ValueError: a shape or a range that does not fit.
    """
    canvas = _copied(image)
    heat = np.nan_to_num(np.asarray(heatmap, np.float32))
    if heat.ndim != 2 or heat.size == 0:
        raise ValueError(f"heatmap has shape {np.shape(heatmap)}; (h, w) is needed, one class at a time")
    if heat.min() < 0 or heat.max() > 1:
        raise ValueError(f"heatmap reaches from {heat.min():g} to {heat.max():g}; [0, 1] is needed: apply the sigmoid")
    heat = _over_image(heat, letterbox or Letterbox(image.shape[:2], image.shape[:2]))
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    opacity = (strength * np.sqrt(heat))[:, :, None]
    return np.asarray(canvas * (1 - opacity) + colours * opacity, np.uint8)


def _over_image(heat: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float32]:
    """Resample a heatmap of the network input onto the image, cell centres on pixel centres."""
    height, width = letterbox.image_size
    cells = np.array(heat.shape[::-1]) / np.array(letterbox.input_size[::-1])
    scale = letterbox.ratio * cells
    shift = np.array(letterbox.padding) * cells + scale / 2 - 0.5
    to_cells = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(heat, to_cells, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped.clip(0, 1), np.float32)


def _draw_trail(canvas: Image, points: NDArray[np.float64], colour: RGB, width: int) -> None:
    """Older parts are thinner."""
    path = _whole(points[np.isfinite(points).all(axis=1)])
    for step in range(1, len(path)):
        thickness = max(1, round(1.5 * width * step / len(path)))
        cv2.line(canvas, path[step - 1].tolist(), path[step].tolist(), colour, thickness, cv2.LINE_AA)


def line_width(image: Image) -> int:
    """Pixels of a line that suits the size of an image."""
    return max(1, round(float(min(image.shape[:2])) / 300))


def draw_label(canvas: Image, text: str, left: int, top: int, colour: RGB) -> None:
    """Text on a filled tag above a point; inside the image wherever the point is."""
    height, width = canvas.shape[:2]
    scale = max(0.35, min(height, width) / 1100)
    stroke = max(1, round(1.6 * scale))
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    pad = max(2, round(6 * scale))
    tag_width, tag_height = text_width + 2 * pad, text_height + 2 * pad
    x = min(max(left, 0), max(width - tag_width, 0))
    y = min(max(top - tag_height, 0), max(height - tag_height, 0))
    cv2.rectangle(canvas, (x, y), (x + tag_width, y + tag_height), colour, cv2.FILLED)
    origin = (x + pad, y + pad + text_height)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, ink_on(colour), stroke, cv2.LINE_AA)


def _whole(coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.rint(coordinates.clip(-_FAR, _FAR)), np.int64)


def _copied(image: Image) -> Image:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image has shape {image.shape} and dtype {image.dtype}; (H, W, 3) uint8 RGB is needed")
    return np.ascontiguousarray(image).copy()
