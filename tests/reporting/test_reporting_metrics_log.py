"""The metrics file: sparse columns become series."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from fairmot_pl.reporting.metrics_log import merge_csv, read_metrics


def write(path, text):
    path.write_text(text)
    return path


def test_empty_cells_belong_to_no_series(tmp_path):
    log = read_metrics(write(tmp_path / "metrics.csv", "step,epoch,loss,val/HOTA\n0,0,3.5,\n5,0,,0.25\n9,1,2,\n"))
    np.testing.assert_array_equal(log.series("loss"), [[0, 9], [3.5, 2]])
    np.testing.assert_array_equal(log.series("val/HOTA", "epoch"), [[0], [0.25]])
    assert log.last("loss") == 2
    assert log.last("nothing") is None
    assert "loss" in log
    assert "nothing" not in log
    assert log.names("val/") == ["val/HOTA"]


def test_a_position_that_occurs_again_counts_as_it_was_last(tmp_path):
    log = read_metrics(write(tmp_path / "metrics.csv", "step,loss\n0,5\n10,4\n20,3\n10,7\n20,6\n30,5\n"))
    np.testing.assert_array_equal(log.series("loss"), [[0, 10, 20, 30], [5, 7, 6, 5]])


def test_what_is_no_number_is_left_out_and_counted(tmp_path):
    log = read_metrics(write(tmp_path / "metrics.csv", "step,loss\n0,5\n1,nan\n2,inf\n3,\n4,1\n"))
    np.testing.assert_array_equal(log.series("loss")[0], [0, 4])
    assert dict(log.broken) == {"loss": 2}


@pytest.mark.parametrize("text", ["step,loss\n", "step,loss", "\ufeffstep,loss\n\n"])
def test_a_file_without_rows_has_empty_series(tmp_path, text):
    log = read_metrics(write(tmp_path / "metrics.csv", text))
    assert len(log.series("loss")[0]) == 0
    assert "loss" not in log


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"metrics\.csv: the first line must name the columns, 'step' among them"),
        ("epoch,loss\n0,1\n", "'step' among them; it is .*epoch"),
        ("step,loss\n0,1\n1\n", "line 3: 1 cells, but the first line names 2 columns"),
        ("step,loss\n0,1\n1,2,3\n", "line 3: 3 cells"),
        ("step,loss\n0,much\n", "line 2, column loss: 'much' is no number"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_metrics(write(tmp_path / "metrics.csv", text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.csv: no such metrics file"):
        read_metrics(tmp_path / "gone.csv")


def part(folder, number, rows):
    path = folder / "logs" / f"part-{number}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=sorted({key for row in rows for key in row}))
        writer.writeheader()
        writer.writerows(rows)


def test_parts_of_a_resumed_run_are_joined(tmp_path):
    assert merge_csv(tmp_path) is None
    part(tmp_path, 1, [{"step": 1, "loss": 3}, {"step": 2, "loss": 2}, {"step": 3, "loss": 9}])
    part(tmp_path, 2, [{"step": 3, "loss": 1}, {"step": 4, "loss": 0, "val/HOTA": 0.5}])
    rows = list(csv.DictReader(merge_csv(tmp_path).open()))
    assert [(row["step"], row["loss"]) for row in rows] == [("1", "3"), ("2", "2"), ("3", "1"), ("4", "0")]
    assert rows[-1]["val/HOTA"] == "0.5"


@pytest.mark.parametrize("torn", ["7,1", "7,1,0.2", "7", "7,1,0.25"])
def test_a_line_that_is_being_written_is_left_out(tmp_path, torn):
    path = tmp_path / "logs" / "part-1" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"step,epoch,loss\r\n3,0,0.5\r\n" + torn.encode())
    assert merge_csv(tmp_path).read_text() == "step,epoch,loss\n3,0,0.5\n"
    path.write_bytes(b"step,epoch,lo")
    assert merge_csv(tmp_path) is None
