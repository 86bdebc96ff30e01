from __future__ import annotations

import pytest

from fairmot_pl.data.sources import read_source, read_sources


def test_every_format_is_read_from_the_root(make_sequence, make_crowd, tmp_path):
    make_sequence()
    make_crowd([{"ID": "a", "gtboxes": []}])
    sources = read_sources(
        {
            "people": {"format": "mot", "path": "set", "split": "first_half", "clip_boxes": True},
            "drawn": {"format": "synthetic", "path": "set/train"},
            "crowd": {"format": "crowdhuman", "path": "crowd", "annotation": "annotation_train.odgt"},
        },
        tmp_path,
    )
    assert [(source.name, source.clip_boxes) for source in sources] == [
        ("people", True),
        ("drawn", False),
        ("crowd", False),
    ]
    assert [len(source.sequences[0]) for source in sources] == [2, 4, 1]


def test_an_absolute_path_needs_no_root(make_sequence, tmp_path):
    source = {"format": "mot", "path": str(make_sequence().parent)}
    assert len(read_source(source, tmp_path / "elsewhere")) == 1


def test_the_default_path_is_the_root(make_sequence):
    assert len(read_source({"format": "mot"}, make_sequence().parent)) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "data set 'mine': format is 'None'; allowed: mot, synthetic, crowdhuman"),
        ({"format": "motchallenge"}, "format is 'motchallenge'; allowed"),
        ({"format": "crowd_human"}, "did you mean 'crowdhuman'?"),
        ({"format": "mot", "splitt": "full"}, "format 'mot' has no option 'splitt'; .*did you mean 'split'?"),
        ({"format": "mot", "root": "x"}, "format 'mot' has no option 'root'"),
        ({"format": "crowdhuman"}, "data set 'mine': format 'crowdhuman' needs the option 'annotation'"),
    ],
)
def test_a_description_that_means_nothing_is_refused(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        read_sources({"mine": source}, tmp_path)
