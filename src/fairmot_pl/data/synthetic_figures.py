"""A walking person: a small skeleton posed in three dimensions, projected, and dressed in polygons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_drawing import Colour, Polygon, capsules, ellipse, shade
from fairmot_pl.data.synthetic_looks import Appearance

# Body measures in units of its height; body axes are (forward, left, up).
_THIGH, _SHIN, _ANKLE = 0.245, 0.245, 0.04
_UPPER_ARM, _FOREARM = 0.165, 0.15
_STRIDE = 0.84  # ground covered by two steps
_USUAL_SPEED = 1.3

# Trunk rows from neck to hem: height above the hips, half breadth, half depth.
_SHIRT = np.array([[0.328, 0.040, 0.035], [0.302, 0.098, 0.055], [0.225, 0.114, 0.072], [0.10, 0.092, 0.066],
                   [0.0, 0.098, 0.070], [-0.035, 0.096, 0.070]])  # fmt: skip
_COAT = np.concatenate([_SHIRT[:-1], [[-0.06, 0.104, 0.078], [-0.19, 0.118, 0.092]]])
_HIPS = np.array([[0.05, 0.090, 0.066], [-0.03, 0.098, 0.072], [-0.07, 0.080, 0.062]])
_SKIRT = np.array([[0.06, 0.088, 0.066], [-0.03, 0.104, 0.076], [-0.22, 0.135, 0.105]])
_HALF_TURN = math.pi / 2


@dataclass(frozen=True)
class Stance:
    """Where a person is and what they are doing: world metres, radians from the X axis, metres walked, m/s."""

    x: float
    z: float
    heading: float
    distance: float
    speed: float


class _Body:
    """One posed person under one camera: turns body coordinates into pixels."""

    def __init__(self, look: Appearance, stance: Stance, view: Perspective) -> None:
        self.look, self._stance, self._view = look, stance, view
        # forward and left in the ground plane, (X, Z)
        self.forward = math.cos(stance.heading), math.sin(stance.heading)
        self.left = -self.forward[1], self.forward[0]
        self.effort = min(1.3, math.sqrt(stance.speed / _USUAL_SPEED))
        self.phase = look.phase + 2 * math.pi * stance.distance / (_STRIDE * look.stride * look.height)
        self.scale = look.height * view.focal / stance.z
        self.facing = -self.forward[1]  # 1 = towards the camera, -1 = away

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Body coordinates `(..., 3)` in body heights to `(..., 2)` pixels."""
        metres = self.look.height * points
        ahead, aside, up = metres[..., 0], metres[..., 1], metres[..., 2]
        x = self._stance.x + ahead * self.forward[0] + aside * self.left[0]
        z = self._stance.z + ahead * self.forward[1] + aside * self.left[1]
        return self._view.project(np.stack([x, up, z], axis=-1))

    def farness(self, point: Sequence[float]) -> float:
        """How far behind the body's axis a body point lies, in body heights."""
        return point[0] * self.forward[1] + point[1] * self.left[1]

    def tube(
        self, rows: NDArray[np.float64], hips: float, lean: float, middle: float = 0.0, half: float = math.pi
    ) -> NDArray[np.float64]:
        """Outline of the visible part of an upright elliptic tube (the trunk and what is printed on it).

        Args:
            rows: `(R, 3)` height above the hips, half breadth, half depth.
            hips: height of the hips.
            lean: forward shift per unit of height above the hips.
            middle: angle around the body (0 = front, positive to the left) of the part's middle.
            half: half its angle; at least pi means all around.

        Returns:
            `(2 R, 2)` pixels; empty if the part is turned away.
        """
        height, breadth, depth = rows[:, 0], rows[:, 1] * self.look.build, rows[:, 2] * self.look.build
        seen = np.arctan2(-self.left[1] / breadth, -self.forward[1] / depth)
        if half >= math.pi:
            low, high = np.full(len(rows), -_HALF_TURN), np.full(len(rows), _HALF_TURN)
        else:
            centre = (middle - seen + math.pi) % (2 * math.pi) - math.pi
            low = (centre - half).clip(-_HALF_TURN, _HALF_TURN)
            high = (centre + half).clip(-_HALF_TURN, _HALF_TURN)
            if (high <= low).all():
                return np.zeros((0, 2))

        def edge(angle: NDArray[np.float64]) -> NDArray[np.float64]:
            angle = angle + seen
            surface = np.stack([depth * np.cos(angle), breadth * np.sin(angle)], axis=-1)
            across = surface @ np.array([self.forward[0], self.left[0]])
            axis = np.stack([lean * height, np.zeros_like(height), hips + height], axis=-1)
            points = self.pixels(axis)
            points[:, 0] += across * self.scale
            return points

        return np.concatenate([edge(low), edge(high)[::-1]])


