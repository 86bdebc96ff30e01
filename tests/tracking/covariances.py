"""The filter's covariances as textbooks write them, and back."""

import numpy as np


def whole(covariance):
    """`(N, 8, 8)` of `(N, 3, 4)`: position and change of one axis correlate, nothing else does."""
    full = np.zeros((len(covariance), 8, 8))
    axis = np.arange(4)
    full[:, axis, axis] = covariance[:, 0]
    full[:, axis, axis + 4] = full[:, axis + 4, axis] = covariance[:, 1]
    full[:, axis + 4, axis + 4] = covariance[:, 2]
    return full


def by_axis(full):
    """`(N, 3, 4)` of `(N, 8, 8)`, which must hold nothing else."""
    axis = np.arange(4)
    covariance = np.stack([full[:, axis, axis], full[:, axis, axis + 4], full[:, axis + 4, axis + 4]], axis=1)
    np.testing.assert_array_equal(whole(covariance), full)
    return covariance
