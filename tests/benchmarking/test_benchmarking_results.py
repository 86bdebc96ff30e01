"""Rows, tables and figures."""

from __future__ import annotations

import json

import pytest

from fairmot_pl.benchmarking.laps import Case, Laps
from fairmot_pl.benchmarking.results import as_document, flat, markdown, rows_of, shown_ratio, shown_time, table


def laps(name: str, *seconds: float, part: str = "network", count: int = 1, peak: float | None = None) -> Laps:
    return Laps(case=Case(part=part, name=name, call=print, count=count), seconds=seconds, peak_mb=peak)


@pytest.fixture
def rows():
    return rows_of([laps("R", 4.0, 6.0, 5.0, part="yardstick"), laps("ours", 2.0, 2.0, 2.0, count=2, peak=12.3)])


def test_the_ratio_is_of_medians_of_one_frame(rows):
    assert [row.ratio for row in rows] == [1.0, 0.2]
    assert rows[1].seconds == 1.0
    assert (rows[0].low, rows[0].high) == pytest.approx((4.2, 5.8))


def test_what_is_shown(rows):
    assert [shown_ratio(row) for row in rows] == ["1 R", "R / 5"]
    (slow,) = rows_of([laps("U", 1.0), laps("slow", 1.5)])[1:]
    assert shown_ratio(slow) == "1.5 U"
    page = markdown(rows, "a machine", "a command")
    assert "| network | ours | 1 s a frame | 1 s to 1 s | R / 5 | 1 | 12 |" in page
    assert "- **R**: timm" in page
    assert "**U**" not in page
    assert len(table(rows).text().splitlines()) == 4


@pytest.mark.parametrize(
    ("seconds", "shown"), [(2.5e-6, "2.5 us"), (1.234e-3, "1.23 ms"), (0.5, "500 ms"), (1.0, "1 s"), (71.23, "71.2 s")]
)
def test_times_are_shown_in_the_unit_that_reads_best(seconds, shown):
    assert shown_time(seconds) == shown


def test_figures_for_programs(rows):
    assert flat(rows)["network/ours/ratio"] == 0.2
    document = json.loads(json.dumps(as_document(rows, {"command": "x"})))
    assert document["rows"][1]["peak_mb"] == 12.3
    assert set(document["yardsticks"]) == {"R", "U"}
