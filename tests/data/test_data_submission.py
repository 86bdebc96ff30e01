"""What is sent to an evaluation server: which files, sound rows, the same bytes every time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.data.audit.findings import CHECKS, Findings
from fairmot_pl.data.submission.archive import write_archive
from fairmot_pl.data.submission.benchmarks import BENCHMARKS, Benchmark, expected_videos
from fairmot_pl.data.submission.result_files import pick_files
from fairmot_pl.data.submission.result_rows import check_result
from fairmot_pl.mot_format import write_mot
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo

FRAMES, SIZE = 20, (480, 640)
INFO = SequenceInfo("SEQ", 30.0, FRAMES, SIZE)


def sound_rows(people: int = 3, frames: int = FRAMES) -> np.ndarray:
    """Rows of people who walk to the right."""
    rows = np.full((people * frames, 10), -1.0)
    rows[:, 0] = np.repeat(np.arange(1, frames + 1), people)
    rows[:, 1] = np.tile(np.arange(1, people + 1), frames)
    rows[:, 2] = 10.5 * rows[:, 1] + rows[:, 0]
    rows[:, 3:7] = 20.25, 30, 80, 0.9
    return rows


@pytest.fixture
def result(tmp_path) -> Path:
    path = tmp_path / "SEQ.txt"
    write_mot(path, sound_rows())
    return path


def found_in(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    findings = Findings()
    check_result(path, INFO, findings)
    assert all(each.file == path and each.mend for each in findings)
    return [(each.check, each.lines) for each in findings]


def test_sound_results_have_no_fault(result):
    assert found_in(result) == []


def change(line: int, column: int, value: str):
    def harm(lines: list[str]) -> list[str]:
        cells = lines[line - 1].split(",")
        cells[column] = value
        return [*lines[: line - 1], ",".join(cells), *lines[line:]]

    return harm


def one_id_a_box(lines: list[str]) -> list[str]:
    return [
        ",".join([cells[0], str(number), *cells[2:]])
        for number, line in enumerate(lines, start=1)
        for cells in [line.split(",")]
    ]


@pytest.mark.parametrize(
    ("harm", "check", "lines"),
    [
        (change(1, 0, "0"), "frame-number", (1,)),
        (change(6, 0, "2.5"), "frame-number", (6,)),
        (change(60, 0, "21"), "result-frame", (60,)),
        (change(4, 1, "0"), "result-id", (4,)),
        (change(4, 1, "-1"), "result-id", (4,)),
        (change(4, 1, "1.5"), "result-id", (4,)),
        (change(4, 1, "1e300"), "result-id", (4,)),
        (change(4, 1, "2"), "duplicate-row", (5,)),
        (change(4, 4, "0"), "empty-box", (4,)),
        (change(4, 5, "-3"), "empty-box", (4,)),
        (change(4, 2, "nan"), "not-a-number", (4,)),
        (change(4, 6, "inf"), "not-a-number", (4,)),
        (change(4, 3, "x"), "not-a-number", (4,)),
        (change(4, 2, "5000"), "result-far", (4,)),
        (change(4, 3, "-900"), "result-far", (4,)),
        (change(4, 4, "5000"), "result-far", (4,)),
        (lambda lines: [lines[3], *lines[:3], *lines[4:]], "row-order", (2,)),
        (lambda lines: [*lines[:2], lines[2].rpartition(",")[0], *lines[3:]], "column-count", (3,)),
        (lambda lines: [line.rpartition(",")[0] for line in lines], "result-columns", (1,)),
        (lambda lines: [line + ",-1" for line in lines], "result-columns", (1,)),
        (lambda lines: [lines[0].replace(",", " "), *lines[1:]], "result-columns", (1,)),
        (lambda lines: [], "result-empty", ()),
        (lambda lines: ["", *lines[:2], "", change(3, 1, "0")(lines)[2], *lines[3:]], "result-id", (5,)),
        (one_id_a_box, "result-ids", tuple(range(1, 61))),
    ],
)
def test_faults_of_rows_are_named_with_their_lines(result, harm, check, lines):
    result.write_text("".join(line + "\n" for line in harm(result.read_text().splitlines())))
    assert found_in(result) == [(check, lines)]


def test_bytes_that_are_no_text(result):
    result.write_bytes(b"\xff\xfe\x00\x81")
    assert [check for check, _ in found_in(result)] == ["unreadable-labels"]


def test_only_what_looks_wrong_and_is_allowed_is_a_warning():
    warnings = {name for name, check in CHECKS.items() if name.startswith("result-") and check.severity == "warning"}
    assert warnings == {"result-empty", "result-far", "result-ids"}


COPIES = Benchmark("page", copies=("DPM", "FRCNN", "SDP"))


def picked(folder: Path, benchmark: Benchmark, *videos: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    findings = Findings()
    known = {video: SequenceInfo(f"{video}-FRCNN", 30.0, FRAMES, SIZE) for video in videos}
    files = pick_files(folder, benchmark, known, findings, split="train")
    return {name: path.name for name, path in files.items()}, [(each.check, each.file.name) for each in findings]


@pytest.mark.parametrize("tracked", ["A-01-SDP", "A-01-DPM", "A-01"])
def test_one_tracked_copy_is_sent_for_all_three(tmp_path, tracked):
    (tmp_path / f"{tracked}.txt").write_text("1")
    files, faults = picked(tmp_path, COPIES, "A-01")
    assert files == dict.fromkeys(("A-01-DPM", "A-01-FRCNN", "A-01-SDP"), f"{tracked}.txt")
    assert not faults


def test_three_tracked_copies_are_sent_as_they_are(tmp_path):
    for number, copy in enumerate(COPIES.copies):
        (tmp_path / f"A-01-{copy}.txt").write_text(str(number))
    files, faults = picked(tmp_path, COPIES, "A-01")
    assert files == {name: f"{name}.txt" for name in ("A-01-DPM", "A-01-FRCNN", "A-01-SDP")}
    assert not faults


def test_two_copies_that_differ_cannot_stand_for_the_third(tmp_path):
    (tmp_path / "A-01-DPM.txt").write_text("1")
    (tmp_path / "A-01-SDP.txt").write_text("2")
    assert picked(tmp_path, COPIES, "A-01") == ({}, [("result-copies", "A-01-DPM.txt")])
    (tmp_path / "A-01-SDP.txt").write_text("1")
    assert picked(tmp_path, COPIES, "A-01")[1] == []


def test_the_copy_that_is_in_the_data_set_is_missed(tmp_path):
    assert picked(tmp_path, COPIES, "A-01")[1] == [("result-missing", "A-01-FRCNN.txt")]
    findings = Findings()
    pick_files(tmp_path, COPIES, {"A-01": SequenceInfo("A", 30.0, FRAMES, SIZE)}, findings, split="all")
    (found,) = findings
    assert "source='SET/train/*' or source='SET/test/*'" in found.mend


def test_missing_and_foreign_files(tmp_path):
    (tmp_path / "A-01.txt").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    (tmp_path / ".hidden.txt").write_text("1")
    files, faults = picked(tmp_path, Benchmark("page"), "A-01", "A-02")
    assert files == {"A-01": "A-01.txt"}
    assert faults == [("result-missing", "A-02.txt"), ("result-extra", "notes.txt")]
    with pytest.raises(FileNotFoundError, match=r"results=\.\.\. names the folder"):
        picked(tmp_path / "no", Benchmark("page"))


def test_an_archive_is_flat_sound_and_always_the_same(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"\xef\xbb\xbf1,2,3\r\n\r\n4,5,6")
    second.write_text("")
    write_archive(tmp_path / "one.zip", {"B": second, "A": first})
    write_archive(tmp_path / "two.zip", {"A": first, "B": second})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["A.txt", "B.txt"]
        assert archive.read("A.txt") == b"1,2,3\n4,5,6\n"
    write_archive(tmp_path / "folder.zip", {"A": first}, "tracker")
    assert zipfile.ZipFile(tmp_path / "folder.zip").namelist() == ["tracker/A.txt"]


def write_sequence(folder: Path, length: int = FRAMES) -> None:
    write_seqinfo(folder / "seqinfo.ini", SequenceInfo(folder.name, 30.0, length, SIZE))


@pytest.mark.parametrize(
    ("name", "train", "test", "files"),
    [
        ("MOT15", 11, 11, 22),
        ("MOT16", 7, 7, 14),
        ("MOT17", 7, 7, 42),
        ("MOT20", 4, 4, 8),
    ],
)
def test_the_lists_of_the_benchmarks(tmp_path, name, train, test, files):
    benchmark = BENCHMARKS[name]
    assert (len(benchmark.videos["train"]), len(benchmark.videos["test"])) == (train, test)
    assert (
        len({name for part in benchmark.videos.values() for video in part for name in benchmark.files_of(video)})
        == files
    )
    for part, videos in benchmark.videos.items():
        for video in videos:
            write_sequence(tmp_path / part / benchmark.files_of(video)[-1], length=7)
    assert list(expected_videos(benchmark, "test", tmp_path)) == list(benchmark.videos["test"])
    assert len(expected_videos(benchmark, "all", tmp_path)) == train + test
    assert all(info.length == 7 for info in expected_videos(benchmark, "train", tmp_path).values())


def test_a_set_without_a_list_is_what_its_folder_holds(tmp_path):
    for name in ("dancetrack0003", "dancetrack0009"):
        write_sequence(tmp_path / "test" / name)
    assert list(expected_videos(BENCHMARKS["DanceTrack"], "test", tmp_path)) == ["dancetrack0003", "dancetrack0009"]


def test_an_incomplete_data_set_is_refused(tmp_path):
    write_sequence(tmp_path / "test" / "MOT20-04")
    with pytest.raises(FileNotFoundError, match=r"has no sequence MOT20-06 \(3 of 4 are missing\)"):
        expected_videos(BENCHMARKS["MOT20"], "test", tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder of sequences"):
        expected_videos(BENCHMARKS["MOT20"], "train", tmp_path)
