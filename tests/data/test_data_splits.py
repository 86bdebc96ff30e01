from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmot_pl.data.splits import take_part, take_split
from fairmot_pl.seqinfo import read_seqinfo
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


def videos(*lengths: int) -> list[AnnotatedSequence]:
    return [replace(video(length), name=f"v{index}") for index, length in enumerate(lengths)]


@given(st.lists(st.integers(1, 40), min_size=2, max_size=9), st.data())
def test_folds_share_no_video_and_are_even(lengths, data):
    sequences = videos(*lengths)
    folds = data.draw(st.integers(2, len(lengths)))
    parts = []
    for fold in range(folds):
        train, val = (take_part(sequences, {"fold": fold, "folds": folds, "part": part}) for part in ("train", "val"))
        assert val
        assert sorted([*train, *val], key=lambda found: found.name) == sequences
        assert {found.name for found in train}.isdisjoint(found.name for found in val)
        parts.append([found.name for found in val])
    assert sorted(name for part in parts for name in part) == [found.name for found in sequences]
    frames = [sum(lengths[int(name[1:])] for name in part) for part in parts]
    assert max(frames) - min(frames) <= max(lengths)
    shuffled = data.draw(st.permutations(sequences))  # what the disk lists first changes nothing
    again = take_part(shuffled, {"fold": 0, "folds": folds, "part": "val"})
    assert sorted(found.name for found in again) == parts[0]


def test_folds_of_mot17_are_even_by_frames():
    sequences = videos(*(train + val for train, val in MOT17_HALVES.values()))
    frames = [sum(map(len, take_part(sequences, {"fold": k, "folds": 4, "part": "val"}))) for k in range(4)]
    assert frames == [1050, 1425, 1437, 1404]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"fold": 4, "folds": 4, "part": "val"}, r"split.fold is 4; with folds=4 it runs from 0 to 3"),
        ({"fold": -1, "folds": 4, "part": "val"}, "split.fold is -1"),
        ({"fold": "a", "folds": 4, "part": "val"}, "split.fold is 'a'"),
        ({"fold": 0, "folds": 1, "part": "val"}, "split.folds is 1; a whole number from 2"),
        ({"fold": 0, "folds": 4, "part": "test"}, "split.part is 'test'; allowed: 'train', 'val'"),
        ({"fold": 0, "folds": 4}, "split has the keys fold, folds; needed are fold, folds, part"),
        ({"fold": 0, "folds": 3, "part": "val"}, "2 videos make no 3 folds; use folds=2 or fewer"),
        ("half", r"split is 'half'; allowed: 'full', .* or by video: \{fold: 0, folds: 4, part: train\}"),
        (None, "split is None; allowed"),
    ],
)
def test_a_part_that_is_not_there_is_refused(split, message):
    with pytest.raises(ValueError, match=message):
        take_part(videos(3, 3), split)


def test_halves_of_real_mot17_are_the_published_ones(real_data):
    root = real_data / "metrics" / "gt" / "MOT17-train"
    lengths = {folder.name[6:8]: read_seqinfo(folder / "seqinfo.ini").length for folder in root.iterdir()}
    halves = {
        name: tuple(len(take_split(video(length), split)) for split in ("first_half", "second_half"))
        for name, length in lengths.items()
    }
    assert halves == MOT17_HALVES
