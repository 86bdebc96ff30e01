"""Things that stand on the synthetic pavement and hide people: poles, bollards, benches, kiosks, trees..."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_config import Stream, SyntheticConfig
from fairmot_pl.data.synthetic_drawing import Colour, Polygon, Sprite, ellipse, rasterise, shade
from fairmot_pl.data.synthetic_world import Obstacle

_METAL: Colour = (85, 85, 80)
_WOOD: Colour = (70, 105, 150)
_LEAVES: Colour = (55, 120, 75)


@dataclass(frozen=True)
class Thing:
    """Something that hides people: its picture in panorama pixels and its place on the ground."""

    kind: str
    depth: float
    sprite: Sprite
    obstacles: tuple[Obstacle, ...]


class _Draft:
    """Collects upright shapes given in metres around a foot point on the ground."""

    def __init__(self, view: Perspective, margin: tuple[int, int], x: float, z: float) -> None:
        self._foot = view.project(np.array([x, 0.0, z])) + np.array(margin, np.float64)
        self._scale = view.focal / z
        self.parts: list[Polygon] = []

    def box(self, left: float, up: float, width: float, height: float, colour: Colour) -> None:
        corners = np.array([(left, up), (left + width, up), (left + width, up + height), (left, up + height)])
        self.parts.append(Polygon(self._foot + self._scale * corners * [1, -1], colour))

    def blob(self, x: float, up: float, size: tuple[float, float], colour: Colour) -> None:
        centre: NDArray[np.float64] = self._foot + self._scale * np.array([x, -up])
        self.parts.append(Polygon(ellipse(centre, size[0] * self._scale, size[1] * self._scale), colour))


def _pole(draft: _Draft, rng: np.random.Generator) -> float:
    draft.box(-0.14, 0, 0.28, 0.35, shade(_METAL, 0.8))
    draft.box(-0.07, 0, 0.14, 5.5, _METAL)
    if rng.random() < 0.6:
        sign: Colour = (170, 90, 40) if rng.random() < 0.5 else (50, 50, 190)
        draft.blob(0, 2.35, (0.33, 0.33), (230, 230, 230))
        draft.blob(0, 2.35, (0.28, 0.28), sign)
    return 0.1


def _tree(draft: _Draft, rng: np.random.Generator) -> float:
    trunk = float(rng.uniform(0.13, 0.22))
    draft.box(-0.5, 0, 1.0, 0.1, (60, 75, 90))
    draft.box(-trunk, 0, 2 * trunk, 3.0, (50, 70, 95))
    for _ in range(70):
        x, up = rng.normal(0, 0.7), rng.uniform(2.5, 4.6)
        tone = shade(_LEAVES, float(rng.uniform(0.65, 1.25)))
        size = float(rng.uniform(0.14, 0.36)), float(rng.uniform(0.14, 0.36))
        draft.blob(float(x), float(up), size, tone)
    return 0.3


def _bench(draft: _Draft, rng: np.random.Generator) -> float:
    for left in (-0.75, 0.67):
        draft.box(left, 0, 0.08, 0.85, _METAL)
    for up in (0.40, 0.58, 0.74):
        draft.box(-0.85, up, 1.7, 0.12, shade(_WOOD, float(rng.uniform(0.85, 1.1))))
    return 0.7


def _kiosk(draft: _Draft, rng: np.random.Generator) -> float:
    paint: Colour = ((60, 95, 50), (95, 60, 45), (60, 60, 120))[int(rng.integers(3))]
    colour = shade(paint, float(rng.uniform(0.8, 1.4)))
    half = float(rng.uniform(0.8, 1.15))
    draft.box(-half, 0, 2 * half, 2.35, colour)
    draft.box(-half, 0, 2 * half, 0.2, shade(colour, 0.6))
    draft.box(-half + 0.15, 1.05, 2 * half - 0.3, 0.85, shade(colour, 0.45))
    for index in range(5):
        left = -half + 0.2 + index * (2 * half - 0.4) / 5
        draft.box(left, 1.1, (2 * half - 0.7) / 5, 0.4, _print_colour(rng))
    draft.box(-half - 0.15, 2.3, 2 * half + 0.3, 0.22, shade(colour, 1.35))
    return half + 0.1


def _column(draft: _Draft, rng: np.random.Generator) -> float:
    draft.box(-0.6, 0, 1.2, 0.25, (90, 100, 105))
    draft.box(-0.55, 0.25, 1.1, 2.2, (175, 185, 190))
    draft.box(-0.4, 0.7, 0.8, 1.3, _print_colour(rng))
    draft.box(-0.3, 1.5, 0.6, 0.12, (235, 235, 235))
    draft.blob(0, 2.5, (0.66, 0.14), (85, 95, 90))
    return 0.6


def _planter(draft: _Draft, rng: np.random.Generator) -> float:
    for _ in range(14):
        x, up = rng.uniform(-0.6, 0.6), rng.uniform(0.65, 1.15)
        size = float(rng.uniform(0.15, 0.3)), float(rng.uniform(0.15, 0.3))
        draft.blob(float(x), float(up), size, shade(_LEAVES, float(rng.uniform(0.7, 1.3))))
    draft.box(-0.75, 0, 1.5, 0.62, (120, 130, 140))
    draft.box(-0.8, 0.55, 1.6, 0.1, (145, 155, 160))
    return 0.7


def _print_colour(rng: np.random.Generator) -> Colour:
    blue, green, red = rng.uniform(70, 225, 3).tolist()
    return blue, green, red


def _bin(draft: _Draft, rng: np.random.Generator) -> float:
    colour = shade((60, 80, 55), float(rng.uniform(0.7, 1.5)))
    draft.box(-0.25, 0, 0.5, 0.9, colour)
    draft.box(-0.28, 0.85, 0.56, 0.16, shade(colour, 0.6))
    return 0.3


_KINDS: dict[str, Callable[[_Draft, np.random.Generator], float]] = {
    "pole": _pole,
    "kiosk": _kiosk,
    "tree": _tree,
    "bench": _bench,
    "column": _column,
    "planter": _planter,
    "bin": _bin,
}


def place_things(config: SyntheticConfig, view: Perspective, margin: tuple[int, int]) -> list[Thing]:
    """Spread `config.occluders` things over the pavement; more of them leave the first ones in place.

    Args:
        config: number of things and seed.
        view: the camera.
        margin: `(mx, my)` of the panorama.
    """
    kinds = list(_KINDS)
    order = Stream.OCCLUDERS.generator(config.seed).permutation(len(kinds))
    start = float(Stream.OCCLUDERS.generator(config.seed, 0).random())
    things = []
    for index in range(config.occluders):
        rng = Stream.OCCLUDERS.generator(config.seed, index + 1)
        kind = kinds[int(order[index % len(kinds)])]
        depth = float(rng.uniform(8.5 if kind in ("kiosk", "column") else 6.0, 13.5))
        # multiples of the golden ratio spread any number of things evenly
        place = (start + 0.618034 * index + float(rng.uniform(-0.04, 0.04))) % 1
        x = (2 * place - 1) * view.half_width(depth, margin[0])
        draft = _Draft(view, margin, x, depth)
        half = _KINDS[kind](draft, rng)
        things.append(Thing(kind, depth, rasterise(draft.parts), _footprint(x, depth, half)))
    return things


def _footprint(x: float, depth: float, half: float) -> tuple[Obstacle, ...]:
    """A row of discs along a thing's width."""
    radius = min(half, 0.3)
    count = max(1, math.ceil(half / radius))
    reach = max(0.0, half - radius)
    middles = np.linspace(x - reach, x + reach, count).tolist()
    return tuple(Obstacle(middle, depth, radius) for middle in middles)
