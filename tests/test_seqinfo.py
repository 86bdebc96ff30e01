"""`seqinfo.ini`."""

from __future__ import annotations

import pytest

from fairmot_pl.mot_format import MotFormatError
from fairmot_pl.seqinfo import SequenceInfo, read_seqinfo, video_and_detector, video_of, write_seqinfo


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"needs its seqinfo.ini"):
        read_seqinfo(tmp_path / "seqinfo.ini")


def test_seqinfo_round_trip(tmp_path):
    info = SequenceInfo(name="A", frame_rate=14, length=354, image_size=(480, 640))
    write_seqinfo(tmp_path / "seqinfo.ini", info)
    assert read_seqinfo(tmp_path / "seqinfo.ini") == info


@pytest.mark.parametrize("key", ["frameRate", "seqLength", "imWidth", "imHeight"])
@pytest.mark.parametrize("value", ["", "zero", "0", "-3", "inf", "50%", "%(name)s"])
def test_a_senseless_seqinfo_key_is_named(tmp_path, key, value):
    path = tmp_path / "seqinfo.ini"
    write_seqinfo(path, SequenceInfo(name="A", frame_rate=30, length=3, image_size=(48, 64)))
    lines = [f"{key}={value}" if line.startswith(key) else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    with pytest.raises(MotFormatError, match=f"{key} is .*; a positive number is needed"):
        read_seqinfo(path)


def test_seqinfo_needs_its_section(tmp_path):
    (tmp_path / "seqinfo.ini").write_text("frameRate=30\n")
    with pytest.raises(MotFormatError, match=r"\[Sequence\]"):
        read_seqinfo(tmp_path / "seqinfo.ini")


def test_a_percent_sign_and_a_mark_are_nothing_special(tmp_path):
    path = tmp_path / "seqinfo.ini"
    write_seqinfo(path, SequenceInfo(name="50% %(x)s", frame_rate=30, length=3, image_size=(48, 64)))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_seqinfo(path).name == "50% %(x)s"


@pytest.mark.parametrize("line", ["name=B", "junk", "[Sequence]"])
def test_a_line_too_many_is_one_message(tmp_path, line):
    path = tmp_path / "seqinfo.ini"
    write_seqinfo(path, SequenceInfo(name="A", frame_rate=30, length=3, image_size=(48, 64)))
    path.write_text(path.read_text() + line)
    with pytest.raises(MotFormatError, match=r"seqinfo\.ini: needs one \[Sequence\] section") as refused:
        read_seqinfo(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("MOT17-02-SDP", ("MOT17-02", "SDP")),
        ("MOT17-02-FRCNN", ("MOT17-02", "FRCNN")),
        ("MOT20-01", ("MOT20-01", None)),
        ("MOT17-02-YOLO", ("MOT17-02-YOLO", None)),
        ("-SDP", ("-SDP", None)),
    ],
)
def test_a_name_tells_the_video_and_whose_copy_it_is(name, parts):
    assert video_and_detector(name) == parts
    assert video_of(name) == parts[0]
