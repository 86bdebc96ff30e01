from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from data.conftest import write_turned_image
from fairmot_pl.data.audit.audit import audit
from fairmot_pl.data.crowdhuman import CrowdHumanFormatError, read_crowdhuman
from fairmot_pl.data.images import read_image


def person(box, **more):
    return {"tag": "person", "fbox": box, "extra": {"box_id": 0}, **more}


RECORDS = [
    {"ID": "a,1", "gtboxes": [person([1, 2, 10, 20], vbox=[1, 2, 10, 5]), person([-5, 30, 40, 80])]},
    {"ID": "b,2", "gtboxes": []},
    {
        "ID": "c,3",
        "gtboxes": [
            person([0, 0, 9, 9], extra={"ignore": 1}),
            {"tag": "mask", "fbox": [0, 0, 9, 9], "extra": {}},
            person([3, 4, 5, 6]),
        ],
    },
]


def test_full_bodies_are_read_and_ignored_ones_left_out(make_crowd):
    sequence = read_crowdhuman(make_crowd(RECORDS), annotation="annotation_train.odgt")
    assert (sequence.name, sequence.is_video, len(sequence)) == ("annotation_train", False, 3)
    first, empty, last = sequence.frames
    np.testing.assert_allclose(first.boxes, [[1, 2, 11, 22], [-5, 30, 35, 110]])
    np.testing.assert_allclose(first.visibility, [0.25, 1])
    assert first.image_size == (48, 80)
    assert first.image_path.name == "a,1.jpg"
    assert len(empty) == 0
    np.testing.assert_allclose(last.boxes, [[3, 4, 8, 10]])


def test_boxes_of_zero_size_are_skipped_with_one_warning(make_crowd):
    flat = {"ID": "d", "gtboxes": [person([0, 0, 0, 9]), person([1, 1, 4, 4]), person([0, 0, 9, 0])]}
    root = make_crowd([*RECORDS, flat, {"ID": "e", "gtboxes": [person([5, 5, 0, 0])]}])
    with pytest.warns(
        UserWarning, match=r"train\.odgt: 3 boxes are of zero size and are skipped \(first: line 4\)"
    ) as told:
        sequence = read_crowdhuman(root, annotation="annotation_train.odgt")
    assert len(told) == 1
    assert [len(frame) for frame in sequence.frames] == [2, 0, 1, 1, 0]
    assert np.concatenate([frame.identities for frame in sequence.frames]).tolist() == [0, 1, 2, 3]


def test_images_may_be_numbered(make_crowd):
    root = make_crowd([{"ID": 273271, "gtboxes": [person([1, 2, 10, 20])]}])
    (frame,) = read_crowdhuman(root, annotation="annotation_train.odgt").frames
    assert frame.image_path.name == "273271.jpg"
    source = {"format": "crowdhuman", "path": ".", "annotation": "annotation_train.odgt"}
    assert not list(audit({"train": {"a": source}, "val": {}}, root).findings)


@pytest.mark.parametrize("key", [True, 1.5, None, "", ["a"]])
def test_what_names_no_image_is_refused_by_reader_and_audit(make_crowd, key):
    root = make_crowd([{"ID": "a", "gtboxes": []}, json.dumps({"ID": key, "gtboxes": []})])
    with pytest.raises(CrowdHumanFormatError, match="line 2: needs ID"):
        read_crowdhuman(root, annotation="annotation_train.odgt")
    source = {"format": "crowdhuman", "path": ".", "annotation": "annotation_train.odgt"}
    assert "bad-entry" in {each.check for each in audit({"train": {"a": source}, "val": {}}, root).findings}


