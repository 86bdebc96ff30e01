"""Tables of figures: to print, as CSV, as Markdown and as JSON."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from fairmot_pl import evaluate_tracking
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.reporting.metric_tables import MetricTable, evaluation_tables, write_figures

ROWS = np.array([[frame, 1, 10.0, 20.0, 30.0, 60.0, 1, 1, 1] for frame in range(1, 6)])


@pytest.fixture
def summary():
    rows = {"one": ROWS, "two": ROWS}
    return evaluate_tracking(rows, {"one": ROWS, "two": ROWS[:4]}, benchmark="MOT17")


@pytest.fixture
def quality():
    figures = {"AP": 0.5, "AP50": 0.75, "AP_height_50-100": 0.25, "AP50_height_50-100": 0.5}
    figures |= {"TPR@FAR=0.1": 0.9, "rank1": 1.0, "mAP": 0.8, "similarity_same@1": 0.7, "similarity_different@1": -0.1}
    curve = {"recall": [0.0, 1.0], "precision": [1.0, 0.5], "score": [0.9, 0.2]}
    return Quality(overall=figures, sequences={"one": figures, "two": {"AP": 0.1, "AP50": 0.2}}, curve=curve, full=True)


def test_text_is_aligned_and_says_what_is_in_per_cent(summary):
    (table,) = evaluation_tables(summary)
    title, *lines = table.text().splitlines()
    assert title == "Tracking (HOTA to IDR in per cent)"
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[0] for line in lines] == ["sequence", "one", "two", "-" * len(lines[0]), "OVERALL"]
    assert lines[-1].split()[1] == f"{100 * summary.overall['HOTA']:.1f}"


def test_every_family_has_its_table(summary, quality):
    tables = {table.name: table for table in evaluation_tables(summary, quality=quality)}
    assert list(tables) == ["tracking", "detection", "detection_bands", "reid", "similarity"]
    assert tables["detection_bands"].cells() == [["band", "AP", "AP50"], ["height 50-100", "25.0", "50.0"]]
    assert tables["similarity"].cells() == [["frames apart", "same", "different"], ["1", "0.7", "-0.1"]]
    reid = tables["reid"].cells()
    assert reid[2] == ["two", *["-"] * 6]
    assert reid[-1][-2:] == ["100.0", "80.0"]


def test_a_cheap_validation_has_no_table_of_what_it_does_not_know(summary):
    curve = {"recall": [0.0], "precision": [1.0], "score": [0.9]}
    cheap = Quality(overall={"AP50": 0.5}, sequences={"one": {"AP50": 0.5}}, curve=curve, full=False)
    assert [table.name for table in evaluation_tables(summary, quality=cheap)] == ["tracking", "detection"]


def test_files(summary, quality, tmp_path):
    reference = evaluate_tracking({"one": ROWS, "two": ROWS}, {"one": ROWS, "two": ROWS}, protocol="reference")
    figures = write_figures(tmp_path, summary, quality=quality, reference=reference, more={"train/loss": 1.5})
    assert json.loads((tmp_path / "metrics.json").read_text()) == figures
    assert next(iter(figures)) == "train/loss"
    assert (figures["val/HOTA"], figures["val/AP50"]) == (summary.overall["HOTA"], 0.75)
    assert figures["val/reference/MOTA"] == 1.0
    rows = json.loads((tmp_path / "sequences.json").read_text())
    assert list(rows) == ["OVERALL", "one", "two"]
    assert (rows["two"]["FN"], rows["two"]["AP"], rows["two"]["reference/FN"]) == (1, 0.1, 0)
    header, *body = csv.reader((tmp_path / "tables" / "tracking.csv").open())
    assert header[:2] == ["sequence", "HOTA"]
    assert [float(row[1]) for row in body][-1] == summary.overall["HOTA"]  # in full precision
    markdown = (tmp_path / "tables" / "detection.md").read_text().splitlines()
    assert markdown[:5] == [
        *("Detection, in per cent", "", "| sequence | AP | AP50 |", "| --- | ---: | ---: |", "| one | 50.0 | 75.0 |")
    ]


def test_a_table_of_counts_has_no_unit():
    table = MetricTable(name="n", title="Counts", head="run", columns=("FP", "FN"), rows={"a": {"FP": 1234, "FN": 0}})
    assert table.text().splitlines()[0] == "Counts"
    assert table.cells()[1] == ["a", "1,234", "0"]
    assert table.csv() == "run,FP,FN\na,1234,0\n"
