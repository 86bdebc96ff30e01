"""What is written frame by frame: whole lines, and a video that plays at any moment."""

from __future__ import annotations

import csv
import json
import logging
from contextlib import suppress

import av
import numpy as np
import pytest

from fairmot_pl.inference.writers import growing_video
from fairmot_pl.inference.writers.growing_video import GrowingVideoWriter
from fairmot_pl.inference.writers.rows import LineFile, csv_line, open_track_file
from fairmot_pl.mot_format import read_mot
from fairmot_pl.structures import Tracks

resource = pytest.importorskip("resource", reason="limits on file size are a thing of Unix")

TWO = Tracks(ids=[7, 9], boxes=[[1, 2, 11, 32], [-0.5, 0, 4, 8]], scores=[0.5, 1], classes=[0, 1])
NONE = Tracks(ids=[], boxes=np.zeros((0, 4)), scores=[], classes=[])


def picture(seed=0, size=(48, 64)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)
        ]


def test_the_three_formats_say_the_same(tmp_path):
    for kind in ("mot", "csv", "jsonl"):
        file = open_track_file(kind, tmp_path, "a")
        for number, tracks in ((1, TWO), (2, NONE), (4, TWO)):
            file.write(number, number / 8, tracks)
        file.close()
    table = read_mot(tmp_path / "a.txt")
    assert table.frames.tolist() == [1, 1, 4, 4]
    assert table.boxes[:2].tolist() == [[1, 2, 10, 30], [-0.5, 0, 4.5, 8]]
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert rows[1] == {
        **{"frame": "1", "time": "0.125", "id": "9", "left": "-0.5", "top": "0", "width": "4.5", "height": "8"},
        **{"score": "1", "class": "1"},
    }
    assert [row["frame"] for row in rows] == ["1", "1", "4", "4"]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(line["frame"], len(line["tracks"])) for line in lines] == [(1, 2), (2, 0), (4, 2)]
    assert lines[2] == {
        "frame": 4,
        "time": 0.5,
        "tracks": [
            {"id": 7, "box": [1, 2, 10, 30], "score": 0.5, "class": 0},
            {"id": 9, "box": [-0.5, 0, 4.5, 8], "score": 1, "class": 1},
        ],
    }


def test_rows_are_in_the_file_as_soon_as_they_are_written(tmp_path):
    file = open_track_file("mot", tmp_path, "a")
    file.write(1, 0, TWO)
    assert (tmp_path / "a.txt").read_text() == "1,7,1,2,10,30,0.5,-1,-1,-1\n1,9,-0.5,0,4.5,8,1,-1,-1,-1\n"


def test_text_in_csv_is_quoted_where_it_must_be():
    assert csv_line((1, 0.25, 'a "door", wide', 3.00001)) == '1,0.25,"a ""door"", wide",3\n'


def test_a_full_disk_is_named(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = LineFile(tmp_path / "a.txt")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match=r"a\.txt could not be written: File too large; free space"):
            file.append("a line of twenty-six chars\n" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=r"a\.txt could not be written: (Not a directory|File exists)"):
        LineFile(tmp_path / "file" / "a.txt")


def test_a_growing_video_plays_while_it_grows(tmp_path):
    writer = GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10, quality=5)
    for seed in range(12):
        writer.write(picture(seed))
        copy = tmp_path / "copy.mp4"
        copy.write_bytes((tmp_path / "a.mp4").read_bytes())
        if seed:
            assert len(decoded(copy)) >= seed, "at most the last frame is missing"
    writer.close()
    frames = decoded(tmp_path / "a.mp4")
    assert [time for time, _ in frames] == pytest.approx([seed / 10 for seed in range(12)])


@pytest.mark.parametrize("lost", [1, 200, 3000])
def test_a_file_cut_anywhere_plays_up_to_there(tmp_path, lost):
    writer = GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10)
    for seed in range(12):
        writer.write(picture(seed))
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:-lost])
    played = 0
    with av.open(str(tmp_path / "cut.mp4")) as container, suppress(av.error.InvalidDataError):
        for _ in container.decode(video=0):
            played += 1
    assert played >= 9


def test_a_finished_video_is_an_ordinary_one(tmp_path):
    with GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=30000 / 1001) as writer:
        for seed in range(5):
            writer.write(picture(seed))
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"moof" not in content
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.frames, float(stream.average_rate)) == (5, pytest.approx(30000 / 1001))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_frames_are_shown_when_they_came(tmp_path):
    times = [0, 0.1, 0.5, 0.6, 0.6, 2]
    with GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10) as writer:
        for seed, time in enumerate(times):
            writer.write(picture(seed), seconds=time)
    assert [time for time, _ in decoded(tmp_path / "a.mp4")] == pytest.approx(times, abs=0.01)


def test_an_error_keeps_what_was_written(tmp_path):
    with suppress(RuntimeError), GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10) as writer:
        for seed in range(5):
            writer.write(picture(seed))
        raise RuntimeError
    assert len(decoded(tmp_path / "a.mp4")) >= 4


def test_frames_of_another_size_are_fitted_in(tmp_path):
    with GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10, quality=5) as writer:
        writer.write(picture())
        writer.write(np.full((96, 96, 3), 200, np.uint8))
    _, second = decoded(tmp_path / "a.mp4")
    assert second[1].shape == (48, 64, 3)
    assert abs(int(second[1][24, 32, 0]) - 200) < 6
    assert abs(int(second[1][24, 2, 0]) - 128) < 6, "grey beside it"


def test_a_disk_too_full_for_the_copy_leaves_the_fragments(tmp_path, monkeypatch, caplog):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(growing_video, "_copy_frames", full)
    with caplog.at_level(logging.WARNING), GrowingVideoWriter(tmp_path / "a.mp4", frame_rate=10) as writer:
        for seed in range(5):
            writer.write(picture(seed))
    assert "a.mp4 stays in fragments, which play too: No space left on device" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert len(decoded(tmp_path / "a.mp4")) == 5
