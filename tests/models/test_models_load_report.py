"""The account of a file that was read."""

from __future__ import annotations

from pathlib import Path

from fairmot_pl.models.load_report import LoadReport, renaming_patterns

REPORT = LoadReport(
    path=Path("a.pth"),
    layout="dla_34",
    matched=("mean", "neck.1.norm.weight", "neck.12.norm.bias"),
    renamed={"up.2.actf.0.weight": "neck.1.norm.weight", "up.13.actf.0.bias": "neck.12.norm.bias"},
    skipped={"fc.weight": "classifier", "fc.bias": "classifier", "old": "given up"},
    fresh={"std": "not theirs"},
    beside={"epoch": "30, told here"},
)


def test_patterns_leave_numbers_and_common_ends_out() -> None:
    assert renaming_patterns(REPORT.renamed) == {("up.*.actf.*", "neck.*.norm"): 2}
    assert renaming_patterns({"a": "b", "x.0": "y.z.1"}) == {("a", "b"): 1, ("x", "y.z"): 1}


def test_summary_is_one_line() -> None:
    assert REPORT.summary() == (
        "a.pth: 3 tensors read, 2 of them renamed, 3 skipped (2 x classifier; 1 x given up), "
        "1 not in the file (1 x not theirs)"
    )


def test_text_names_everything_that_was_not_read() -> None:
    lines = [line.strip() for line in REPORT.text().splitlines()]
    assert lines == [
        *("3 tensors read, 2 of them renamed", "2  up.*.actf.*  ->  neck.*.norm"),
        *("3 skipped", "2  classifier", "fc.weight, fc.bias", "1  given up", "old"),
        *("1 not in the file", "1  not theirs", "std"),
        *("beside the network's tensors", "epoch: 30, told here"),
    ]