@dataclass(frozen=True)
class _Limbs:
    """Joints of both sides in body coordinates, index 0 left and 1 right."""

    hips: float
    lean: float
    hip: NDArray[np.float64]
    knee: NDArray[np.float64]
    ankle: NDArray[np.float64]
    toe: NDArray[np.float64]
    shoulder: NDArray[np.float64]
    elbow: NDArray[np.float64]
    wrist: NDArray[np.float64]


def _swing(angle: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """A hanging bone of a length, swung forward by angles: `(2, 3)`."""
    return length * np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], axis=-1)


def _pose(body: _Body) -> _Limbs:
    """Joint positions for the body's gait phase: legs and arms swing in opposition, the lower foot is on the ground."""
    look, effort = body.look, body.effort
    sides = np.array([1.0, -1.0])
    phase = body.phase + np.array([0.0, math.pi])
    reach = 0.45 * effort * look.stride
    thigh = reach * np.sin(phase)
    bend = 0.05 + 0.95 * effort * np.cos(phase).clip(0)  # the knee bends while its leg swings forward
    legs = _swing(thigh, _THIGH), _swing(thigh - bend, _SHIN)
    hips = _ANKLE - float((legs[0] + legs[1])[:, 2].min())
    lean = 0.06 * effort
    hip = np.stack([np.zeros(2), 0.048 * look.build * sides, np.full(2, hips)], axis=-1)
    knee = hip + legs[0]
    ankle = knee + legs[1]
    pitch = (0.6 * (thigh - bend)).clip(None, 0.25)
    pitch = np.where(ankle[:, 2] < _ANKLE + 0.01, 0.0, pitch)
    toe = ankle + np.stack([0.085 * np.cos(pitch), 0.012 * sides, 0.085 * np.sin(pitch) - 0.016], axis=-1)
    shoulder = np.stack(
        [np.full(2, 0.29 * lean), 0.108 * look.build * sides, np.full(2, hips + 0.292)], axis=-1
    )
    upper = -0.85 * look.arm_swing * reach * np.sin(phase)
    lower = upper + 0.18 + 0.35 * effort
    away = np.stack([np.zeros(2), 0.022 * sides, np.zeros(2)], axis=-1)
    elbow = shoulder + _swing(upper, _UPPER_ARM) + away
    wrist = elbow + _swing(lower, _FOREARM) - 0.4 * away
    return _Limbs(hips, lean, hip, knee, ankle, toe, shoulder, elbow, wrist)


def figure_polygons(look: Appearance, stance: Stance, view: Perspective) -> list[Polygon]:
    """A person in painter's order, in pixels of the unmoved camera; their bounding box is the amodal box.

    Args:
        look: who it is.
        stance: where and how they stand or walk.
        view: the camera.
    """
    body = _Body(look, stance, view)
    limbs = _pose(body)
    far, near = (0, 1) if body.left[1] > 0 else (1, 0)
    arms = {side: _arm(body, limbs, side, 0.8 if side == far else 1.0) for side in (far, near)}
    bag = _backpack(body, limbs) if look.bag == "backpack" else []
    bag_behind = body.facing > 0.2
    figure = arms[far] + (bag if bag_behind else []) + _long_hair(body, limbs, behind=True)
    figure += _leg(body, limbs, far, 0.8) + _leg(body, limbs, near, 1.0) + _trunk(body, limbs)
    figure += (
        _head(body, limbs) + _long_hair(body, limbs, behind=False) + ([] if bag_behind else bag) + arms[near]
    )
    return figure


