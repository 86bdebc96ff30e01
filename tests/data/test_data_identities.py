from __future__ import annotations

import json
from dataclasses import replace
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


def labels(name: str, *frames: list[int]) -> AnnotatedSequence:
    return replace(sequence(name, *frames), is_video=False)


def test_reference_numbering_counts_people_of_videos_and_keeps_ids_of_labels():
    index = IdentityIndex.build(
        [
            ("mot", [sequence("x", [7, 3], [3, 9]), sequence("y", [3, -1])]),  # 1 2 3 and 4, so 5 classes
            ("stills", [labels("list", [6, -1], [2])]),  # ids up to 6, so 7 classes
            ("boxes", [labels("list", [-1, -1])]),
            ("more", [labels("list", [0])]),
        ],
        numbering="reference",
    )
    assert index.lookup("mot", "x", np.array([9, 3, -1, 7])).tolist() == [3, 1, -1, 2]
    assert index.lookup("mot", "y", np.array([3])).tolist() == [4]
    assert index.lookup("stills", "list", np.array([6, 2, -1])).tolist() == [11, 7, -1]
    assert index.lookup("more", "list", np.array([0])).tolist() == [12]
    assert index.num_identities == 14  # and one to spare
    assert index.per_dataset() == {"mot": 4, "stills": 2, "boxes": 0, "more": 1}
    with pytest.raises(ValueError, match="id 5 of sequence 'list' in data set 'stills' is not in the identity index"):
        index.lookup("stills", "list", np.array([5]))


def test_reference_numbering_of_nobody_needs_no_classifier():
    index = IdentityIndex.build([("a", [labels("x", [-1])]), ("b", [])], numbering="reference")
    assert index.num_identities == 0


PUBLISHED = {"caltech": 1043, "citypersons": 0, "cuhksysu": 11931, "prw": 933, "eth": 0}
"""Largest id + 1 of each set of MIX after MOT17, whose seven videos show 546 people."""


def test_figures_of_the_reference_come_out():
    people = [sequence(f"MOT17-{name}", list(range(1, count + 1))) for name, count in (("02", 62), ("04", 484))]
    alone = IdentityIndex.build([("mot17", people)], numbering="reference")
    assert alone.num_identities == 547 + 1
    zoo = [(name, [labels(name, list(range(count)) or [-1])]) for name, count in PUBLISHED.items()]
    mix = IdentityIndex.build([("mot17", people), *zoo], numbering="reference")
    assert mix.num_identities == 14455
    assert mix.lookup("prw", "prw", np.array([932])).tolist() == [14453]
    assert IdentityIndex.build([("mot17", people), *zoo]).num_identities == 546 + 1043 + 11931 + 933


@given(DATASETS, st.lists(st.booleans(), min_size=4, max_size=4))
def test_reference_classes_are_unique_in_range_and_restored(ids, stills):
    datasets = [
        (
            f"set{d}",
            [replace(sequence(f"seq{s}", *frames), is_video=not stills[d]) for s, frames in enumerate(parts)][:1],
        )
        if stills[d]
        else (f"set{d}", [sequence(f"seq{s}", *frames) for s, frames in enumerate(parts)])
        for d, parts in enumerate(ids)
    ]
    index = IdentityIndex.build(datasets, numbering="reference")
    restored = IdentityIndex.from_state(json.loads(json.dumps(index.state())))
    classes: list[int] = []
    for name, sequences in datasets:
        for one in sequences:
            raw = np.unique(np.concatenate([np.zeros(0, np.int64), *(frame.identities for frame in one.frames)]))
            known = raw[raw >= 0]
            found = index.lookup(name, one.name, known)
            np.testing.assert_array_equal(found, restored.lookup(name, one.name, known))
            classes += found.tolist()
    assert len(set(classes)) == len(classes) == sum(index.per_dataset().values())
    assert all(0 <= found < index.num_identities - 1 for found in classes)
    assert restored.num_identities == index.num_identities
    assert restored.state() == index.state()


def test_an_unknown_numbering_is_refused():
    with pytest.raises(ValueError, match="identity_numbering is 'sparse'; allowed: 'dense', 'reference'"):
        IdentityIndex.build([], numbering="sparse")


def test_an_absurd_label_is_refused_where_every_number_is_a_class():
    stills = replace(sequence("x", [3, 99_999_999_999]), is_video=False)
    with pytest.raises(ValueError, match="data set 'a' has id 99999999999; identity_numbering=reference makes"):
        IdentityIndex.build([("a", [stills])], numbering="reference")
    assert IdentityIndex.build([("a", [stills])]).num_identities == 2
