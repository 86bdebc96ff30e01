"""One-to-one assignment with a cost limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Index = NDArray[np.int64]


def assign(cost: NDArray[np.float64], limit: float) -> tuple[Index, Index, Index]:
    """The one-to-one pairs, any number of them, with the smallest sum of `cost - limit`.

    The limit is part of the optimisation: a pair at or above it never forms, nor does such a pair push aside
    a good one, as it might if it were filtered out afterwards.

    Args:
        cost: `(N, M)`, not NaN; infinite = impossible.
        limit: finite, the largest cost worth paying.

    Returns:
        Pairs `(P, 2)` of row and column by ascending row, unmatched rows, unmatched columns, both ascending.
    """
    gain = np.minimum(cost - limit, 0.0)
    # Rows and columns without an affordable pair cannot change the optimum.
    rows = np.flatnonzero(gain.any(axis=1))
    columns = np.flatnonzero(gain.any(axis=0))
    first, second = linear_sum_assignment(gain[np.ix_(rows, columns)])
    pairs = np.stack([rows[first], columns[second]], axis=1)
    pairs = pairs[gain[pairs[:, 0], pairs[:, 1]] < 0]
    return pairs, _others(len(cost), pairs[:, 0]), _others(cost.shape[1], pairs[:, 1])


def _others(count: int, taken: Index) -> Index:
    """The numbers below `count` that are not `taken`, ascending."""
    free = np.ones(count, dtype=bool)
    free[taken] = False
    return np.flatnonzero(free)
