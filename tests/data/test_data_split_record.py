from __future__ import annotations

import json

import pytest

from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.split_record import record_split, shared_identities

ROWS = ["1,1,5,5,9,9,1,1,1", "2,1,5,5,9,9,1,1,1", "1,2,5,5,9,9,1,1,1", "4,3,5,5,9,9,1,1,1", "3,1,5,5,9,9,1,1,1"]


def read(tmp_path, **sets):
    return read_sources({name: {"format": "mot", "path": "set", **options} for name, options in sets.items()}, tmp_path)


@pytest.mark.parametrize(
    ("train", "val", "shared"),
    [
        ({"split": "first_half"}, {"split": "second_half"}, 1),  # ids 1 2 against 1 3
        ({}, {"split": "second_half"}, 2),
        ({}, {"detector": "DPM"}, 3),  # the same footage in another detector's copy
        ({"sequences": ["MOT17-02"]}, {"sequences": ["MOT17-04"]}, 0),
    ],
)
def test_shared_identities_are_counted(make_sequence, tmp_path, train, val, shared):
    for name in ("MOT17-02-SDP", "MOT17-02-DPM"):
        make_sequence(name, rows=ROWS)
    if "sequences" in train:
        make_sequence("MOT17-04-SDP", rows=ROWS)  # equal ids of other people
    assert shared_identities(read(tmp_path, a=train), read(tmp_path, b=val)) == shared


def test_equal_names_in_other_folders_are_other_footage(make_sequence, tmp_path):
    make_sequence("v1", rows=ROWS)
    make_sequence("v1", rows=ROWS, parent=tmp_path / "set" / "val")
    assert shared_identities(read(tmp_path, a={"subset": "train"}), read(tmp_path, b={"subset": "val"})) == 0


def test_footage_read_by_two_sets_is_counted_once(make_sequence, tmp_path):
    make_sequence(rows=ROWS)
    both = read(tmp_path, a={"split": "first_half"}, b={"split": "second_half"})
    assert shared_identities(both, read(tmp_path, c={})) == 3


def test_the_record_names_every_frame(make_sequence, make_crowd, tmp_path):
    make_sequence(frames=5)
    make_crowd([{"ID": "a", "gtboxes": []}])
    train = read(tmp_path, mine={"split": "first_half"})
    train += read_sources(
        {"crowd": {"format": "crowdhuman", "path": "crowd", "annotation": "annotation_train.odgt"}}, tmp_path
    )
    record = record_split(train, read(tmp_path, mine={"split": "second_half"}))
    assert json.loads(json.dumps(record)) == {
        "train": {
            "mine": {"MOT17-02-SDP": {"frames": 2, "ranges": [[1, 2]]}},
            "crowd": {"annotation_train": {"frames": 1, "ranges": [[1, 1]]}},
        },
        "val": {"mine": {"MOT17-02-SDP": {"frames": 3, "ranges": [[3, 5]]}}},
        "shared_identities": 2,
    }
