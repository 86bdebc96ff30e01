from __future__ import annotations

import json

import numpy as np
import pytest

from data.conftest import write_turned_image
from fairmot_pl.data.audit.audit import audit
from fairmot_pl.data.coco import CocoFormatError, read_coco
from fairmot_pl.data.images import read_image
from fairmot_pl.data.mot import annotation_rows

PEOPLE = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
FILE = "annotations/train.json"


def image(number: int, **more) -> dict:
    return {"id": number, "file_name": f"{number:06d}.jpg", "width": 80, "height": 48, **more}


def box(image_id: int, *tlwh: float, category_id: int = 1, **more) -> dict:
    return {"id": image_id * 100, "image_id": image_id, "category_id": category_id, "bbox": list(tlwh), **more}


STILLS = {
    "images": [image(7), image(5), image(6)],
    "annotations": [
        box(5, 1, 2, 10, 20),
        box(7, -5, 30, 40, 80, track_id=9),
        box(7, 0, 0, 9, 9, iscrowd=1),
        box(5, 3, 4, 5, 6, category_id=3),
        box(7, 0, 0, 9, 9, ignore=1),
    ],
    "categories": PEOPLE,
}


def video(frame_ids: list[int], video_id: int = 1, first: int = 1) -> list[dict]:
    return [image(first + index, video_id=video_id, frame_id=frame) for index, frame in enumerate(frame_ids)]


VIDEOS = {
    "videos": [{"id": 2, "name": "park/b", "fps": 12}, {"id": 1, "name": "a"}],
    "images": [*video([2, 0, 1]), *video([0, 1, 2, 3], 2, 11)],
    "annotations": [
        *(box(number, number, 5, 6, 7, track_id=4) for number in (1, 2, 3, 11, 12, 13, 14)),
        box(12, 40, 5, 6, 7, instance_id=8),
        box(13, 40, 5, 6, 7, attributes={"track_id": 8}),
    ],
    "categories": [{"id": 1, "name": "Kopf"}],  # the only one, so it needs no known name
}


def test_still_images_in_the_order_of_the_file(make_coco):
    (sequence,) = read_coco(make_coco(STILLS), annotation=FILE, images="images")
    assert (sequence.name, sequence.is_video, sequence.folder) == ("train", False, None)
    assert [frame.image_path.name for frame in sequence.frames] == ["000007.jpg", "000005.jpg", "000006.jpg"]
    assert [frame.frame for frame in sequence.frames] == [1, 2, 3]
    first, second, empty = sequence.frames
    np.testing.assert_allclose(first.boxes, [[-5, 30, 35, 110]])  # whole; the crowd and the ignored are gone
    np.testing.assert_allclose(second.boxes, [[1, 2, 11, 22]])
    assert (first.identities.tolist(), second.identities.tolist(), len(empty)) == ([9], [-1], 0)
    assert first.image_size == (48, 80)


@pytest.mark.parametrize(("identities", "expected"), [("track", [9, -1]), ("per_box", [0, 1]), ("unknown", [-1, -1])])
def test_identities_are_tracks_boxes_or_unknown(make_coco, identities, expected):
    (sequence,) = read_coco(make_coco(STILLS), annotation=FILE, images="images", identities=identities)
    assert np.concatenate([frame.identities for frame in sequence.frames]).tolist() == expected


@pytest.mark.parametrize(
    ("categories", "classes"),
    [({"person": 0, "car": 2}, [0, 0, 2]), (["car", "person"], [1, 1, 0]), (["car"], [0]), (None, [0, 0])],
)
def test_categories_become_classes(make_coco, categories, classes):
    (sequence,) = read_coco(make_coco(STILLS), annotation=FILE, images="images", categories=categories)
    assert np.concatenate([frame.classes for frame in sequence.frames]).tolist() == classes


