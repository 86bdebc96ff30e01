"""The street of a synthetic scene: sky, houses, road and pavement, drawn once per sequence."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_config import Stream
from fairmot_pl.data.synthetic_drawing import Colour, Polygon, ellipse, paste, rasterise, shade

Floats: TypeAlias = NDArray[np.floating]

KERB, FAR_KERB, HOUSES = 17.0, 23.0, 26.5
"""Depths in metres of the road's near and far edge and of the house fronts."""

_WALLS: tuple[Colour, ...] = (
    (150, 175, 195), (120, 140, 175), (165, 170, 170), (110, 125, 150),
    (175, 190, 200), (95, 110, 140), (160, 150, 140),
)  # fmt: skip
_AWNINGS: tuple[Colour, ...] = ((60, 60, 150), (70, 110, 60), (130, 80, 50), (60, 130, 190))


class _Painter:
    """Draws upright flat shapes, given in metres, into the panorama."""

    def __init__(self, canvas: NDArray[np.uint8], view: Perspective, margin: tuple[int, int]) -> None:
        self.canvas, self._view, self._margin = canvas, view, np.array(margin, np.float64)

    def outline(self, corners: list[tuple[float, float]], depth: float) -> NDArray[np.float64]:
        """`(X, height)` metres at a depth to panorama pixels."""
        points = np.array([(x, up, depth) for x, up in corners])
        return self._view.project(points) + self._margin

    def box(self, x: float, up: float, width: float, height: float, depth: float, colour: Colour) -> None:
        """Fill a rectangle by its lower left corner."""
        corners = self.outline([(x, up), (x + width, up), (x + width, up + height), (x, up + height)], depth)
        fixed = np.rint((corners - 0.5) * 32).astype(np.int32)
        cv2.fillPoly(self.canvas, [fixed], colour, lineType=cv2.LINE_AA, shift=5)


