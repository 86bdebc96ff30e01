"""Pairs of a track and a detection that are worth a look: of a crowd's N x M, a few per person.

Whoever is far away is found out by sorting, not by computing a cost, so the work grows with the number of people and
of neighbours each has.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


class Pairs(NamedTuple):
    """Costs of pairs, each pair at most once; what is not listed is impossible.

    Args:
        rows: `(P,)` rows of the track table.
        columns: `(P,)` rows of the detections.
        costs: `(P,)` not NaN.
    """

    rows: Index
    columns: Index
    costs: Array

    @classmethod
    def of(cls, matrix: Array) -> Pairs:
        """All pairs of an `(N, M)` matrix of costs that are finite there."""
        rows, columns = np.nonzero(np.isfinite(matrix))
        return cls(rows, columns, matrix[rows, columns])

    def where(self, which: NDArray[Any]) -> Pairs:
        """Those that `which`, a mask or indices over P, picks."""
        if which.dtype == np.bool_:
            if len(which) != len(self.rows):
                raise IndexError(f"a mask of {len(which)} for {len(self.rows)} pairs")
            (which,) = which.nonzero()
            if len(which) == len(self.rows):
                return self
        return Pairs(self.rows.take(which), self.columns.take(which), self.costs.take(which))

    def matrix(self, rows: Index, columns: Index) -> Array:
        """`(N, M)` costs between some rows and columns, both ascending; infinite where impossible."""
        height, width = (
            int(max(given.max(initial=-1), own.max(initial=-1))) + 1
            for given, own in ((rows, self.rows), (columns, self.columns))
        )
        costs = np.full((height, width), np.inf)
        costs[self.rows, self.columns] = self.costs
        return costs[np.ix_(rows, columns)]


_FEW = 256
"""So many pairs are sooner looked at than sorted out."""


@lru_cache(maxsize=256)
def every(height: int, width: int) -> tuple[Index, Index] | None:
    """All rows and columns of an `(height, width)` matrix, row by row, to be read only; None where they are many.

    Meant for `every(...) or nearby(...)`: whom to look at.
    """
    if height * width > _FEW:
        return None
    rows, columns = np.divmod(np.arange(height * width), max(width, 1))
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


def nearby(low: Array, high: Array, points: Array) -> tuple[Index, Index]:
    """Which points lie in which windows.

    Args:
        low: `(N, 2)` x, y of each window's left top corner.
        high: `(N, 2)` of its right bottom corner; the border belongs to the window.
        points: `(M, 2)` in the same frame.

    Returns:
        `(P,)` windows, ascending, and `(P,)` points.
    """
    order = np.argsort(points[:, 0], kind="stable")
    along = points[order, 0]
    start = np.searchsorted(along, low[:, 0])
    count = np.searchsorted(along, high[:, 0], side="right") - start
    rows = np.repeat(np.arange(len(low)), count)
    # the k-th pair of a row is `start + k`, counted within the row
    columns = order[np.arange(len(rows)) - (np.cumsum(count) - count - start)[rows]]
    height = points[columns, 1]
    level = (low[rows, 1] <= height) & (height <= high[rows, 1])
    return rows[level], columns[level]


def around(middle: Array, reach: Array, points: Array) -> tuple[Index, Index]:
    """As `nearby`, of windows that reach `(N, 2)` to all sides of their middle `(N, 2)`."""
    return nearby(middle - reach, middle + reach, points)