def test_videos_are_told_apart_and_put_in_time(make_coco):
    b, a = read_coco(make_coco(VIDEOS), annotation=FILE, images="images", frame_rate=25)
    assert [(found.name, found.frame_rate, found.is_video) for found in (b, a)] == [
        ("park_b", 12, True),
        ("a", 25, True),
    ]
    assert [frame.image_path.name for frame in a.frames] == ["000002.jpg", "000003.jpg", "000001.jpg"]
    assert [frame.frame for frame in a.frames] == [1, 2, 3]  # the file counts from 0
    assert [frame.identities.tolist() for frame in b.frames] == [[4], [4, 8], [4, 8], [4]]
    rows = annotation_rows(b, last=2)
    assert (rows.frames.tolist(), rows.ids.tolist()) == ([1, 2, 2], [4, 4, 8])
    np.testing.assert_allclose(rows.boxes, [[11, 5, 6, 7], [12, 5, 6, 7], [40, 5, 6, 7]])


def test_videos_may_be_named_as_files_are(make_coco):
    content = {**VIDEOS, "videos": [{"id": 1, "file_name": "MOT17-02/img1"}, {"id": 2}]}
    found = read_coco(make_coco(content), annotation=FILE, images="images")
    assert [sequence.name for sequence in found] == ["MOT17-02_img1", "2"]


def test_an_annotation_without_identities_measures_no_tracking(make_coco):
    content = {**VIDEOS, "annotations": [box(1, 1, 1, 5, 5)]}
    sequences = read_coco(make_coco(content), annotation=FILE, images="images")
    with pytest.raises(ValueError, match="a: 1 of 1 boxes have no identity, so tracking cannot be measured"):
        annotation_rows(sequences[1], last=3)


def test_videos_and_stills_of_one_file_and_a_split(make_coco):
    content = {**VIDEOS, "images": [image(50), *VIDEOS["images"]]}
    root = make_coco(content)
    names = [(found.name, found.is_video) for found in read_coco(root, annotation=FILE, images="images")]
    assert names == [("park_b", True), ("a", True), ("train", False)]
    with pytest.raises(ValueError, match="train are still images without order; allowed is 'full'"):
        read_coco(root, annotation=FILE, images="images", split="first_half")
    split = {"fold": 0, "folds": 2, "part": "val"}
    (only,) = read_coco(make_coco(VIDEOS), annotation=FILE, images="images", split=split)
    assert only.name == "park_b"


def test_an_image_that_its_annotation_saw_turned_is_refused(make_coco):
    content = {"images": [image(1, width=48, height=80)], "annotations": [], "categories": PEOPLE}
    root = make_coco(content)
    write_turned_image(root / "images" / "000001.jpg", orientation=6)
    with pytest.raises(CocoFormatError, match=r"annotated as 48 x 80, but .* is 80 x 48; .*\(EXIF\).*auto-orient"):
        read_coco(root, annotation=FILE, images="images")


def test_an_image_annotated_as_stored_is_read_as_stored(make_coco):
    root = make_coco({"images": [image(1), image(2)], "annotations": [], "categories": PEOPLE})
    write_turned_image(root / "images" / "000001.jpg", orientation=6)  # the sizes tell that nothing was turned
    (sequence,) = read_coco(root, annotation=FILE, images="images")
    assert sequence.frames[0].image_size == read_image(sequence.frames[0].image_path).shape[:2] == (48, 80)
    write_turned_image(root / "images" / "000002.jpg", orientation=3)  # upside down has the same size
    with pytest.warns(UserWarning, match=r"1 images have a rotation note.*look whether .*000002\.jpg"):
        read_coco(root, annotation=FILE, images="images")


def test_a_damaged_image_is_left_out_and_leaves_a_gap(make_coco):
    root = make_coco(VIDEOS)
    (root / "images" / "000003.jpg").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match=r"train\.json: 1 of 7 images are damaged and left out, .*000003\.jpg"):
        _, a = read_coco(root, annotation=FILE, images="images")
    assert [(frame.frame, frame.boxes[0, 0]) for frame in a.frames] == [(1, 2), (3, 1)]


def test_sizes_that_the_file_does_not_say_are_those_of_the_images(make_coco):
    entries = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg", "width": None, "height": None}]
    root = make_coco({"images": entries, "annotations": [], "categories": PEOPLE}, sizes={"2.jpg": (24, 40)})
    (sequence,) = read_coco(root, annotation=FILE, images="images")
    assert [frame.image_size for frame in sequence.frames] == [(48, 80), (24, 40)]


