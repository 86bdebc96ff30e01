"""How the people of a synthetic scene move: walk in, turn, stand, make way, walk out.

The crowd is simulated in fixed steps of world time and read off between them, so that the frame rate changes
how often the world is seen and nothing in it. Social forces after Helbing and Molnar (1995), much simplified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import FAR, NEAR, Perspective
from fairmot_pl.data.synthetic_config import Stream, SyntheticConfig
from fairmot_pl.data.synthetic_pose import Stance

STEP = 0.05
"""Seconds per simulation step."""

_WARM_UP = 40  # steps before time 0 in which the crowd sorts itself
_OUTSIDE = 1.4  # metres beyond the image's edge where people appear and vanish: nobody's limbs reach so far
_REACHED = 0.45
_ROOM = 0.85  # metres of distance people like to keep
_RELAXATION = 0.4  # seconds to take up the wanted velocity
_TURNING = 0.3  # seconds to turn the body


@dataclass(frozen=True)
class Obstacle:
    """A round thing on the ground that people walk around; metres."""

    x: float
    z: float
    radius: float


@dataclass(frozen=True)
class Walk:
    """One person's way through the scene, one row per simulation step from step number `start`."""

    identity: int
    start: int
    rows: NDArray[np.float64]  # (T, 5): x, z, heading (unwrapped), distance, speed

    def at(self, seconds: float) -> Stance | None:
        """Where the person is at a time, or None before coming and after leaving."""
        position = seconds / STEP - self.start
        if not 0 <= position <= len(self.rows) - 1:
            return None
        before = min(int(position), len(self.rows) - 2)
        share = position - before
        return Stance(*((1 - share) * self.rows[before] + share * self.rows[before + 1]).tolist())


@dataclass
class _Walker:
    """The plan and the state of one person during the simulation."""

    identity: int
    start: int
    route: list[tuple[float, float]]
    pauses: list[float]
    pace: float
    gazes: list[float]
    position: NDArray[np.float64]
    heading: float
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    target: int = 1
    pause: float = 0.0
    patience: float = math.inf
    rows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.target >= len(self.route)

    def wanted(self) -> NDArray[np.float64]:
        """The velocity this person would like, in m/s."""
        if self.pause > 0 or self.done:
            return np.zeros(2)
        gap = np.array(self.route[self.target]) - self.position
        return gap * (self.pace / max(float(np.hypot(*gap)), 1e-6))

    def advance(self, acceleration: NDArray[np.float64]) -> None:
        """Move by one step and tick off the route's points."""
        self.velocity = self.velocity + STEP * acceleration
        self.position = self.position + STEP * self.velocity
        self.position[1] = min(FAR + 0.5, max(NEAR - 0.3, self.position[1]))
        speed = float(np.hypot(*self.velocity))
        facing = math.atan2(self.velocity[1], self.velocity[0]) if speed > 0.2 else self.heading
        if self.pause > 0:
            self.pause -= STEP
            facing = self.gazes[self.target - 1]
        turn = (facing - self.heading + math.pi) % (2 * math.pi) - math.pi
        self.heading += turn * min(1.0, STEP / _TURNING)
        walked = (self.rows[-1][3] if self.rows else 0.0) + STEP * speed
        self.rows.append((float(self.position[0]), float(self.position[1]), self.heading, walked, speed))
        self._tick()

    def _tick(self) -> None:
        if self.done or self.pause > 0:
            return
        gap = np.array(self.route[self.target]) - self.position
        self.patience -= STEP
        last = self.target == len(self.route) - 1
        # whoever cannot reach a point (something stands there) goes on to the next; the way out is free
        if float(np.hypot(*gap)) < _REACHED or (self.patience < 0 and not last):
            self.pause = self.pauses[self.target]
            self.target += 1
            self._expect()

    def _expect(self) -> None:
        if not self.done:
            gap = np.array(self.route[self.target]) - self.position
            self.patience = 2.5 * float(np.hypot(*gap)) / self.pace + 3.0


