"""Folders and mappings, whole and broken."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import evaluate_tracking
from fairmot_pl.mot_format import MotTable, write_mot
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo


@pytest.fixture
def dataset(tmp_path, standing):
    """Root of a data set with two sequences of 5 frames in `train`, and perfect results."""
    for name in ("SYN-01", "SYN-02"):
        folder = tmp_path / "set" / "train" / name
        info = SequenceInfo(name=name, frame_rate=30.0, length=5, image_size=(360, 640))
        write_seqinfo(folder / "seqinfo.ini", info)
        rows = standing([1, 2], range(1, 6))
        write_mot(folder / "gt" / "gt.txt", rows)
        write_mot(tmp_path / "results" / f"{name}.txt", rows)
    return tmp_path


def evaluate(dataset, inside="set"):
    return evaluate_tracking(dataset / inside, dataset / "results")


@pytest.mark.parametrize("inside", ["set", "set/train"])
def test_root_of_the_set_or_folder_of_sequences(dataset, inside):
    summary = evaluate(dataset, inside)
    assert list(summary.sequences) == ["SYN-01", "SYN-02"]
    assert summary.overall["HOTA"] == pytest.approx(1.0)


def test_text_paths_and_other_files_beside_the_results(dataset):
    (dataset / "results" / "metrics.json").write_text("{}")
    (dataset / "results" / ".SYN-03.txt.partial.txt").write_text("1,1,0,0")
    assert evaluate_tracking(str(dataset / "set"), str(dataset / "results")).overall["FN"] == 0


def test_empty_result_file_is_all_misses(dataset):
    (dataset / "results" / "SYN-02.txt").write_text("")
    assert evaluate(dataset).sequences["SYN-02"]["FN"] == 10


def test_mapping_of_tables_or_of_arrays(standing):
    rows = standing([1], range(1, 4))
    arrays, tables = (
        {"b": rows, "a": rows[:, :6]},
        {"a": MotTable.from_rows(rows), "b": MotTable.from_rows(rows)},
    )
    assert list(evaluate_tracking(arrays, tables).sequences) == ["a", "b"]


def test_sequences_without_results_are_named(dataset):
    (dataset / "results" / "SYN-02.txt").unlink()
    with pytest.raises(ValueError, match=r"no results for SYN-02 .*2 sequences, 1 results"):
        evaluate(dataset)


@pytest.fixture
def copies(tmp_path, standing):
    """Two videos in MOT17's three copies each; returns a function that writes perfect results of some of them."""
    rows = standing([1, 2], range(1, 6))
    for video in ("MOT17-02", "MOT17-04"):
        for detector in ("DPM", "FRCNN", "SDP"):
            folder = tmp_path / "set" / "train" / f"{video}-{detector}"
            info = SequenceInfo(name=folder.name, frame_rate=30.0, length=5, image_size=(360, 640))
            write_seqinfo(folder / "seqinfo.ini", info)
            write_mot(folder / "gt" / "gt.txt", rows)

    def track(*names):
        for name in names:
            write_mot(tmp_path / "results" / f"{name}.txt", rows)
        return tmp_path

    return track


@pytest.mark.parametrize(
    "tracked",
    [
        ["MOT17-02-SDP", "MOT17-04-SDP"],
        ["MOT17-02-DPM", "MOT17-04-FRCNN"],
        ["MOT17-02-DPM", "MOT17-02-SDP", "MOT17-04-SDP"],
    ],
)
def test_of_detector_copies_those_tracked_are_evaluated(copies, tracked):
    summary = evaluate(copies(*tracked))
    assert list(summary.sequences) == tracked
    assert (summary.overall["FN"], summary.overall["MOTA"]) == (0, 1.0)


def test_a_video_with_no_copy_tracked_is_named(copies):
    with pytest.raises(ValueError, match="no results for MOT17-04-DPM, MOT17-04-FRCNN, MOT17-04-SDP"):
        evaluate(copies("MOT17-02-SDP"))


def test_a_mapping_needs_results_of_every_copy(standing):
    rows = standing([1], range(1, 4))
    with pytest.raises(ValueError, match="no results for MOT17-02-DPM "):
        evaluate_tracking({"MOT17-02-DPM": rows, "MOT17-02-SDP": rows}, {"MOT17-02-SDP": rows})


def test_results_without_ground_truth_are_named(dataset):
    write_mot(dataset / "results" / "SYN-09.txt", np.zeros((0, 10)))
    with pytest.raises(ValueError, match=r"without ground truth: SYN-09; .* SYN-01, SYN-02; .*SYN-09\.txt"):
        evaluate(dataset)


def test_id_used_twice_names_the_file(dataset, standing):
    rows = standing([1, 2], range(1, 6))
    write_mot(dataset / "results" / "SYN-02.txt", np.concatenate([rows, rows[4:5]]))
    with pytest.raises(ValueError, match=r"SYN-02\.txt, line 11: id 1 .* frame 3 \(first in line 5"):
        evaluate(dataset)


def test_frames_beyond_the_end_name_the_file(dataset, standing):
    write_mot(dataset / "results" / "SYN-01.txt", standing([1], range(1, 8)))
    with pytest.raises(ValueError, match=r"SYN-01\.txt, line 6: frame 6 .* 5 frames \(2 such"):
        evaluate(dataset)


def test_missing_folders_and_files(dataset):
    with pytest.raises(FileNotFoundError, match="nowhere: no such ground truth folder"):
        evaluate(dataset, "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere: no such result folder"):
        evaluate_tracking(dataset / "set", dataset / "nowhere")
    with pytest.raises(ValueError, match=r"results: no ground truth; expected SEQUENCE/gt/gt\.txt"):
        evaluate(dataset, "results")
    (dataset / "set" / "train" / "SYN-01" / "seqinfo.ini").unlink()
    with pytest.raises(FileNotFoundError, match=r"seqinfo\.ini"):
        evaluate(dataset)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 5)), r"results of a: .*\(2, 5\)"),
        ([[1, 1, 0, 0, np.nan, 5]], r"results of a: row 0 .*not finite"),
        ([[1, 1, 0, 0, 5, 5], [1.5, 1, 0, 0, 5, 5]], r"results of a: row 1 .*no whole number"),
        ([[1, 1, 0, 0, 5, 5], [2, 1, 9, 0, 0, 5]], r"results of a: row 1 has a box without size: .*width and height"),
        ([[1, 1, 9, 9, 5, -4]], r"results of a: row 0 has a box without size: .*not right, bottom"),
        ([[0, 1, 0, 0, 5, 5]], r"results of a, row 0: frame 0; frames count from 1"),
        ([["x"] * 6], r"results of a: .*'x'"),
    ],
)
def test_broken_arrays(rows, message):
    with pytest.raises(ValueError, match=message):
        evaluate_tracking({"a": np.zeros((0, 9))}, {"a": np.array(rows)})


def test_no_sequence_at_all():
    with pytest.raises(ValueError, match="no sequence"):
        evaluate_tracking({}, {})
