"""Constant-velocity Kalman filter over boxes, many tracks at once.

State: centre x, centre y, aspect ratio (width / height), height, then their changes per frame; the first four
are measured. Uncertainty goes with the height of the box: nearby people are large and move many pixels
(DeepSORT, section 2.1).

Noise, motion and measurement act on each of the four axes alone, so no two axes ever correlate: a covariance is
three numbers an axis, `(N, 3, 4)` for N tracks. Row `POSITION` holds the variances of the positions, row
`CHANGE` those of their changes, row `BOTH` the covariances between the two.

States may lie in memory in any order; those returned have a component of all tracks beside one another (Fortran's
order), so that every operation runs along the tracks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HEIGHT_CHANGE = 7
"""Index of the height's change per frame in the state."""

POSITION, BOTH, CHANGE = range(3)
"""Rows of a covariance."""

# Standard deviations, each linear in the height of the box: `slope * height + floor`.
_SCALES = np.array([[1.0], [1.0], [0.0], [1.0]])
_POSITION_SLOPE, _CHANGE_SLOPE = _SCALES / 20, _SCALES / 160
_STATE_FLOOR = np.array([[0], [0], [1e-2], [0], [0], [0], [1e-5], [0]])
_MEASUREMENT_FLOOR = np.array([[0], [0], [1e-1], [0]])
_INITIAL_SLOPE = np.concatenate([2 * _POSITION_SLOPE, 10 * _CHANGE_SLOPE])
_PROCESS_SLOPE = np.concatenate([_POSITION_SLOPE, _CHANGE_SLOPE])
_LEAST_HEIGHT = 1e-9
"""Pixels; a height that reaches 0 would make the filter sure of everything."""


def _variance(heights: Array, slope: Array, floor: Array) -> Array:
    """`(K, N)` variances of K kinds of noise that go with the heights `(N,)` of boxes."""
    return np.square(np.maximum(np.abs(heights), _LEAST_HEIGHT) * slope + floor)


def initiate(measurements: Array) -> tuple[Array, Array]:
    """States of tracks seen for the first time, at rest.

    Args:
        measurements: `(N, 4)` xyah in image pixels.

    Returns:
        Mean `(N, 8)` and covariance `(N, 3, 4)`.
    """
    seen = measurements.T
    mean = np.concatenate([seen, np.zeros_like(seen)])
    covariance = np.zeros((3, 4, len(measurements)))
    covariance[::CHANGE] = _variance(seen[3], _INITIAL_SLOPE, _STATE_FLOOR).reshape(2, 4, -1)
    return mean.T, covariance.transpose(2, 0, 1)


def picked(mean: Array, covariance: Array, rows: NDArray[np.int64]) -> tuple[Array, Array]:
    """The states in some rows."""
    return mean.T.take(rows, axis=1).T, covariance.transpose(1, 2, 0).take(rows, axis=2).transpose(2, 0, 1)


def predict(mean: Array, covariance: Array, frames: float | Array = 1.0) -> tuple[Array, Array]:
    """States some `frames` later; the arguments stay as they are.

    The noise of n frames is what n predictions of one frame add up to with the height held, for fractions the same
    polynomial: the positions take in n of their own noises and what each noise of the change has moved since.

    Args:
        mean: `(N, 8)`.
        covariance: `(N, 3, 4)`.
        frames: above 0, one number for all or `(N,)`.
    """
    moved, spread = mean.T.copy(), covariance.transpose(1, 2, 0).copy()
    noise = frames * _variance(moved[3], _PROCESS_SLOPE, _STATE_FLOOR)
    place, (position, both, change) = moved[:4], spread
    place += frames * moved[4:]
    grown = both + frames * change
    position += frames * (both + grown)
    both[:] = grown
    position += noise[:4]
    change += noise[4:]
    if not (isinstance(frames, float) and frames == 1):
        drift = (frames - 1) / 2 * noise[4:]
        position += (2 * frames - 1) / 3 * drift
        both += drift
    return moved.T, spread.transpose(2, 0, 1)


def project(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """What states `(N, 8)`, `(N, 3, 4)` expect to measure: mean `(N, 4)` xyah and variance `(N, 4)`."""
    noise = _variance(mean[:, 3], _POSITION_SLOPE, _MEASUREMENT_FLOOR)
    return mean[:, :4], covariance[:, POSITION] + noise.T


def update(mean: Array, covariance: Array, measurements: Array) -> tuple[Array, Array]:
    """States corrected by what was measured, row by row.

    Args:
        mean: `(N, 8)` predicted states.
        covariance: `(N, 3, 4)` their covariance.
        measurements: `(N, 4)` xyah in image pixels, one per state.

    Returns:
        Corrected mean `(N, 8)` and covariance `(N, 3, 4)`.
    """
    corrected, spread = mean.T.copy(), covariance.transpose(1, 2, 0).copy()
    position, both, change = spread
    seen = spread[:CHANGE]  # how position and change go with the position
    gain = seen / (position + _variance(corrected[3], _POSITION_SLOPE, _MEASUREMENT_FLOOR))
    corrected += (gain * (measurements.T - corrected[:4])).reshape(corrected.shape)
    change -= gain[BOTH] * both
    seen -= gain * position
    return corrected.T, spread.transpose(2, 0, 1)


def squared_distance(expected: Array, variance: Array, measurements: Array) -> Array:
    """Squared Mahalanobis distance of `(..., 4)` measurements from what `project` says is expected."""
    distance: Array = (np.square(measurements - expected) / variance).sum(axis=-1)
    return distance


def gating_distance(mean: Array, covariance: Array, measurements: Array) -> Array:
    """`(N, M)` squared Mahalanobis distance of measurements `(M, 4)` xyah from N states."""
    expected, variance = project(mean, covariance)
    return squared_distance(expected[:, None], variance[:, None], measurements)