class _Crowd:
    """Everybody in the scene and the seats of those who left, which new people take."""

    def __init__(self, config: SyntheticConfig, view: Perspective, pan: float, obstacles: Sequence[Obstacle]) -> None:
        self._config, self._view, self._pan = config, view, pan
        self._obstacles = np.array([(thing.x, thing.z, thing.radius) for thing in obstacles]).reshape(-1, 3)
        # a panning camera sees a part of a wider scene; the crowd is as dense as without
        self.seats = round(config.people * (1 + 2 * pan / config.image_size[1]))
        self._born = 0

    def newcomer(self, step: int, *, midway: bool) -> _Walker:
        """A new person with a route of their own, at its start or (at the beginning) somewhere along it."""
        self._born += 1
        rng = Stream.PATHS.generator(self._config.seed, self._born)
        side = 1.0 if rng.random() < 0.5 else -1.0
        depths = rng.uniform(NEAR, FAR, 4)
        out = side if rng.random() < 0.2 else -side
        inner = [
            (float(rng.uniform(-0.85, 0.85)) * self._view.half_width(float(depth), self._pan), float(depth))
            for depth in depths[: int(rng.integers(0, 3))]
        ]
        if out == side and not inner:
            inner = [(0.0, float(depths[0]))]
        route = [self._gate(side, float(depths[2])), *inner, self._gate(out, float(depths[3]))]
        pauses = [0.0, *(float(rng.uniform(1.5, 6)) if rng.random() < 0.4 else 0.0 for _ in inner), 0.0]
        pace = self._config.walking_speed * float(np.exp(rng.normal(0, 0.15)))
        first, second = np.array(route[0]), np.array(route[1])
        heading = math.atan2(second[1] - first[1], second[0] - first[0])
        gazes = rng.uniform(-math.pi, math.pi, len(route)).tolist()
        person = _Walker(self._born, step, route, pauses, pace, gazes, first, heading)
        if midway:
            _set_midway(person, float(rng.uniform(0.05, 0.9)))
        person.velocity = person.wanted()
        person._expect()
        return person

    def _gate(self, side: float, depth: float) -> tuple[float, float]:
        return side * (self._view.half_width(depth, self._pan) + _OUTSIDE), depth

    def pushes(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Accelerations `(N, 2)` away from other people and from things, `(N, 2)` positions."""
        gaps = positions[:, None] - positions[None]
        force = _repulsion(gaps, np.full(gaps.shape[:2], _ROOM), 3.0)
        if len(self._obstacles):
            gaps = positions[:, None] - self._obstacles[None, :, :2]
            room = np.broadcast_to(self._obstacles[:, 2] + 0.5, gaps.shape[:2])
            force = force + _repulsion(gaps, room, 9.0)
        return force


def _repulsion(gaps: NDArray[np.float64], room: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    distance = np.hypot(gaps[..., 0], gaps[..., 1])
    near = np.where(distance > 1e-9, (1 - distance / room).clip(0), 0.0)
    away = gaps / np.maximum(distance, 1e-9)[..., None]
    # turned a little to one side, as people keep to one hand, so that nobody is stuck face to face
    slanted = 0.9 * away + 0.44 * np.stack([-away[..., 1], away[..., 0]], axis=-1)
    total: NDArray[np.float64] = (strength * near[..., None] * slanted).sum(axis=1)
    return total


def _set_midway(person: _Walker, share: float) -> None:
    points = np.array(person.route)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = share * lengths.sum()
    leg = min(int(np.searchsorted(np.cumsum(lengths), along)), len(lengths) - 1)
    rest = (along - lengths[:leg].sum()) / lengths[leg]
    person.position = points[leg] + rest * (points[leg + 1] - points[leg])
    person.target = leg + 1
    person.heading = math.atan2(*(points[leg + 1] - points[leg])[::-1])


def simulate(config: SyntheticConfig, view: Perspective, pan: float, obstacles: Sequence[Obstacle]) -> list[Walk]:
    """Everybody's ways through the scene over the sequence's duration.

    A longer sequence, or one seen at another frame rate, has the same ways as far as both go.

    Args:
        config: crowd size, speed, seed, duration.
        view: the camera, for where the image's edges lie.
        pan: pixels by which the camera may turn to each side.
        obstacles: what people walk around.

    Returns:
        One `Walk` for each person, by identity.
    """
    crowd = _Crowd(config, view, pan, obstacles)
    present = [crowd.newcomer(-_WARM_UP, midway=True) for _ in range(crowd.seats)]
    ways = list(present)
    delays = Stream.PATHS.generator(config.seed)
    due: list[int] = []
    for step in range(-_WARM_UP, math.ceil((config.frames - 1) / config.frame_rate / STEP) + 2):
        for _ in range(sum(when <= step for when in due)):
            present.append(crowd.newcomer(step, midway=False))
            ways.append(present[-1])
        due = [when for when in due if when > step]
        if present:
            positions = np.stack([person.position for person in present])
            for person, push in zip(present, crowd.pushes(positions), strict=True):
                person.advance((person.wanted() - person.velocity) / _RELAXATION + push)
        due += [step + 1 + int(delays.integers(0, 20)) for person in present if person.done]
        present = [person for person in present if not person.done]
    moved = [person for person in ways if len(person.rows) > 1]
    return [Walk(person.identity, person.start, np.array(person.rows)) for person in moved]