def test_boxes_of_zero_size_are_skipped_with_one_warning(make_coco):
    content = {**STILLS, "annotations": [box(5, 1, 1, 0, 4), box(6, 1, 1, 5, 0), box(6, 1, 1, 5, 5)]}
    with pytest.warns(UserWarning, match=r"train\.json: 2 boxes are of zero size.*first: of .*000005\.jpg"):
        (sequence,) = read_coco(make_coco(content), annotation=FILE, images="images")
    assert [len(frame) for frame in sequence.frames] == [0, 0, 1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": []}, CocoFormatError, "its list of images is empty"),
        ({"annotations": None}, CocoFormatError, "needs the lists images, annotations"),
        ({"images": [{"id": 1}]}, CocoFormatError, r"the image \{'id': 1\} needs id and file_name"),
        ({"images": [image(5), image(5)]}, CocoFormatError, "1 images share their id"),
        ({"annotations": [box(99, 1, 1, 2, 2)]}, CocoFormatError, "'image_id': 99.* needs image_id of a listed image"),
        ({"annotations": [box(5, 1, 1, 2)]}, CocoFormatError, r"needs image_id.*bbox=\[left"),
        ({"annotations": [box(5, 1, 1, 2, "x")]}, CocoFormatError, "needs image_id.*could not convert"),
        (
            {"annotations": [box(5, 1, 1, 2, 2, track_id=2**63)]},
            CocoFormatError,
            "track_id 9223372036854775808 is beyond",
        ),
        ({"annotations": [box(5, 1, 1, 2, 10**400)]}, CocoFormatError, "needs image_id.*OverflowError"),
        ({"annotations": [box(5, 1, 1, 2, float("nan"))]}, CocoFormatError, "1 boxes are not finite"),
        ({"categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}]}, ValueError, "no category.*cat, dog"),
        ({"images": [image(5, width=81)], "annotations": []}, CocoFormatError, "annotated as 81 x 48.*original image"),
        (
            {"annotations": [box(7, 1, 1, 2, 2, track_id=3), box(7, 5, 1, 2, 2, track_id=3)]},
            CocoFormatError,
            r"track_id 3 stands twice in .*000007\.jpg \(1 such boxes\)",
        ),
        ({"images": video([0, 1, 1]), "annotations": []}, CocoFormatError, "video 1 has frame_id 1 twice"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_named(make_coco, change, error, message):
    with pytest.raises(error, match=message):
        read_coco(make_coco({**STILLS, **change}), annotation=FILE, images="images")


def test_what_is_not_there_is_named(make_coco):
    root = make_coco(STILLS)
    with pytest.raises(FileNotFoundError, match=r"b\.json: no such annotation file"):
        read_coco(root, annotation="b.json")
    with pytest.raises(FileNotFoundError, match=r"3 of 3 images cannot be read, .*or name their folder with images="):
        read_coco(root, annotation=FILE)
    with pytest.raises(ValueError, match="has no category 'bus'; there are person, car"):
        read_coco(root, annotation=FILE, images="images", categories=["bus"])
    with pytest.raises(ValueError, match="identities is 'box'; allowed: 'track'"):
        read_coco(root, annotation=FILE, images="images", identities="box")
    (root / FILE).write_text(json.dumps(STILLS)[:-20])
    with pytest.raises(CocoFormatError, match=r"train\.json: is no JSON .*is the file whole"):
        read_coco(root, annotation=FILE, images="images")


def test_another_encoding_is_named_by_reader_and_audit(make_coco):
    root = make_coco({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []})
    path = root / "annotations" / "train.json"
    path.write_bytes('{"images": [], "info": "Zürich"}'.encode("latin-1"))
    with pytest.raises(CocoFormatError, match=r"train\.json: is not UTF-8 text \(byte 25: .*\); save it as UTF-8"):
        read_coco(root, annotation="annotations/train.json")
    source = {"format": "coco", "path": ".", "annotation": "annotations/train.json"}
    (finding,) = audit({"train": {"a": source}, "val": {}}, root).findings
    assert (finding.check, finding.file) == ("unreadable-labels", path)
    assert "is not UTF-8 text (byte 25" in finding.found
