"""Raw ids of many sequences to the classes of one identity classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

_Key = tuple[str, str]


NUMBERINGS = ("dense", "reference")

MOST_CLASSES = 10_000_000
"""That a data set may take by its largest id: the classifier's weights for them fill 5 GB."""


class IdentityIndex:
    """Classes 0 to `num_identities` - 1, one a person of a sequence of a data set.

    The same raw id in two sequences means two people. Classes follow the order of data sets and sequences,
    and ascending raw ids within a sequence, so equal data give equal classes on every machine.

    `"dense"` leaves no class unused. `"reference"` counts as FairMOT does, so that classifier and temperature
    of the identity loss are of its size: a data set takes (largest id + 1) classes, where people of videos are
    numbered from 1 through the whole data set and still images keep the ids of their labels; one class is
    spare at the end. MOT17 alone has 548, its MIX 14455 instead of the people who are there.
    """

    def __init__(
        self,
        raw_ids: Mapping[_Key, NDArray[np.int64]],
        *,
        numbering: str = "dense",
        labelled: Iterable[_Key] = (),
    ) -> None:
        """Use `build` or `from_state`.

        Args:
            raw_ids: ascending and unique for every (data set, sequence).
            numbering: one of `NUMBERINGS`.
            labelled: for `"reference"`, the sequences whose raw ids are those of label files.
        """
        check_numbering(numbering)
        self._raw_ids = dict(raw_ids)
        self.numbering, self._labelled = numbering, frozenset(labelled)
        self._first, self.num_identities = self._dense() if numbering == "dense" else self._as_reference()

    def _dense(self) -> tuple[dict[_Key, int], int]:
        """First class of every sequence, and the number of classes."""
        counts = [len(ids) for ids in self._raw_ids.values()]
        return dict(zip(self._raw_ids, np.cumsum([0, *counts]).tolist(), strict=False)), sum(counts)

    def _as_reference(self) -> tuple[dict[_Key, int], int]:
        """The same, where a label's own id, or the place of a person in the data set from 1, is added to an offset."""
        first: dict[_Key, int] = {}
        offset = 0
        for dataset in dict.fromkeys(dataset for dataset, _ in self._raw_ids):
            people, largest = 0, UNKNOWN_IDENTITY
            for key in (key for key in self._raw_ids if key[0] == dataset):
                ids = self._raw_ids[key]
                first[key] = offset if key in self._labelled else offset + people + 1
                if key in self._labelled:
                    largest = max(largest, int(ids[-1]) if len(ids) else UNKNOWN_IDENTITY)
                elif len(ids):
                    people += len(ids)
                    largest = max(largest, people)
            if largest >= MOST_CLASSES:
                raise ValueError(
                    f"data set {dataset!r} has id {largest}; identity_numbering=reference makes a class of every "
                    f"number up to it, {MOST_CLASSES} at most: say identity_numbering=dense, or number people anew"
                )
            offset += largest + 1
        return first, offset + 1 if offset else 0

    @classmethod
    def build(
        cls, datasets: Iterable[tuple[str, Sequence[AnnotatedSequence]]], *, numbering: str = "dense"
    ) -> IdentityIndex:
        """Number everybody who is seen.

        Args:
            datasets: (name, sequences) of every data set in training order.
            numbering: `"dense"` or `"reference"`.

        Raises:
            ValueError: two data sets, or two sequences of one data set, have the same name; an unknown numbering;
                an id too large for `"reference"`.
        """
        raw_ids: dict[_Key, NDArray[np.int64]] = {}
        labelled: list[_Key] = []
        names: set[str] = set()
        for name, sequences in datasets:
            if name in names:
                raise ValueError(f"two data sets are named {name!r}; their identities would merge, rename one")
            names.add(name)
            for sequence in sequences:
                key = name, sequence.name
                if key in raw_ids:
                    raise ValueError(f"data set {name!r} has two sequences {sequence.name!r}; rename one")
                every = [np.zeros(0, np.int64), *(frame.identities for frame in sequence.frames)]
                ids = np.unique(np.concatenate(every))
                raw_ids[key] = ids[ids > UNKNOWN_IDENTITY]
                if not sequence.is_video:
                    labelled.append(key)
        return cls(raw_ids, numbering=numbering, labelled=labelled)

    def per_dataset(self) -> dict[str, int]:
        """How many people each data set has."""
        found: dict[str, int] = {}
        for (dataset, _), ids in self._raw_ids.items():
            found[dataset] = found.get(dataset, 0) + len(ids)
        return found

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
        key = dataset, sequence
        within = ids if self.numbering == "reference" and key in self._labelled else position
        return np.where(found, within + self._first.get(key, 0), UNKNOWN_IDENTITY)

    def state(self) -> dict[str, Any]:
        """The index as plain lists, for a checkpoint: names, and `[first, count]` of each run of raw ids."""
        state: dict[str, Any] = {
            "datasets": [dataset for dataset, _ in self._raw_ids],
            "sequences": [sequence for _, sequence in self._raw_ids],
            "id_runs": [_runs(ids) for ids in self._raw_ids.values()],
        }
        if self.numbering != "dense":
            state |= {"numbering": self.numbering, "labelled": [key in self._labelled for key in self._raw_ids]}
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> IdentityIndex:
        """The index that `state` was taken from."""
        keys = list(zip(state["datasets"], state["sequences"], strict=True))
        ids = (
            np.concatenate([np.zeros(0, np.int64), *(np.arange(first, first + count) for first, count in runs)])
            for runs in state["id_runs"]
        )
        labelled = [key for key, is_label in zip(keys, state.get("labelled", ()), strict=False) if is_label]
        return cls(dict(zip(keys, ids, strict=True)), numbering=state.get("numbering", "dense"), labelled=labelled)


def check_numbering(numbering: str) -> None:
    """Refuse what is no way to number identities.

    Raises:
        ValueError: naming those that are.
    """
    if numbering not in NUMBERINGS:
        raise ValueError(f"identity_numbering is {numbering!r}; allowed: {', '.join(map(repr, NUMBERINGS))}")


def _runs(ids: NDArray[np.int64]) -> list[list[int]]:
    """Ascending ids as `[first, count]` of their gapless runs; a million CrowdHuman boxes are one run."""
    pieces = np.split(ids, np.flatnonzero(np.diff(ids) != 1) + 1)
    return [[int(piece[0]), len(piece)] for piece in pieces if len(piece)]
