"""The motion of the camera, as what all tracks are off by together.

People walk where they like; the image moves under all of them at once. The shift is the mode of a robust consensus,
held by a prior whose width is learned: a camera at rest is soon known to be at rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WEIGHT = 10.0
"""Frames that the expected jolt counts as."""

_SECONDS = 20.0
"""Time in which what was learned is forgotten."""

_CARRY = 0.5
"""Share of the last shift that is expected to go on."""

_TAIL = 4.0
"""Degrees of freedom: those who turn or run are outvoted, not averaged."""

_ROUNDS = 5

_FARTHEST = 1e9
"""Heights; no image is shifted farther, and squares of squares stay numbers."""


class CameraShift:
    """Shift of the image from frame to frame beyond what the tracks' speeds explain.

    Args:
        jolt: expected deviation of a shift from its prediction, in heights of a person, before it is learned.
    """

    def __init__(self, jolt: float) -> None:
        self._prior = jolt * jolt * _WEIGHT
        self._energy, self._weight = self._prior, _WEIGHT
        self._last = np.zeros(2)

    def expect(self) -> Array:
        """`(2,)` pixels by which the next image will probably be shifted; to be counted as done."""
        self._last = _CARRY * self._last
        return self._last

    def variance(self, height: float) -> float:
        """Square pixels by which a shift differs from what was expected, for people of that height."""
        return max(self._energy / self._weight, 1e-8) * height * height

    def find(self, offset: Array, variance: Array, height: float, seconds: float) -> Array:
        """The shift `(2,)` that remains.

        Args:
            offset: `(K, 2)` pixels by which detections are off their tracks.
            variance: `(K, 2)` of those.
            height: typical height of a person, pixels.
            seconds: since the last frame.
        """
        held = 1 / self.variance(height)
        shift = np.median(offset, axis=0) if len(offset) > 2 else np.zeros(2)
        for _ in range(_ROUNDS):
            distance = (np.square(offset - shift) / variance).sum(axis=1)
            weight = ((_TAIL + 2) / (_TAIL + distance))[:, None] / variance
            shift = (weight * offset).sum(axis=0) / (weight.sum(axis=0) + held)
        keep = np.exp(-seconds / _SECONDS)
        moved = np.minimum(np.abs(shift) / height, _FARTHEST)
        self._energy = keep * self._energy + (1 - keep) * self._prior + float(np.square(moved).mean())
        self._weight = keep * self._weight + (1 - keep) * _WEIGHT + 1
        self._last = self._last + shift
        found: Array = shift
        return found
