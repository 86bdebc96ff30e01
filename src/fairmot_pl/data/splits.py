"""Which frames of a data set a run may see.

`"full"`, the halves of FairMOT's ablations (train on the first half of each sequence, validate on the second,
which shares identities by construction), and folds over whole videos, which share none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fairmot_pl.structures import AnnotatedSequence

SPLITS = ("full", "first_half", "second_half")
FOLD_KEYS = ("fold", "folds", "part")
PARTS = ("train", "val")

Split: TypeAlias = str | Mapping[str, Any]
"""One of `SPLITS`, or `{"fold": 0, "folds": 4, "part": "train" | "val"}`."""

_ALLOWED = f"{', '.join(map(repr, SPLITS))}, or by video: {{fold: 0, folds: 4, part: train}}"


@dataclass(frozen=True)
class Fold:
    """One of `folds` equal shares of the videos validates, the others train. `fold` counts from 0."""

    fold: int
    folds: int
    part: str


def check_split(split: Split) -> str | Fold:
    """The split that is meant.

    Raises:
        ValueError: none is; the message says what is allowed.
    """
    if isinstance(split, str) and split in SPLITS:
        return split
    if not isinstance(split, Mapping):
        raise ValueError(f"split is {split!r}; allowed: {_ALLOWED}")
    if set(split) != set(FOLD_KEYS):
        raise ValueError(f"split has the keys {', '.join(map(str, split))}; needed are {', '.join(FOLD_KEYS)}")
    fold, folds, part = (split[key] for key in FOLD_KEYS)
    if not isinstance(folds, int) or folds < 2:
        raise ValueError(f"split.folds is {folds!r}; a whole number from 2 is needed")
    if not isinstance(fold, int) or not 0 <= fold < folds:
        raise ValueError(f"split.fold is {fold!r}; with folds={folds} it runs from 0 to {folds - 1}")
    if part not in PARTS:
        raise ValueError(f"split.part is {part!r}; allowed: {', '.join(map(repr, PARTS))}")
    return Fold(fold, folds, part)


def take_part(sequences: Sequence[AnnotatedSequence], split: Split) -> list[AnnotatedSequence]:
    """What of a data set belongs to a split, in the same order.

    Raises:
        ValueError: an unknown split, fewer videos than folds, still images that are to be cut in halves.
    """
    meant = check_split(split)
    if meant == "full":
        return list(sequences)
    stills = [sequence.name for sequence in sequences if not sequence.is_video]
    if stills:
        raise ValueError(f"split is {split!r}, but {stills[0]} are still images without order; allowed is 'full'")
    if isinstance(meant, str):
        return [take_split(sequence, meant) for sequence in sequences]
    share = _fold_of(sequences, meant.folds)
    return [sequence for sequence in sequences if (share[sequence.name] == meant.fold) == (meant.part == "val")]


def _fold_of(sequences: Sequence[AnnotatedSequence], folds: int) -> dict[str, int]:
    """Fold by name: longest video first, each to the fold with the fewest frames so far."""
    if len(sequences) < folds:
        raise ValueError(f"{len(sequences)} videos make no {folds} folds; use folds={len(sequences)} or fewer")
    frames = [0] * folds
    found = {}
    for sequence in sorted(sequences, key=lambda sequence: (-len(sequence), sequence.name)):
        lightest = min(range(folds), key=lambda fold: (frames[fold], fold))
        found[sequence.name] = lightest
        frames[lightest] += len(sequence)
    return found


def take_split(sequence: AnnotatedSequence, split: str) -> AnnotatedSequence:
    """The part of one sequence that belongs to `"full"` or to a half.

    Of n frames the first int(n / 2) are the first half. Frames keep their numbers: the second half starts at
    frame int(n / 2) + 1.

    Args:
        sequence: all frames, in order.
        split: `"full"`, `"first_half"` or `"second_half"`.

    Raises:
        ValueError: an unknown split, or a sequence too short to have that half.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; allowed: {', '.join(map(repr, SPLITS))}")
    if split == "full":
        return sequence
    middle = len(sequence) // 2
    frames = sequence.frames[:middle] if split == "first_half" else sequence.frames[middle:]
    if not frames:
        raise ValueError(f"sequence {sequence.name} has {len(sequence)} frame(s): its {split} is empty; leave it out")
    return replace(sequence, frames=frames)
