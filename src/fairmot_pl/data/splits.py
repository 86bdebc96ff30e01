"""The half split of FairMOT's ablations: train on the first half of each sequence, validate on the second."""

from __future__ import annotations

from dataclasses import replace

from fairmot_pl.structures import AnnotatedSequence

SPLITS = ("full", "first_half", "second_half")


def take_split(sequence: AnnotatedSequence, split: str) -> AnnotatedSequence:
    """The part of a sequence that belongs to a split.

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
