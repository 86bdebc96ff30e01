from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation


def sequence(name: str, *frames: list[int]) -> AnnotatedSequence:
    annotations = tuple(
        FrameAnnotation(
            image_path=Path(f"{number}.jpg"),
            frame=number,
            image_size=(4, 4),
            boxes=np.zeros((len(ids), 4)),
            identities=np.array(ids, np.int64),
            classes=np.zeros(len(ids)),
            visibility=np.ones(len(ids)),
        )
        for number, ids in enumerate(frames, start=1)
    )
    return AnnotatedSequence(name=name, frames=annotations, frame_rate=1.0)


IDS = st.lists(st.integers(-1, 30), max_size=8)
DATASETS = st.lists(st.lists(st.lists(IDS, max_size=4), max_size=4), max_size=4)


@given(DATASETS)
def test_everybody_has_one_class_of_their_own(ids):
    datasets = [
        (f"set{d}", [sequence(f"seq{s}", *frames) for s, frames in enumerate(sequences)])
        for d, sequences in enumerate(ids)
    ]
    index = IdentityIndex.build(datasets)
    restored = IdentityIndex.from_state(json.loads(json.dumps(index.state())))
    people = {}
    for name, sequences in datasets:
        for one in sequences:
            for frame in one.frames:
                classes = index.lookup(name, one.name, frame.identities)
                np.testing.assert_array_equal(classes, restored.lookup(name, one.name, frame.identities))
                np.testing.assert_array_equal(classes == -1, frame.identities == -1)
                for raw, label in zip(frame.identities[classes >= 0], classes[classes >= 0], strict=True):
                    people.setdefault((name, one.name, int(raw)), set()).add(int(label))
    assert all(len(labels) == 1 for labels in people.values())
    assert sorted(label for labels in people.values() for label in labels) == list(range(index.num_identities))
    assert restored.num_identities == index.num_identities


def test_classes_follow_data_sets_sequences_and_ids():
    index = IdentityIndex.build(
        [("a", [sequence("x", [7, 3], [3, 9]), sequence("y", [3])]), ("b", [sequence("x", [7, -1])])]
    )
    assert index.num_identities == 5
    assert index.lookup("a", "x", np.array([9, 3, -1, 7])).tolist() == [2, 0, -1, 1]
    assert index.lookup("a", "y", np.array([3])).tolist() == [3]
    assert index.lookup("b", "x", np.array([7])).tolist() == [4]


def test_state_of_a_million_people_is_small():
    index = IdentityIndex.build([("crowd", [sequence("train", list(range(100_000)))])])
    assert index.state() == {"datasets": ["crowd"], "sequences": ["train"], "id_runs": [[[0, 100_000]]]}


@pytest.mark.parametrize(("dataset", "name", "raw"), [("a", "x", 8), ("a", "z", 3), ("b", "x", 3)])
def test_a_stranger_is_refused_or_unknown(dataset, name, raw):
    index = IdentityIndex.build([("a", [sequence("x", [3, 7])])])
    message = f"id {raw} of sequence '{name}' in data set '{dataset}' is not in the identity index"
    with pytest.raises(ValueError, match=message):
        index.lookup(dataset, name, np.array([raw]))
    assert index.lookup(dataset, name, np.array([raw, -1]), strict=False).tolist() == [-1, -1]


def test_equal_names_are_refused():
    with pytest.raises(ValueError, match="two data sets are named 'a'"):
        IdentityIndex.build([("a", []), ("a", [])])
    with pytest.raises(ValueError, match="data set 'a' has two sequences 'x'"):
        IdentityIndex.build([("a", [sequence("x", [1]), sequence("x", [1])])])


def test_an_index_of_nobody_knows_nobody():
    index = IdentityIndex.build([("a", [sequence("x", [-1, -1])])])
    assert index.num_identities == 0
    assert index.lookup("a", "x", np.array([-1])).tolist() == [-1]