def _chain(
    body: _Body,
    joints: Sequence[NDArray[np.float64]],
    radii: Sequence[tuple[float, float]],
    colours: Sequence[Colour],
) -> list[Polygon]:
    points = body.pixels(np.stack(list(joints)))
    starts, ends = (np.array(column) * body.scale for column in zip(*radii, strict=True))
    outlines = capsules(points[:-1], points[1:], starts, ends)
    return [Polygon(outline, colour) for outline, colour in zip(outlines, colours, strict=True)]


def _leg(body: _Body, limbs: _Limbs, side: int, light: float) -> list[Polygon]:
    look, wide = body.look, body.look.build
    bare = look.garment in ("shorts", "skirt")
    upper = shade(look.skin if look.garment == "skirt" else look.bottom, light)
    lower = shade(look.skin if bare else look.bottom, light * 0.94)
    hip, knee, ankle, toe = limbs.hip[side], limbs.knee[side], limbs.ankle[side], limbs.toe[side]
    shin = 0.030 if bare else 0.036
    foot = _chain(body, [ankle - [0.012, 0, 0.016], toe], [(0.024, 0.020)], [shade(look.shoes, light)])
    radii = [(0.058 * wide, 0.042 * wide), (shin * wide, (shin - 0.006) * wide)]
    thigh, calf = _chain(body, [hip, knee, ankle], radii, [upper, lower])
    return [*foot, calf, thigh]


def _arm(body: _Body, limbs: _Limbs, side: int, light: float) -> list[Polygon]:
    look, wide = body.look, body.look.build
    sleeve, skin = shade(look.top, 0.9 * light), shade(look.skin, light)
    shoulder, elbow, wrist = limbs.shoulder[side], limbs.elbow[side], limbs.wrist[side]
    tip = wrist + 0.16 * (wrist - elbow)
    radii = [(0.038 * wide, 0.030 * wide), (0.027 * wide, 0.022 * wide), (0.021, 0.019)]
    upper, lower, hand = _chain(
        body, [shoulder, elbow, wrist, tip], radii, [sleeve, sleeve if look.long_sleeves else skin, skin]
    )
    return [hand, lower, upper]


def _between(rows: NDArray[np.float64], top: float, bottom: float) -> NDArray[np.float64]:
    """The rows of a tube cut to a range of heights."""
    heights = rows[::-1, 0]
    inner = rows[(rows[:, 0] < top) & (rows[:, 0] > bottom)]

    def at(height: float) -> list[float]:
        return [height, *(float(np.interp(height, heights, rows[::-1, column])) for column in (1, 2))]

    return np.array([at(top), *inner.tolist(), at(bottom)])


def _trunk(body: _Body, limbs: _Limbs) -> list[Polygon]:
    """Hips or skirt, then the top and its pattern, then the strap of a shoulder bag and the bag."""
    look = body.look
    rows = _COAT if look.garment == "coat" else _SHIRT

    def part(
        shape: NDArray[np.float64], colour: Colour, middle: float = 0.0, half: float = math.pi
    ) -> Polygon:
        return Polygon(body.tube(shape, limbs.hips, limbs.lean, middle, half), colour)

    parts = [part(_SKIRT if look.garment == "skirt" else _HIPS, look.bottom), part(rows, look.top)]
    if look.pattern == "stripes":
        parts += [
            part(_between(rows, top, top - 0.03), look.accent)
            for top in np.arange(0.27, rows[-1, 0] + 0.03, -0.065)
        ]
    elif look.pattern == "halves":
        parts.append(part(_between(rows, 0.14, float(rows[-1, 0])), look.accent))
    elif look.pattern == "panel":
        parts.append(part(_between(rows, 0.315, float(rows[-1, 0])), look.accent, half=0.5))
    elif look.pattern == "print":
        parts += [
            part(_between(rows, 0.235, 0.10), look.accent, middle, half=0.6) for middle in (0.0, math.pi)
        ]
    if look.bag == "shoulder":
        parts.append(part(_between(rows, 0.29, 0.0), shade(look.extra, 0.8), middle=0.5, half=0.12))
        pouch = np.array(
            [[0.02, 0.122, 0.10], [0.0, 0.13, 0.105], [-0.11, 0.13, 0.105], [-0.12, 0.122, 0.10]]
        )
        parts.append(part(pouch, look.extra, middle=_HALF_TURN, half=0.75))
    return [polygon for polygon in parts if len(polygon.points)]


