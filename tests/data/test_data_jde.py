from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from data.conftest import write_turned_image
from fairmot_pl.data.audit.audit import audit
from fairmot_pl.data.images import read_image
from fairmot_pl.data.jde import JdeFormatError, label_path, read_jde

PERSON = "0 3 0.500000 0.500000 0.250000 0.500000"
STRANGER = "0 -1 0.012500 0.500000 0.100000 1.100000"

LAYOUTS = {  # how the sets of JDE's data zoo lie below their common root
    "caltech.all": ["Caltech/data/images/set04_V010_879.png", "Caltech/data/images/set04_V010_876.png"],
    "citypersons.train": ["Cityscapes/images/train/jena/jena_000078_000019_leftImg8bit.png"],
    "cuhksysu.train": ["CUHKSYSU/images/s10000.jpg", "CUHKSYSU/images/s1000.jpg"],
    "prw.train": ["PRW/images/c1s1_000151.jpg"],
    "eth.train": ["ETHZ/eth01/images/image_00000001_0.png", "ETHZ/eth02/images/image_00000001_0.png"],
    "mot17.train": ["MOT17/images/train/MOT17-02-SDP/img1/000001.jpg"],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_set_of_the_zoo_is_read_by_its_list(make_jde, name):
    root = make_jde({image: [PERSON, STRANGER] for image in LAYOUTS[name]}, f"lists/{name}")
    sequence = read_jde(root, lists=f"lists/{name}")
    assert (sequence.name, sequence.is_video) == (name, False)
    assert [frame.image_path for frame in sequence.frames] == [root / image for image in LAYOUTS[name]]
    for number, frame in enumerate(sequence.frames, start=1):
        assert (frame.frame, frame.image_size) == (number, (48, 80))
        assert frame.identities.tolist() == [3, -1]
        # pixels of the image, and outside of it where the label says so
        np.testing.assert_allclose(frame.boxes, [[30, 12, 50, 36], [-3, -2.4, 5, 50.4]], rtol=1e-5)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("a/images/b/1.png", "a/labels_with_ids/b/1.txt"),
        ("/images/Caltech/data/images/1.jpg", "/images/Caltech/data/labels_with_ids/1.txt"),
        ("/my_images/PRW/images/images.jpg", "/my_images/PRW/labels_with_ids/images.txt"),
        ("images/a.b.jpg", "labels_with_ids/a.b.txt"),
    ],
)
def test_the_last_folder_named_images_is_replaced(image, label):
    assert label_path(Path(image)) == Path(label)


def test_an_image_elsewhere_has_no_labels():
    with pytest.raises(JdeFormatError, match=r"images\.jpg: lies in no folder named images"):
        label_path(Path("a/img/images.jpg"))


def test_without_lists_every_image_below_is_read(make_jde):
    root = make_jde({"b/images/2.jpg": [PERSON], "b/images/x/1.png": [], "a/images/9.jpg": [STRANGER]})
    (root / "b" / "images" / "notes.txt").write_text("no image")
    sequence = read_jde(root)
    assert sequence.name == "zoo"
    assert [str(frame.image_path.relative_to(root)) for frame in sequence.frames] == [
        *("a/images/9.jpg", "b/images/2.jpg", "b/images/x/1.png")
    ]
    assert [len(frame) for frame in sequence.frames] == [1, 1, 0]
    assert len(read_jde(root / "b" / "images")) == 2


def test_a_list_that_was_written_on_windows(make_jde):
    root = make_jde({"A/images/a/1.jpg": [PERSON]})
    (root / "win.train").write_text("A\\images\\a\\1.jpg\r\n")
    (frame,) = read_jde(root, lists="win.train").frames
    assert frame.image_path == root / "A/images/a/1.jpg"
    report = audit({"train": {"a": {"format": "jde", "path": ".", "lists": "win.train"}}, "val": {}}, root)
    assert not list(report.findings)


def test_webp_images_are_read(make_jde):
    root = make_jde({"images/1.webp": [PERSON]})
    assert len(read_jde(root)) == 1
    assert not list(audit({"train": {"a": {"format": "jde", "path": "."}}, "val": {}}, root).findings)


def test_several_lists_are_one_set(make_jde):
    root = make_jde({"images/1.jpg": [PERSON]}, "a.txt")
    make_jde({"images/2.jpg": [PERSON], "images/1.jpg": [PERSON]}, "b.txt")
    with pytest.warns(UserWarning, match=r"a\.txt: 1 images are listed twice and are read once"):
        sequence = read_jde(root, lists=["a.txt", str(root / "b.txt")])
    assert (sequence.name, len(sequence)) == ("a.txt", 2)


def test_images_without_labels_are_refused_or_taken_for_empty(make_jde):
    root = make_jde({"images/1.jpg": [PERSON], "images/2.jpg": None, "images/3.jpg": None}, "a.txt")
    with pytest.raises(FileNotFoundError, match=r"a\.txt: 2 of 3 images have no label file.*2\.txt; .*=empty"):
        read_jde(root, lists="a.txt")
    sequence = read_jde(root, lists="a.txt", missing_labels="empty")
    assert [len(frame) for frame in sequence.frames] == [1, 0, 0]


def test_sizes_are_those_of_the_pixels_that_are_read(make_jde):
    root = make_jde({"images/1.jpg": [PERSON]})
    write_turned_image(root / "images" / "1.jpg", orientation=6)
    (frame,) = read_jde(root).frames
    assert frame.image_size == read_image(frame.image_path).shape[:2] == (48, 80)


