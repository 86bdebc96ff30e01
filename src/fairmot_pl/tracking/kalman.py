"""Constant-velocity Kalman filter over boxes, many tracks at once.

State: centre x, centre y, aspect ratio (width / height), height, then their changes per frame; the first four
are measured. Uncertainty goes with the height of the box: nearby people are large and move many pixels
(DeepSORT, section 2.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HEIGHT_CHANGE = 7
"""Index of the height's change per frame in the state."""

# Standard deviations, each linear in the height of the box: `slope * height + floor`.
_SCALES = np.array([1.0, 1.0, 0.0, 1.0])
_POSITION, _VELOCITY = _SCALES / 20, _SCALES / 160
_STATE_FLOOR = np.array([0, 0, 1e-2, 0, 0, 0, 1e-5, 0])
_MEASUREMENT_FLOOR = np.array([0, 0, 1e-1, 0])
_INITIAL_SLOPE = np.concatenate([2 * _POSITION, 10 * _VELOCITY])
_PROCESS_SLOPE = np.concatenate([_POSITION, _VELOCITY])


def _add_noise(covariance: Array, height: Array, slope: Array, floor: Array) -> Array:
    """`(N, K, K)` covariances with independent noise added on the diagonal, in place."""
    diagonal = np.arange(len(slope))
    covariance[:, diagonal, diagonal] += (height[:, None] * slope + floor) ** 2
    return covariance


def initiate(measurements: Array) -> tuple[Array, Array]:
    """States of tracks seen for the first time, at rest.

    Args:
        measurements: `(N, 4)` xyah in image pixels.

    Returns:
        Mean `(N, 8)` and covariance `(N, 8, 8)`.
    """
    mean = np.concatenate([measurements, np.zeros_like(measurements)], axis=1)
    covariance = np.zeros((len(mean), 8, 8))
    return mean, _add_noise(covariance, mean[:, 3], _INITIAL_SLOPE, _STATE_FLOOR)


def predict(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """States `(N, 8)`, `(N, 8, 8)` one frame later; the arguments stay as they are."""
    moved, spread = mean.copy(), covariance.copy()
    moved[:, :4] += moved[:, 4:]
    # F P F' for F = [[I, I], [0, I]], without a matrix product
    spread[:, :4] += spread[:, 4:]
    spread[:, :, :4] += spread[:, :, 4:]
    return moved, _add_noise(spread, mean[:, 3], _PROCESS_SLOPE, _STATE_FLOOR)


def project(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """What states `(N, 8)`, `(N, 8, 8)` expect to measure: mean `(N, 4)` xyah and covariance `(N, 4, 4)`."""
    expected = covariance[:, :4, :4].copy()
    return mean[:, :4].copy(), _add_noise(expected, mean[:, 3], _POSITION, _MEASUREMENT_FLOOR)


def update(mean: Array, covariance: Array, measurements: Array) -> tuple[Array, Array]:
    """States corrected by what was measured, row by row.

    Args:
        mean: `(N, 8)` predicted states.
        covariance: `(N, 8, 8)` their covariance.
        measurements: `(N, 4)` xyah in image pixels, one per state.

    Returns:
        Corrected mean `(N, 8)` and covariance `(N, 8, 8)`, symmetric to the last bit.
    """
    expected, innovation = project(mean, covariance)
    seen = covariance[:, :4]
    gain = np.linalg.solve(innovation, seen)  # (N, 4, 8), the transposed Kalman gain
    corrected = mean + np.einsum("ni,nij->nj", measurements - expected, gain)
    spread = covariance - seen.transpose(0, 2, 1) @ gain
    return corrected, (spread + spread.transpose(0, 2, 1)) / 2


def gating_distance(mean: Array, covariance: Array, measurements: Array) -> Array:
    """`(N, M)` squared Mahalanobis distance of measurements `(M, 4)` xyah from N states."""
    expected, innovation = project(mean, covariance)
    whitening = np.linalg.inv(np.linalg.cholesky(innovation))
    difference = measurements.T[None] - expected[:, :, None]
    distance: Array = np.square(whitening @ difference).sum(axis=1)
    return distance