def _backpack(body: _Body, limbs: _Limbs) -> list[Polygon]:
    centre = np.array([-0.115, 0.0, limbs.hips + 0.19])
    side = abs(body.forward[0])
    width = (0.085 * (1 - side) + 0.055 * side) * body.scale
    middle = body.pixels(centre)
    angle = np.linspace(0, 2 * math.pi, 20, endpoint=False)
    # a superellipse is a box with round corners
    corner = (
        np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.5,
        np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.5,
    )
    outline = np.stack(corner, axis=-1)
    pocket = middle + outline * [0.7 * width, 0.035 * body.scale] + [0, 0.05 * body.scale]
    return [
        Polygon(middle + outline * [width, 0.115 * body.scale], body.look.extra),
        Polygon(pocket, shade(body.look.extra, 0.75)),
    ]


def _head_centre(limbs: _Limbs) -> NDArray[np.float64]:
    return np.array([0.36 * limbs.lean + 0.012, 0.0, limbs.hips + 0.405])


def _head(body: _Body, limbs: _Limbs) -> list[Polygon]:
    look, radius = body.look, 0.066 * body.scale
    centre = body.pixels(_head_centre(limbs))
    neck = _chain(
        body,
        [np.array([0.3 * limbs.lean, 0, limbs.hips + 0.30]), _head_centre(limbs)],
        [(0.03, 0.028)],
        [shade(look.skin, 0.85)],
    )
    skull = look.skin if look.hair == "bald" else look.hair_colour
    parts = [*neck, Polygon(ellipse(centre, 0.86 * radius, 1.06 * radius), skull)]
    if body.facing > -0.55:
        shown = min(1.0, 0.62 + 0.5 * (body.facing + 0.55))
        shift = np.array([0.42 * body.forward[0], 0.2]) * radius
        parts.append(Polygon(ellipse(centre + shift, 0.72 * shown * radius, 0.84 * radius), look.skin))
    if look.hair == "bun":
        knot = body.pixels(_head_centre(limbs) + [-0.05, 0, 0.05])
        parts.insert(
            0 if body.facing > 0 else len(parts),
            Polygon(ellipse(knot, 0.45 * radius, 0.42 * radius), look.hair_colour),
        )
    if look.hat != "none":
        dome = ellipse(centre, 0.95 * radius, 1.16 * radius)
        limit = centre[1] - 0.25 * radius
        parts.append(Polygon(np.stack([dome[:, 0], dome[:, 1].clip(None, limit)], axis=-1), look.extra))
    if look.hat == "cap" and body.facing > -0.7:
        brim = centre + np.array([0.75 * body.forward[0], -0.28]) * radius
        parts.append(Polygon(ellipse(brim, 0.7 * radius, 0.16 * radius), shade(look.extra, 0.7)))
    return parts


def _long_hair(body: _Body, limbs: _Limbs, *, behind: bool) -> list[Polygon]:
    """Hair down to the shoulders: seen behind the neck from the front, over the back from behind."""
    if body.look.hair != "long" or behind == (body.facing < 0.1):
        return []
    top = _head_centre(limbs) + [-0.02, 0, 0.0]
    return _chain(
        body, [top, top + [-0.035, 0, -0.12]], [(0.055, 0.042)], [shade(body.look.hair_colour, 0.92)]
    )
