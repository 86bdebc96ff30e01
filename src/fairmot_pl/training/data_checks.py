"""What data must be like to be trained and validated on, told before the first step."""

from __future__ import annotations

from collections.abc import Sequence

from fairmot_pl.data.sources import DataSource
from fairmot_pl.structures import AnnotatedSequence


def check_classes(train_sets: Sequence[DataSource], num_classes: int) -> None:
    """Refuse objects of classes that the heatmap has no channel for.

    Raises:
        ValueError: naming the data set and its highest class.
    """
    for found in train_sets:
        frames = [frame for sequence in found.sequences for frame in sequence.frames if len(frame)]
        highest = max((int(frame.classes.max()) for frame in frames), default=0)
        if highest >= num_classes:
            raise ValueError(
                f"data set {found.name!r} has objects of class {highest}, but model.num_classes={num_classes}; "
                f"set model.num_classes={highest + 1}, or read fewer classes"
            )


def check_validation(sequences: Sequence[AnnotatedSequence]) -> None:
    """Refuse what cannot be tracked, or could not be told apart in the results.

    Raises:
        ValueError: still images, or two sequences of one name.
    """
    stills = [sequence.name for sequence in sequences if not sequence.is_video]
    if stills:
        raise ValueError(
            f"data.val holds still images ({', '.join(stills)}); only videos can be tracked: "
            "name them in data.train instead"
        )
    names = [sequence.name for sequence in sequences]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"validation sequences must have different names; more than once: {', '.join(twice)}")