def test_what_a_generator_wrote_twice_is_read_once(make_jde):
    root = make_jde({"images/1.jpg": [PERSON, STRANGER, PERSON, STRANGER], "images/2.jpg": [PERSON]})
    with pytest.warns(UserWarning, match=r"2 label lines stand twice and are read once \(first: of .*1\.jpg\)"):
        sequence = read_jde(root)
    assert [frame.identities.tolist() for frame in sequence.frames] == [[3, -1], [3]]


def test_boxes_of_zero_size_are_skipped_with_one_warning(make_jde):
    root = make_jde({"images/1.jpg": [PERSON], "images/2.jpg": ["0 1 0.5 0.5 0 0.1", PERSON]})
    with pytest.warns(UserWarning, match=r"1 boxes are of zero size and are skipped \(first: of .*2\.jpg\)"):
        assert [len(frame) for frame in read_jde(root).frames] == [1, 1]


def test_sound_labels_are_read_without_a_word(make_jde):
    root = make_jde({"images/1.jpg": [PERSON, "", STRANGER], "images/2.jpg": []})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_jde(root)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([PERSON, "0 1 0.5 0.5 0.1"], r"2\.txt, line 2: '0 1 0.5 0.5 0.1' is not class id xc yc w h"),
        (["", "0 1 x 0.5 0.1 0.1"], r"2\.txt, line 2: '0 1 x 0.5 0.1 0.1' is not"),
        (["0 1 0.5", "0.5 0.1 0.1 " + PERSON], r"2\.txt, line 1"),
        ([PERSON, "", "0 1 960 540 100 300"], r"2\.txt, line 3: 0 1 960 540 100 300; .*normalise them"),
        (["0 1.5 0.5 0.5 0.1 0.1"], r"2\.txt, line 1: 0 1.5 .*class is a whole number from 0, id one from -1"),
        (["0 -2 0.5 0.5 0.1 0.1"], r"line 1: 0 -2 "),
        (["-1 2 0.5 0.5 0.1 0.1"], r"line 1: -1 2 "),
        (["0 2 0.5 0.5 -0.1 0.1", "0 2 0.5 nan 0.1 0.1"], r"line 1: 0 2 .*\(2 such lines in all\)"),
        (["0 inf 0.5 0.5 0.1 0.1"], r"line 1: 0 inf"),
        (["0 1e20 0.5 0.5 0.1 0.1"], r"2\.txt, line 1: 0 1e\+20 "),
    ],
)
def test_a_broken_line_is_named(make_jde, rows, message):
    with pytest.raises(JdeFormatError, match=message):
        read_jde(make_jde({"images/1.jpg": [PERSON], "images/2.jpg": rows}))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("name", ["labels_with_ids/1.txt", "a.txt"])
def test_encodings_are_utf_8_or_named(make_jde, encoding, name):
    root = make_jde({"images/1.jpg": [PERSON]}, "a.txt")
    if encoding == "utf-8-sig":
        (root / name).write_text((root / name).read_text(), encoding=encoding)
        assert [len(frame) for frame in read_jde(root, lists="a.txt").frames] == [1]
        return
    (root / name).write_text((root / name).read_text() + "ü", encoding=encoding)
    with pytest.raises(JdeFormatError, match=rf"{name}: is not UTF-8 text .*; save it as UTF-8"):
        read_jde(root, lists="a.txt")


def test_a_damaged_image_is_left_out_with_one_warning(make_jde):
    root = make_jde({"images/1.jpg": [STRANGER], "images/2.jpg": [PERSON, STRANGER], "images/3.jpg": [PERSON]})
    (root / "images" / "2.jpg").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match=r"zoo: 1 of 3 images are damaged and left out, .* .*2\.jpg \(") as told:
        frames = read_jde(root).frames
    assert len(told) == 1
    assert [(frame.frame, frame.image_path.name) for frame in frames] == [(1, "1.jpg"), (3, "3.jpg")]
    assert [frame.identities.tolist() for frame in frames] == [[-1], [3]]
    (root / "images" / "1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"zoo: 2 of 3 images are damaged, the first is .*1\.jpg .*; 1% may be"):
        read_jde(root)


def test_what_is_not_there_is_named(make_jde, tmp_path):
    root = make_jde({"images/1.jpg": [PERSON], "images/2.jpg": [PERSON]}, "a.txt")
    with pytest.raises(FileNotFoundError, match=r"b\.txt: no such list of images"):
        read_jde(root, lists="b.txt")
    (root / "images" / "2.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.txt: 1 of 2 images cannot be read, the first is .*2\.jpg"):
        read_jde(root, lists="a.txt")
    (root / "b.txt").write_text("\n/home/somebody/MOT/PRW/images/1.jpg\n")
    with pytest.raises(JdeFormatError, match=r"b\.txt, line 2: /home/somebody/.* is not on this machine; shorten"):
        read_jde(root, lists="b.txt")
    (root / "b.txt").write_text("\n")
    with pytest.raises(JdeFormatError, match=r"b\.txt: holds no line"):
        read_jde(root, lists="b.txt")
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; expected ROOT/images/ beside"):
        read_jde(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty: no image in a folder named images"):
        read_jde(tmp_path / "empty")
    with pytest.raises(ValueError, match="missing_labels is 'skip'; allowed: 'error', 'empty'"):
        read_jde(root, missing_labels="skip")
