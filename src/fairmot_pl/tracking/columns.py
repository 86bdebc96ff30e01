"""What tables of tracks have in common, whatever their columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import picked_columns

_Table = TypeVar("_Table", bound="Columns")


@dataclass(kw_only=True)
class Columns:
    """T tracks, oldest first, with an array per property.

    Columns are changed in place; `select` and `join` make new tables.

    Args:
        ids: `(T,)`.
    """

    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def select(self: _Table, which: NDArray[Any]) -> _Table:
        """A copy with only the tracks that `which` (mask or indices) picks."""
        return type(self)(**picked_columns(vars(self), which))

    def keep(self: _Table, which: NDArray[np.bool_]) -> _Table:
        """The tracks that `which` `(T,)` picks; no copy where that is all of them."""
        return self if np.count_nonzero(which) == len(which) else self.select(which)

    def join(self: _Table, younger: _Table) -> _Table:
        """These tracks followed by `younger` ones."""
        if not len(younger) or not len(self):  # an empty table does not know the embedding's dimension
            return self if len(self) else younger
        theirs = vars(younger)
        return type(self)(**{name: np.concatenate([column, theirs[name]]) for name, column in vars(self).items()})
