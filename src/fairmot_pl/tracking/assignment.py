"""One-to-one assignment with a cost limit."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from fairmot_pl.tracking.pairs import Index, Pairs


def assign(pairs: Pairs, limit: float) -> Index:
    """The one-to-one matches, any number of them, with the smallest sum of `cost - limit`.

    The limit is part of the optimisation: a pair at or above it never forms, nor does such a pair push aside
    a good one, as it might if it were filtered out afterwards. Pairs without a rival need no optimisation.

    Args:
        pairs: those that are possible.
        limit: finite, the largest cost worth paying.

    Returns:
        `(K, 2)` row and column of the matches.
    """
    rows, columns, costs = pairs.where(pairs.costs < limit)
    rivals = np.bincount(rows).take(rows) + np.bincount(columns).take(columns) > 2
    if not np.count_nonzero(rivals):
        return np.array((rows, columns)).T
    row, which_row = _numbered(rows[rivals])
    column, which_column = _numbered(columns[rivals])
    gain = np.zeros((len(row), len(column)))
    gain[which_row, which_column] = costs[rivals] - limit
    first, second = linear_sum_assignment(gain)
    worthwhile = gain[first, second] < 0
    contested = row[first[worthwhile]], column[second[worthwhile]]
    return np.concatenate([(rows[~rivals], columns[~rivals]), contested], axis=1).T


def _numbered(values: Index) -> tuple[Index, Index]:
    """The different values, ascending, and for each value which of them it is."""
    there = np.zeros(values.max() + 1, dtype=bool)
    there[values] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]
