"""Raw ids of many sequences to the classes of one identity classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

_Key = tuple[str, str]


class IdentityIndex:
    """Classes 0 to `num_identities` - 1, one a person of a sequence of a data set.

    The same raw id in two sequences means two people. Classes follow the order of data sets and sequences,
    and ascending raw ids within a sequence, so equal data give equal classes on every machine.
    """

    def __init__(self, raw_ids: Mapping[_Key, NDArray[np.int64]]) -> None:
        """Use `build` or `from_state`; `raw_ids` are ascending and unique for every (data set, sequence)."""
        self._raw_ids = dict(raw_ids)
        counts = [len(ids) for ids in self._raw_ids.values()]
        self._first = dict(zip(self._raw_ids, np.cumsum([0, *counts]).tolist(), strict=False))
        self.num_identities = sum(counts)

    @classmethod
    def build(cls, datasets: Iterable[tuple[str, Sequence[AnnotatedSequence]]]) -> IdentityIndex:
        """Number everybody who is seen.

        Args:
            datasets: (name, sequences) of every data set in training order.

        Raises:
            ValueError: two data sets, or two sequences of one data set, have the same name.
        """
        raw_ids: dict[_Key, NDArray[np.int64]] = {}
        names: set[str] = set()
        for name, sequences in datasets:
            if name in names:
                raise ValueError(f"two data sets are named {name!r}; their identities would merge, rename one")
            names.add(name)
            for sequence in sequences:
                if (name, sequence.name) in raw_ids:
                    raise ValueError(f"data set {name!r} has two sequences {sequence.name!r}; rename one")
                every = [np.zeros(0, np.int64), *(frame.identities for frame in sequence.frames)]
                ids = np.unique(np.concatenate(every))
                raw_ids[name, sequence.name] = ids[ids > UNKNOWN_IDENTITY]
        return cls(raw_ids)

    def lookup(self, dataset: str, sequence: str, ids: NDArray[np.int64], *, strict: bool = True) -> NDArray[np.int64]:
        """Classes of raw ids.

        Args:
            dataset: name of the data set.
            sequence: name of the sequence.
            ids: `(N,)` raw ids; negative ones are unknown.
            strict: whether somebody who is not in the index is an error; if not, he is unknown.

        Returns:
            `(N,)` classes; -1 for an unknown identity.

        Raises:
            ValueError: strict, and an id or the whole sequence is not in the index.
        """
        ids = np.asarray(ids, np.int64)
        known = self._raw_ids.get((dataset, sequence), np.zeros(0, np.int64))
        position = np.searchsorted(known, ids)
        found = np.zeros(len(ids), bool)
        inside = position < len(known)
        found[inside] = known[position[inside]] == ids[inside]
        lost = ~found & (ids > UNKNOWN_IDENTITY)
        if strict and lost.any():
            raise ValueError(
                f"id {ids[lost][0]} of sequence {sequence!r} in data set {dataset!r} is not in the identity "
                "index, which was built from other data: build it anew, or train on the same data"
            )
        return np.where(found, position + self._first.get((dataset, sequence), 0), UNKNOWN_IDENTITY)

    def state(self) -> dict[str, list[Any]]:
        """The index as plain lists, for a checkpoint: names, and `[first, count]` of each run of raw ids."""
        return {
            "datasets": [dataset for dataset, _ in self._raw_ids],
            "sequences": [sequence for _, sequence in self._raw_ids],
            "id_runs": [_runs(ids) for ids in self._raw_ids.values()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Sequence[Any]]) -> IdentityIndex:
        """The index that `state` was taken from."""
        keys = zip(state["datasets"], state["sequences"], strict=True)
        ids = (
            np.concatenate([np.zeros(0, np.int64), *(np.arange(first, first + count) for first, count in runs)])
            for runs in state["id_runs"]
        )
        return cls(dict(zip(keys, ids, strict=True)))


def _runs(ids: NDArray[np.int64]) -> list[list[int]]:
    """Ascending ids as `[first, count]` of their gapless runs; a million CrowdHuman boxes are one run."""
    pieces = np.split(ids, np.flatnonzero(np.diff(ids) != 1) + 1)
    return [[int(piece[0]), len(piece)] for piece in pieces if len(piece)]
