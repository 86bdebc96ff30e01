"""What data must be like to be trained and validated on, told before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmot_pl.data.sources import DataSource
from fairmot_pl.structures import AnnotatedSequence


def check_training(train_sets: Sequence[DataSource], sources: Mapping[str, Any], root: Path) -> None:
    """Refuse data without an image.

    Args:
        train_sets: all that were read.
        sources: what they were read from, as `data.train` says it.
        root: where that is.

    Raises:
        ValueError: naming the sources.
    """
    if not any(len(sequence) for found in train_sets for sequence in found.sequences):
        raise ValueError(f"nothing to train on: data.train={sources} under {root} holds no image")


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


def check_validation(sequences: Sequence[AnnotatedSequence], sources: Mapping[str, Any], root: Path) -> None:
    """Refuse what cannot be tracked, or could not be told apart in the results.

    Args:
        sequences: all that were read.
        sources: what they were read from, as `data.val` says it; empty for no validation.
        root: where that is.

    Raises:
        ValueError: still images, two sequences of one name, or sources without a frame.
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
    if sources and not any(map(len, sequences)):
        raise ValueError(
            f"the validation set is empty: data.val={sources} under {root} holds no frame; "
            "name other sources, or data.val=null to train without validation"
        )
