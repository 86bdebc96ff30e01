"""A walking body: a small skeleton with a gait, posed in three dimensions and projected into the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_looks import Appearance

# Body measures in units of its height; body axes are (forward, left, up).
_THIGH, _SHIN, _ANKLE = 0.245, 0.245, 0.04
_UPPER_ARM, _FOREARM = 0.165, 0.15
_STRIDE = 0.84  # ground covered by two steps
_USUAL_SPEED = 1.3

_HALF_TURN = math.pi / 2


@dataclass(frozen=True)
class Stance:
    """Where a person is and what they do: world metres, radians from the X axis, metres walked, m/s."""

    x: float
    z: float
    heading: float
    distance: float
    speed: float


class Body:
    """One posed person under one camera: turns body coordinates into pixels."""

    def __init__(self, look: Appearance, stance: Stance, view: Perspective) -> None:
        self.look, self._view = look, view
        # forward and left in the ground plane, (X, Z)
        self.forward = math.cos(stance.heading), math.sin(stance.heading)
        self.left = -self.forward[1], self.forward[0]
        ahead, aside = (self.forward[0], 0.0, self.forward[1]), (self.left[0], 0.0, self.left[1])
        self._axes = look.height * np.array([ahead, aside, (0.0, 1.0, 0.0)])
        self._origin = np.array([stance.x, 0.0, stance.z])
        self.effort = min(1.3, math.sqrt(stance.speed / _USUAL_SPEED))
        self.phase = look.phase + 2 * math.pi * stance.distance / (_STRIDE * look.stride * look.height)
        self.scale = look.height * view.focal / stance.z
        self.facing = -self.forward[1]  # 1 = towards the camera, -1 = away

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Body coordinates `(..., 3)` in body heights to `(..., 2)` pixels."""
        return self._view.project(points @ self._axes + self._origin)

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

        # down one edge and up the other
        angle = np.concatenate([low + seen, (high + seen)[::-1]])
        height, breadth, depth = (np.concatenate([column, column[::-1]]) for column in (height, breadth, depth))
        axis = np.zeros((len(height), 3))
        axis[:, 0], axis[:, 2] = lean * height, hips + height
        points = self.pixels(axis)
        across = self.forward[0] * depth * np.cos(angle) + self.left[0] * breadth * np.sin(angle)
        points[:, 0] += across * self.scale
        return points


@dataclass(frozen=True)
class Limbs:
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


def pose(body: Body) -> Limbs:
    """Joints at the body's gait phase: legs and arms swing in opposition, the lower foot is on the ground."""
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
    shoulder = np.stack([np.full(2, 0.29 * lean), 0.108 * look.build * sides, np.full(2, hips + 0.292)], axis=-1)
    upper = -0.85 * look.arm_swing * reach * np.sin(phase)
    lower = upper + 0.18 + 0.35 * effort
    away = np.stack([np.zeros(2), 0.022 * sides, np.zeros(2)], axis=-1)
    elbow = shoulder + _swing(upper, _UPPER_ARM) + away
    wrist = elbow + _swing(lower, _FOREARM) - 0.4 * away
    return Limbs(hips, lean, hip, knee, ankle, toe, shoulder, elbow, wrist)
