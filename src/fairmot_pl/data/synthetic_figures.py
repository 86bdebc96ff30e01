"""A person in polygons: clothes, bags, hair and hats on a posed body, in painter's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_drawing import Colour, Polygon, capsules, ellipse, shade
from fairmot_pl.data.synthetic_looks import Appearance
from fairmot_pl.data.synthetic_pose import Body, Limbs, Stance, pose

# Trunk rows from neck to hem: height above the hips, half breadth, half depth.
_SHIRT = np.array([[0.328, 0.040, 0.035], [0.302, 0.098, 0.055], [0.225, 0.114, 0.072], [0.10, 0.092, 0.066],
                   [0.0, 0.098, 0.070], [-0.035, 0.096, 0.070]])  # fmt: skip
_COAT = np.concatenate([_SHIRT[:-1], [[-0.06, 0.104, 0.078], [-0.19, 0.118, 0.092]]])
_HIPS = np.array([[0.05, 0.090, 0.066], [-0.03, 0.098, 0.072], [-0.07, 0.080, 0.062]])
_SKIRT = np.array([[0.06, 0.088, 0.066], [-0.03, 0.104, 0.076], [-0.22, 0.135, 0.105]])
_HALF_TURN = math.pi / 2


def figure_polygons(look: Appearance, stance: Stance, view: Perspective) -> list[Polygon]:
    """A person in painter's order, in pixels of the unmoved camera; their bounding box is the amodal box.

    Args:
        look: who it is.
        stance: where and how they stand or walk.
        view: the camera.
    """
    body = Body(look, stance, view)
    limbs = pose(body)
    far, near = (0, 1) if body.left[1] > 0 else (1, 0)
    arms = {side: _arm(body, limbs, side, 0.8 if side == far else 1.0) for side in (far, near)}
    bag = _backpack(body, limbs) if look.bag == "backpack" else []
    bag_behind = body.facing > 0.2
    figure = arms[far] + (bag if bag_behind else []) + _long_hair(body, limbs, behind=True)
    figure += _leg(body, limbs, far, 0.8) + _leg(body, limbs, near, 1.0) + _trunk(body, limbs)
    figure += _head(body, limbs) + _long_hair(body, limbs, behind=False) + ([] if bag_behind else bag) + arms[near]
    return figure


def _chain(
    body: Body,
    joints: Sequence[NDArray[np.float64]],
    radii: Sequence[tuple[float, float]],
    colours: Sequence[Colour],
) -> list[Polygon]:
    points = body.pixels(np.stack(list(joints)))
    starts, ends = (np.array(column) * body.scale for column in zip(*radii, strict=True))
    outlines = capsules(points[:-1], points[1:], starts, ends)
    return [Polygon(outline, colour) for outline, colour in zip(outlines, colours, strict=True)]


def _leg(body: Body, limbs: Limbs, side: int, light: float) -> list[Polygon]:
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


def _arm(body: Body, limbs: Limbs, side: int, light: float) -> list[Polygon]:
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


def _trunk(body: Body, limbs: Limbs) -> list[Polygon]:
    """Hips or skirt, then the top and its pattern, then the strap of a shoulder bag and the bag."""
    look = body.look
    rows = _COAT if look.garment == "coat" else _SHIRT

    def part(shape: NDArray[np.float64], colour: Colour, middle: float = 0.0, half: float = math.pi) -> Polygon:
        return Polygon(body.tube(shape, limbs.hips, limbs.lean, middle, half), colour)

    parts = [part(_SKIRT if look.garment == "skirt" else _HIPS, look.bottom), part(rows, look.top)]
    if look.pattern == "stripes":
        parts += [
            part(_between(rows, top, top - 0.03), look.accent) for top in np.arange(0.27, rows[-1, 0] + 0.03, -0.065)
        ]
    elif look.pattern == "halves":
        parts.append(part(_between(rows, 0.14, float(rows[-1, 0])), look.accent))
    elif look.pattern == "panel":
        parts.append(part(_between(rows, 0.315, float(rows[-1, 0])), look.accent, half=0.5))
    elif look.pattern == "print":
        parts += [part(_between(rows, 0.235, 0.10), look.accent, middle, half=0.6) for middle in (0.0, math.pi)]
    if look.bag == "shoulder":
        parts.append(part(_between(rows, 0.29, 0.0), shade(look.extra, 0.8), middle=0.5, half=0.12))
        pouch = np.array([[0.02, 0.122, 0.10], [0.0, 0.13, 0.105], [-0.11, 0.13, 0.105], [-0.12, 0.122, 0.10]])
        parts.append(part(pouch, look.extra, middle=_HALF_TURN, half=0.75))
    return [polygon for polygon in parts if len(polygon.points)]


def _backpack(body: Body, limbs: Limbs) -> list[Polygon]:
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


def _head_centre(limbs: Limbs) -> NDArray[np.float64]:
    return np.array([0.36 * limbs.lean + 0.012, 0.0, limbs.hips + 0.405])


def _head(body: Body, limbs: Limbs) -> list[Polygon]:
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
        knot = body.pixels(_head_centre(limbs) + np.array([-0.05, 0, 0.05]))
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


def _long_hair(body: Body, limbs: Limbs, *, behind: bool) -> list[Polygon]:
    """Hair down to the shoulders: seen behind the neck from the front, over the back from behind."""
    if body.look.hair != "long" or behind == (body.facing < 0.1):
        return []
    top = _head_centre(limbs) - np.array([0.02, 0, 0])
    return _chain(body, [top, top - np.array([0.035, 0, 0.12])], [(0.055, 0.042)], [shade(body.look.hair_colour, 0.92)])
