from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.data.splits import take_split
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation

MOT17_HALVES = {"02": (300, 300), "04": (525, 525), "05": (418, 419), "09": (262, 263), "10": (327, 327)}
MOT17_HALVES |= {"11": (450, 450), "13": (375, 375)}


def video(length: int) -> AnnotatedSequence:
    nobody = np.zeros((0, 4))
    frames = tuple(
        FrameAnnotation(
            image_path=Path(f"{number}.jpg"),
            frame=number,
            image_size=(4, 4),
            boxes=nobody,
            identities=nobody[:, 0],
            classes=nobody[:, 0],
            visibility=nobody[:, 0],
        )
        for number in range(1, length + 1)
    )
    return AnnotatedSequence(name="video", frames=frames, frame_rate=30.0)


@pytest.mark.parametrize("name", MOT17_HALVES)
def test_halves_are_those_of_the_published_lists(name):
    train, validation = MOT17_HALVES[name]
    whole = video(train + validation)
    first, second = take_split(whole, "first_half"), take_split(whole, "second_half")
    assert (len(first), len(second)) == (train, validation)
    assert second.frames[0].frame == (train + validation) // 2 + 1
    assert first.frames + second.frames == take_split(whole, "full").frames


def test_halves_of_mot17_add_up_to_the_published_lists():
    assert tuple(map(sum, zip(*MOT17_HALVES.values(), strict=True))) == (2657, 2659)


def test_a_split_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="split is 'train'; allowed: 'full', 'first_half', 'second_half'"):
        take_split(video(4), "train")
    with pytest.raises(ValueError, match=r"sequence video has 1 frame\(s\): its first_half is empty"):
        take_split(video(1), "first_half")
    assert len(take_split(video(1), "second_half")) == 1
