"""The MOTChallenge text format."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import mot_format
from fairmot_pl.mot_format import MotFormatError, read_mot, write_mot
from fairmot_pl.seqinfo import read_seqinfo
from fairmot_pl.structures import Tracks


def test_reads_mot17_and_mot15_columns(tmp_path):
    file = tmp_path / "gt.txt"
    file.write_text("1,2,912,484,97,109,0,7,0.5\n\n2,2,-3.5,484,97,109,1,1,1\n")
    table = read_mot(file)
    assert table.frames.tolist() == [1, 2]
    assert table.classes.tolist() == [7, 1]
    assert table.visibility.tolist() == [0.5, 1]
    file.write_text("1,1,399,182,121,229,1,-1,-1,-1\n")
    table = read_mot(file)
    assert table.classes.tolist() == [-1]
    assert table.visibility.tolist() == [1]
    file.write_text("1 1 399 182 121 229\n2,1,1,1,5,5,0.25,\n")
    assert read_mot(file).scores.tolist() == [-1, 0.25]


def test_an_empty_file_is_an_empty_table(tmp_path):
    (tmp_path / "SEQ.txt").write_text("")
    assert len(read_mot(tmp_path / "SEQ.txt")) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4,x,6", r"gt.txt, line 2: '1,2,3,4,x,6' holds something that is no number"),
        ("1,2,3,4,5", r"line 2: .* has 5 columns; at least 6 are needed"),
        ("0,2,3,4,5,6", r"line 2: .* has frame 0; frames are whole numbers from 1"),
        ("1.5,2,3,4,5,6", r"line 2: .* has frame 1.5"),
        ("1,2.5,3,4,5,6", r"line 2: .* has id 2.5"),
        ("1,2,nan,4,5,6", r"line 2: .* not finite"),
        ("1,2,3,4,inf,6", r"line 2: .* not finite"),
        ("1,1e17,3,4,5,6", r"line 2: .* has a frame or an id beyond 9007199254740992"),
    ],
)
def test_a_broken_row_is_named(tmp_path, line, message):
    (tmp_path / "gt.txt").write_text(f"1,1,1,1,1,1\n{line}\n")
    with pytest.raises(MotFormatError, match=message):
        read_mot(tmp_path / "gt.txt")


@pytest.mark.parametrize(
    "text",
    [
        "1,2,912,484,97,109,0,7,0.5\n\n2,-1,-3.5,484,97,109,1,1,1\n",
        "\ufeff3,2,9,4,9,1\n1,2,9,4,9,1e2\n",
        "1,1,9,4,9,1,\n",
        "1,1,9,4,9,1\n1 2 9 4 9 1\n",
        "",
    ],
)
@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_large_files_read_as_small_ones_do(tmp_path, monkeypatch, text):
    (tmp_path / "gt.txt").write_text(text)
    small = read_mot(tmp_path / "gt.txt")
    monkeypatch.setattr(mot_format, "LARGE_FILE", 0)
    large = read_mot(tmp_path / "gt.txt")
    for field in vars(small):
        np.testing.assert_array_equal(getattr(small, field), getattr(large, field))


@pytest.mark.parametrize(
    "line", ["1,2,3,4,x,6", "1,2,3,4,5", "0,2,3,4,5,6", "1.5,2,3,4,5,6", "1,2,3,4,inf,6", "1,-1e30,3,4,5,6"]
)
def test_a_broken_row_of_a_large_file_is_named(tmp_path, monkeypatch, line):
    monkeypatch.setattr(mot_format, "LARGE_FILE", 0)
    (tmp_path / "gt.txt").write_text(f"1,1,1,1,1,1\n{line}\n")
    with pytest.raises(MotFormatError, match=r"gt.txt, line 2"):
        read_mot(tmp_path / "gt.txt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such MOTChallenge file"):
        read_mot(tmp_path / "gt.txt")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("read", [read_mot, read_seqinfo])
@pytest.mark.parametrize("large", [0, 1 << 20])
def test_other_encodings_are_named(tmp_path, monkeypatch, encoding, read, large):
    monkeypatch.setattr(mot_format, "LARGE_FILE", large)
    (tmp_path / "a.txt").write_text("[Sequence]\nname=Zürich\n1,1,1,1,5,5\n", encoding=encoding)
    with pytest.raises(MotFormatError, match=r"a\.txt: is not UTF-8 text \(.*\); save it as UTF-8"):
        read(tmp_path / "a.txt")


def test_results_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-50, 500, (5, 4))
    tracks = Tracks(ids=np.arange(1, 6), boxes=boxes, scores=rng.random(5), classes=np.zeros(5))
    write_mot(tmp_path / "out" / "SEQ.txt", [mot_format.track_rows(7, tracks)])
    table = read_mot(tmp_path / "out" / "SEQ.txt")
    assert table.frames.tolist() == [7] * 5
    assert table.ids.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(table.boxes[:, :2], boxes[:, :2], atol=1e-4)
    np.testing.assert_allclose(table.boxes[:, 2:], boxes[:, 2:] - boxes[:, :2], atol=1e-4)