def draw_street(view: Perspective, margin: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """The empty street as a panorama `(h + 2 my + 1, w + 2 mx + 1, 3)` BGR.

    Args:
        view: the camera; its image's top left corner lies at `margin` in the panorama.
        margin: `(mx, my)` pixels that the camera can see beyond each side of its unmoved image.
        seed: of the sequence.
    """
    rng = Stream.SCENERY.generator(seed)
    height, width = view.image_size[0] + 2 * margin[1] + 1, view.image_size[1] + 2 * margin[0] + 1
    columns = np.arange(width) + 0.5 - margin[0]
    rows = np.arange(height) + 0.5 - margin[1]
    canvas = _sky(height, width, rng)
    below = rows > view.horizon + 0.5
    canvas[below] = _ground(view, columns, rows[below], rng)
    painter = _Painter(canvas, view, margin)
    reach = view.half_width(HOUSES, margin[0]) + 1
    x = -reach
    while x < reach:
        front = float(rng.uniform(4, 9))
        _house(painter, x, front, rng)
        x += front
    for place in np.arange(-reach, reach, 6.0):
        if rng.random() < 0.55:
            _car(painter, float(place + rng.uniform(0, 1.2)), rng)
    return canvas


def _sky(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    top, low = np.array([215.0, 180, 150]) * rng.uniform(0.85, 1.1), np.array([235.0, 228, 220])
    blend = np.linspace(0, 1, height)[:, None] ** 0.5
    column = (top * (1 - blend) + low * blend).clip(0, 255)
    return np.repeat(column[:, None], width, axis=1).round().astype(np.uint8)


def _ground(view: Perspective, columns: Floats, rows: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Slabs, kerbs and an asphalt road with a dashed line, by looking each pixel up on the ground."""
    depth = (view.focal * view.camera_height / (rows - view.horizon))[:, None]
    x = (columns[None] - view.image_size[1] / 2) * depth / view.focal
    depth = np.broadcast_to(depth, x.shape)
    pixel = depth / view.focal  # metres across one pixel
    deep = pixel * depth / view.camera_height  # metres into the depth of one pixel
    slab = float(rng.uniform(0.5, 0.9))
    tones = rng.normal(0, 5.0, (64, 64))
    shift = 0.5 * slab * (np.floor(depth / slab) % 2)
    tone = tones[np.floor(depth / slab).astype(int) % 64, np.floor((x + shift) / slab).astype(int) % 64]
    tone = tone - 26 * _joint(x + shift, slab, pixel) - 26 * _joint(depth, slab, deep)
    pavement = np.array(rng.uniform(130, 175)) + np.array([-4.0, 0, 4]) * rng.uniform(0, 2)
    surface = pavement + tone[..., None] * np.exp(-deep / slab)[..., None]
    road = (depth > KERB) & (depth < FAR_KERB)
    surface = np.where(road[..., None], np.array([88.0, 86, 84]), surface)
    middle = np.abs(depth - (KERB + FAR_KERB) / 2) < 0.12
    surface = np.where((middle & (x % 4 < 2))[..., None], 200.0, surface)
    kerb = (np.abs(depth - KERB) < 0.16) | (np.abs(depth - FAR_KERB) < 0.16)
    surface = np.where(kerb[..., None], 178.0, surface)
    stains = rng.normal(0, 1, (max(2, len(rows) // 12), max(2, len(columns) // 24))).astype(np.float32)
    patchy = cv2.resize(stains, (len(columns), len(rows)), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 3.0, x.shape) + 5 * patchy
    nearness = np.linspace(-10, 8, len(rows))[:, None]
    shades: NDArray[np.uint8] = (surface + (grain + nearness)[..., None]).clip(0, 255).astype(np.uint8)
    return shades


def _joint(position: Floats, slab: float, footprint: Floats) -> Floats:
    """How much of each pixel is joint between slabs, 0..1, so that far joints fade and never flicker."""
    gap = 0.02
    distance = np.abs((position + slab / 2) % slab - slab / 2)
    covered = ((gap + footprint) / 2 - distance).clip(0, gap)
    share: Floats = covered / np.maximum(footprint, gap)
    return share


def _house(painter: _Painter, x: float, front: float, rng: np.random.Generator) -> None:
    wall = shade(_WALLS[int(rng.integers(len(_WALLS)))], float(rng.uniform(0.8, 1.05)))
    storeys = int(rng.integers(1, 5))
    top = 3.2 + 2.7 * storeys * float(rng.uniform(0.6, 1.0))
    painter.box(x, 0, front, top, HOUSES, wall)
    painter.box(x, top - 0.3, front, 0.3, HOUSES, shade(wall, 0.7))
    painter.box(x, 0, 0.08, top, HOUSES, shade(wall, 0.75))
    count = max(1, int(front / 1.7))
    pitch = front / count
    for level in range(1, storeys + 1):
        base = 2.7 * level + 0.9
        if base + 1.5 > top - 0.4:
            break
        for index in range(count):
            glass = shade((120, 100, 80), float(rng.uniform(0.5, 1.5)))
            painter.box(x + (index + 0.25) * pitch, base - 0.08, 0.5 * pitch, 1.6, HOUSES, shade(wall, 1.2))
            painter.box(x + (index + 0.3) * pitch, base, 0.4 * pitch, 1.4, HOUSES, glass)
    _shop(painter, x, front, wall, rng)


def _shop(painter: _Painter, x: float, front: float, wall: Colour, rng: np.random.Generator) -> None:
    door = float(rng.uniform(0.3, front - 1.5))
    glass = shade((95, 85, 70), float(rng.uniform(0.6, 1.6)))
    painter.box(x + 0.3, 0.5, front - 0.6, 1.9, HOUSES, glass)
    painter.box(x + 0.3, 1.7, front - 0.6, 0.5, HOUSES, shade(glass, 1.25))
    painter.box(x + door, 0, 1.1, 2.2, HOUSES, shade(wall, float(rng.uniform(0.4, 0.6))))
    if rng.random() < 0.6:
        awning = _AWNINGS[int(rng.integers(len(_AWNINGS)))]
        stripe = 0.5
        for index in range(int((front - 0.4) / stripe)):
            tone = awning if index % 2 else shade(awning, 1.5)
            painter.box(x + 0.2 + index * stripe, 2.35, stripe, 0.55, HOUSES, tone)


def _car(painter: _Painter, x: float, rng: np.random.Generator) -> None:
    """A car parked at the far kerb."""
    depth = FAR_KERB - 1.0
    colour = shade((90, 90, 95), float(rng.uniform(0.4, 2.2))) if rng.random() < 0.6 else _AWNINGS[int(rng.integers(4))]
    hull = [(0, 0.3), (4.2, 0.3), (4.25, 0.75), (3.5, 0.9), (2.9, 1.4), (1.3, 1.42), (0.6, 0.92), (0.05, 0.8)]
    glass = [(3.2, 0.92), (2.8, 1.3), (1.45, 1.32), (0.95, 0.93)]
    parts = [
        Polygon(painter.outline([(x + u, v) for u, v in hull], depth), colour),
        Polygon(painter.outline([(x + u, v) for u, v in glass], depth), (75, 65, 60)),
    ]
    for wheel in (0.85, 3.4):
        centre, rim = painter.outline([(x + wheel, 0.32), (x + wheel + 0.32, 0.32)], depth)
        radius = math.dist(centre, rim)
        parts.append(Polygon(ellipse(centre, radius, radius), (30, 30, 30)))
    painter.box(x, 0.0, 4.2, 0.12, depth, (50, 50, 50))
    paste(painter.canvas, rasterise(parts))
