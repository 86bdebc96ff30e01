"""Which sequences are searched on and which are held out to see what the search is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairmot_pl.inference.replay import RecordedSequence


@dataclass(frozen=True)
class Fold:
    """One search.

    Args:
        train: names of the sequences that it may look at.
        held_out: names of those that it must not.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def make_folds(sequences: Sequence[RecordedSequence], count: int | None) -> list[Fold]:
    """Deal sequences out, longest first, each to the fold that holds out the fewest frames so far.

    Args:
        sequences: two at least.
        count: folds; None, or more than there are sequences, for one sequence each.

    Raises:
        ValueError: fewer than two folds or sequences.
    """
    if len(sequences) < 2:
        raise ValueError("folds need two sequences; halve the one there is")
    count = min(len(sequences), count or len(sequences))
    if count < 2:
        raise ValueError(f"folds is {count}; at least 2, or null for one sequence each")
    held: list[list[RecordedSequence]] = [[] for _ in range(count)]
    for sequence in sorted(sequences, key=lambda sequence: (-len(sequence), sequence.name)):
        min(held, key=lambda share: sum(map(len, share))).append(sequence)
    names = [sequence.name for sequence in sequences]
    folds = []
    for share in held:
        out = {sequence.name for sequence in share}
        folds.append(
            Fold(
                train=tuple(name for name in names if name not in out),
                held_out=tuple(name for name in names if name in out),
            )
        )
    return folds
