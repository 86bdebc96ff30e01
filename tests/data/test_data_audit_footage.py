"""Which frames are compared, so that footage on both sides is found without decoding all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.data.audit.footage import frames_to_compare
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence, Use


def sequence(name: str, side: str, frames: int, *, is_video: bool = True) -> AuditedSequence:
    folder = Path(name)
    return AuditedSequence(
        name=name,
        file=folder,
        images=tuple(folder / f"{number}.jpg" for number in range(1, frames + 1)),
        frames=np.arange(1, frames + 1),
        said_sizes=np.zeros((frames, 2), np.int64),
        rows=LabelRows.empty(folder),
        is_video=is_video,
        uses=[Use(side, "set", (1, frames), folder, name)],
    )


def numbers(chosen: set[Path], name: str) -> set[int]:
    return {int(path.stem) for path in chosen if path.parent.name == name}


def test_a_stretch_that_both_sides_have_is_found_wherever_it_begins():
    chosen = frames_to_compare([sequence("a", "train", 1000), sequence("b", "val", 1500)])
    train, val = numbers(chosen, "a"), numbers(chosen, "b")
    assert len(train) == 100
    assert len(val) == 150
    for begin_in_train in range(1, 800, 7):
        for begin_in_val in range(1, 1300, 11):
            shift = begin_in_val - begin_in_train
            shared = range(begin_in_train, begin_in_train + 110)
            assert any(frame in train and frame + shift in val for frame in shared)


def test_short_sequences_and_validation_stills_are_compared_as_a_whole():
    stills = [sequence("b", "val", 900, is_video=False), sequence("c", "train", 300, is_video=False)]
    chosen = frames_to_compare([sequence("a", "train", 50), *stills])
    assert [len(numbers(chosen, name)) for name in "abc"] == [50, 900, 30]


@pytest.mark.parametrize("sides", [("train", "train"), ("val", "val")])
def test_nothing_is_compared_where_there_is_one_side_only(sides):
    assert not frames_to_compare([sequence("a", sides[0], 300), sequence("b", sides[1], 300)])


def test_every_frame_where_it_is_asked_for():
    chosen = frames_to_compare([sequence("a", "train", 300), sequence("b", "val", 900)], every=True)
    assert len(chosen) == 1200
