"""What a run trains and validates on, frame by frame, and whom both see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.sources import DataSource
from fairmot_pl.seqinfo import video_of
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

_Footage: TypeAlias = tuple[Path, str]


def record_split(train: Sequence[DataSource], val: Sequence[DataSource]) -> dict[str, Any]:
    """The split as plain values, to be kept with a run.

    Returns:
        `train` and `val`: by data set, by sequence, `frames` (how many) and `ranges` (first and last frame
        number of each gapless stretch); `shared_identities`: how many people both sides know.
    """
    return {
        "train": {source.name: _ranges(source.sequences) for source in train},
        "val": {source.name: _ranges(source.sequences) for source in val},
        "shared_identities": shared_identities(train, val),
    }


def _ranges(sequences: Iterable[AnnotatedSequence]) -> dict[str, Any]:
    found = {}
    for sequence in sequences:
        numbers = np.array([frame.frame for frame in sequence.frames], np.int64)
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
        ranges = [[int(run[0]), int(run[-1])] for run in runs if len(run)]
        found[sequence.name] = {"frames": len(numbers), "ranges": ranges}
    return found


def shared_identities(train: Iterable[DataSource], val: Iterable[DataSource]) -> int:
    """How many identities of the validation are trained on too.

    An identity is a raw id of a video: footage read twice, by halves or in another detector's copy, is one
    video. The same person under two ids or in two data sets cannot be told from annotations.
    """
    trained, validated = _people(train), _people(val)
    return sum(len(np.intersect1d(ids, trained[key])) for key, ids in validated.items() if key in trained)


def _people(sources: Iterable[DataSource]) -> Mapping[_Footage, NDArray[np.int64]]:
    found: dict[_Footage, NDArray[np.int64]] = {}
    for source in sources:
        for sequence in source.sequences:
            if not len(sequence):
                continue
            folder = sequence.folder or sequence.frames[0].image_path.parent
            key = folder.resolve().parent, video_of(sequence.name)
            ids = np.concatenate([frame.identities for frame in sequence.frames])
            known = np.unique(ids[ids > UNKNOWN_IDENTITY])
            found[key] = np.union1d(found[key], known) if key in found else known
    return found
