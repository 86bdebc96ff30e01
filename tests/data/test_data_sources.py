from __future__ import annotations

import pytest

from data.conftest import write_video
from fairmot_pl.data.sources import read_source, read_sources

COCO = {
    "images": [{"id": 1, "file_name": "1.jpg"}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
    "categories": [{"id": 1, "name": "person"}],
}


def test_every_format_is_read_from_the_root(make_sequence, make_crowd, make_jde, make_coco, tmp_path):
    make_sequence()
    make_jde({"images/1.jpg": ["0 1 0.5 0.5 0.1 0.1"]})
    make_coco(COCO)
    write_video(tmp_path / "clips" / "a.mp4")
    (tmp_path / "clips" / "a.txt").write_text("1,1,5,5,9,9\n")
    make_crowd([{"ID": "a", "gtboxes": []}])
    sources = read_sources(
        {
            "people": {"format": "mot", "path": "set", "split": "first_half", "clip_boxes": True},
            "drawn": {"format": "synthetic", "path": "set/train"},
            "crowd": {"format": "crowdhuman", "path": "crowd", "annotation": "annotation_train.odgt"},
            "zoo": {"format": "jde", "path": "zoo"},
            "json": {"format": "coco", "path": "coco", "annotation": "annotations/train.json", "images": "images"},
            "own": {"format": "videos", "path": "clips"},
        },
        tmp_path,
    )
    assert [(source.name, source.clip_boxes) for source in sources] == [
        ("people", True),
        ("drawn", False),
        ("crowd", False),
        ("zoo", False),
        ("json", False),
        ("own", False),
    ]
    assert [len(source.sequences[0]) for source in sources] == [2, 4, 1, 1, 1, 6]


def test_an_absolute_path_needs_no_root(make_sequence, tmp_path):
    source = {"format": "mot", "path": str(make_sequence().parent)}
    assert len(read_source(source, tmp_path / "elsewhere")) == 1


def test_the_default_path_is_the_root(make_sequence):
    assert len(read_source({"format": "mot"}, make_sequence().parent)) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "data set 'mine': format is 'None'; allowed: mot, synthetic, crowdhuman, jde, coco, videos"),
        ({"format": "motchallenge"}, "format is 'motchallenge'; allowed"),
        ({"format": "crowd_human"}, "did you mean 'crowdhuman'?"),
        ({"format": "mot", "splitt": "full"}, "format 'mot' has no option 'splitt'; .*did you mean 'split'?"),
        ({"format": "mot", "root": "x"}, "format 'mot' has no option 'root'"),
        ({"format": "crowdhuman"}, "data set 'mine': format 'crowdhuman' needs the option 'annotation'"),
        ({"format": "coco"}, "data set 'mine': format 'coco' needs the option 'annotation'"),
        ({"format": "jde", "list": "a.txt"}, "format 'jde' has no option 'list'; .*did you mean 'lists'?"),
        ({"format": "video"}, "did you mean 'videos'?"),
    ],
)
def test_a_description_that_means_nothing_is_refused(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        read_sources({"mine": source}, tmp_path)