def test_whole_files_are_read_without_a_word(make_crowd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_crowdhuman(make_crowd(RECORDS), annotation="annotation_train.odgt")


@pytest.mark.parametrize(("identities", "expected"), [("per_box", [0, 1, 2]), ("unknown", [-1, -1, -1])])
def test_identities_are_counted_or_unknown(make_crowd, identities, expected):
    sequence = read_crowdhuman(make_crowd(RECORDS), annotation="annotation_train.odgt", identities=identities)
    assert np.concatenate([frame.identities for frame in sequence.frames]).tolist() == expected


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([RECORDS[0], "{broken"], r"annotation_train.odgt, line 2: is no JSON"),
        ([{"ID": "a"}], "line 1: needs ID and gtboxes.*KeyError"),
        (['{"gtboxes": []}'], "line 1: needs ID and gtboxes"),
        (["[1, 2]"], "line 1: needs ID and gtboxes"),
        ([{"ID": "a", "gtboxes": [{"tag": "person"}]}], "fbox=.*KeyError"),
        ([{"ID": "a", "gtboxes": [person([1, 2, 3])]}], "line 1: needs ID and gtboxes"),
        ([{"ID": "a", "gtboxes": [person(["x", 2, 3, 4])]}], "line 1: needs ID and gtboxes"),
        ([{"ID": "a", "gtboxes": [person([1, float("nan"), 3, 4])]}], "line 1: needs .*a box is not finite"),
        ([RECORDS[1], {"ID": "a", "gtboxes": [person([1, 1e300, 3, 4])]}], "line 2: needs .*a box is not finite"),
        ([{"ID": "a", "gtboxes": [person([1, 10**400, 3, 4])]}], "line 1: needs .*OverflowError"),
        ([""], "holds no line"),
    ],
)
def test_a_broken_line_is_named(make_crowd, records, message):
    with pytest.raises(CrowdHumanFormatError, match=message):
        read_crowdhuman(make_crowd(records), annotation="annotation_train.odgt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings_are_utf_8_or_named(make_crowd, encoding):
    root = make_crowd(RECORDS[:1])
    path = root / "annotation_train.odgt"
    line = path.read_text()
    path.write_text(line if encoding == "utf-8-sig" else line.replace("person", "Zürcher"), encoding=encoding)
    if encoding == "utf-8-sig":
        assert len(read_crowdhuman(root, annotation=path.name)) == 1
    else:
        with pytest.raises(CrowdHumanFormatError, match=r"odgt, line 1: is not UTF-8 text .*; save it as UTF-8"):
            read_crowdhuman(root, annotation=path.name)


def test_missing_files_are_named(make_crowd, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a.odgt: no such annotation file; expected ROOT/a.odgt"):
        read_crowdhuman(tmp_path, annotation="a.odgt")
    with pytest.raises(FileNotFoundError, match=r"1 of 1 images cannot be read, .*gone\.jpg of line 1 "):
        read_crowdhuman(make_crowd(['{"ID": "gone", "gtboxes": []}']), annotation="annotation_train.odgt")


def test_a_damaged_image_is_left_out_with_one_warning(make_crowd):
    root = make_crowd(RECORDS)
    (root / "Images" / "a,1.jpg").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match=r"1 of 3 images are damaged and left out, the first is .*a,1\.jpg of line 1 "):
        frames = read_crowdhuman(root, annotation="annotation_train.odgt").frames
    assert [(frame.frame, frame.identities.tolist()) for frame in frames] == [(2, []), (3, [2])]
    np.testing.assert_allclose(frames[1].boxes, [[3, 4, 8, 10]])


def test_an_unknown_way_to_number_is_refused(make_crowd):
    with pytest.raises(ValueError, match="identities is 'per_image'; allowed: 'per_box', 'unknown'"):
        read_crowdhuman(make_crowd(RECORDS), annotation="annotation_train.odgt", identities="per_image")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_camera_s_rotation_note_is_ignored_on_both_sides(make_crowd, orientation):
    root = make_crowd(RECORDS[:1])
    write_turned_image(root / "Images" / "a,1.jpg", (40, 64), orientation)
    (frame,) = read_crowdhuman(root, annotation="annotation_train.odgt").frames
    assert frame.image_size == read_image(frame.image_path).shape[:2] == (40, 64)
    np.testing.assert_allclose(frame.boxes[0], [1, 2, 11, 22])


def test_a_line_as_published_is_read(make_crowd):
    line = (
        '{"ID": "273271,c9db000d5146c15", "gtboxes": [{"fbox": [72, 202, 163, 503], "tag": "person", "hbox": '
        '[171, 208, 62, 83], "extra": {"box_id": 0, "occ": 0}, "vbox": [72, 202, 163, 398], "head_attr": '
        '{"ignore": 0, "occ": 0, "unsure": 0}}, {"fbox": [199, 180, 144, 499], "tag": "mask", "hbox": '
        '[199, 180, 144, 499], "vbox": [199, 180, 144, 499], "extra": {"box_id": 1, "ignore": 1}}]}'
    )
    root = make_crowd(RECORDS[:1])
    (root / "annotation_train.odgt").write_text(line)
    write_turned_image(root / "Images" / "273271,c9db000d5146c15.jpg", orientation=1)
    (frame,) = read_crowdhuman(root, annotation="annotation_train.odgt").frames
    np.testing.assert_allclose(frame.boxes, [[72, 202, 235, 705]])
    np.testing.assert_allclose(frame.visibility, [398 / 503])
