"""Two runs: what differs, and what came of it."""

from __future__ import annotations

import json

import pytest

from fairmot_pl.reporting import explanation as module
from fairmot_pl.reporting.code_history import changes_between, commit, git
from fairmot_pl.reporting.explanation import explain
from fairmot_pl.reporting.run_records import read_run
from reporting.made_up_runs import SEQUENCES, write_run

METRICS = ("val/HOTA", "val/IDSW")


@pytest.fixture
def explained(tmp_path):
    """`explained(a={...}, b={...})` of two made-up runs."""

    def make(a=None, b=None):
        folders = [write_run(tmp_path / name, **(options or {})) for name, options in (("A", a), ("B", b))]
        return explain(*map(read_run, folders), METRICS)

    return make


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, "Nothing differs in settings, data and code as recorded; all their figures are equal."),
        ({"seed": 2}, "They differ in the seed alone; HOTA goes from"),
        ({"dim": 128}, "They differ in 1 setting;"),
        ({"dim": 128, "weighting": "pcgrad"}, "They differ in 2 settings;"),
        ({"fingerprint": "f" * 16}, "They differ in the data;"),
        ({"commit": "b" * 40}, "They differ in the code;"),
        ({"dim": 128, "fingerprint": "f" * 16, "commit": "b" * 40}, "They differ in 1 setting, the data and the code;"),
    ],
)
def test_the_headline(explained, other, said):
    assert explained(b=other).headline().startswith(said)


def test_refined_results_are_compared_too(tmp_path):
    folders = [write_run(tmp_path / name) for name in "AB"]
    metrics = json.loads((folders[1] / "metrics.json").read_text())
    (folders[1] / "metrics.json").write_text(json.dumps({**metrics, "val/offline/HOTA": 0.7}))
    found = explain(*map(read_run, folders), METRICS)
    assert found.headline().endswith("HOTA is 59.9 in both, not so offline/HOTA.")
    row = next(line for line in found.text().splitlines() if line.startswith("val/offline/HOTA"))
    assert row.split()[1:] == ["-", "70.0", "-"]


def test_a_metric_is_listed_once_and_no_figure_is_no_difference(tmp_path):
    folders = [write_run(tmp_path / name) for name in "AB"]
    for folder in folders:
        metrics = json.loads((folder / "metrics.json").read_text())
        more = {"val/offline/HOTA": 0.7, "val/MOTA": float("nan")}
        (folder / "metrics.json").write_text(json.dumps({**metrics, **more}))
    found = explain(*map(read_run, folders), ("val/HOTA", "val/offline/HOTA", "val/MOTA"))
    assert [name for name, *_ in found.figures] == ["val/HOTA", "val/offline/HOTA", "val/MOTA"]
    assert found.headline().endswith("all their figures are equal.")


def test_where_outputs_came_from_is_no_difference_of_data(tmp_path):
    folders = [write_run(tmp_path / name) for name in "AB"]
    for folder, said in zip(folders, ("2 sequences replayed", "0 sequences replayed"), strict=True):
        record = json.loads((folder / "provenance.json").read_text())
        record["data"]["network outputs"] = said
        (folder / "provenance.json").write_text(json.dumps(record))
    assert not explain(*map(read_run, folders), METRICS).data


def test_settings_data_code_and_sequences_are_listed(explained):
    found = explained(b={"dim": 128, "hota": 0.5, "commit": "b" * 40, "sequences": SEQUENCES[1:]})
    assert found.settings == [("model.reid_dim", "64", "128")]
    assert ("val: MOT17-02", "10 frames (1 to 10)", "not there") in found.data
    assert found.code == [("git commit", "a" * 40, "b" * 40)]
    assert [name for name, *_ in found.sequences["val/HOTA"]] == list(SEQUENCES[1:])
    assert "network A is better" in found.verdicts["val/HOTA"]
    text = found.text()
    for line in ("Settings", "Data", "Code and machine", "Result", "HOTA of each sequence", "MOT17-04"):
        assert line in text
    row = next(line for line in text.splitlines() if line.startswith("MOT17-04"))
    assert row.split()[-1].startswith("-")


def test_noise_is_called_noise(explained):
    assert "within noise" in explained(b={"seed": 2, "dim": 65}).verdicts["val/HOTA"]


def test_equal_runs_are_called_equal(explained):
    assert explained().verdicts["val/HOTA"] == "HOTA: equal on every sequence."


def test_what_is_not_recorded_is_said(tmp_path):
    first, second = (write_run(tmp_path / name) for name in "AB")
    for name in ("provenance.json", "split.json", "sequences.json"):
        (second / name).unlink()
    found = explain(read_run(first), read_run(second), METRICS)
    assert found.unknown == ["the data", "the split", "the code", "figures of single sequences"]
    assert "Not compared, since not recorded by both runs: the data" in found.text()
    assert found.data == found.code == []


def test_of_runs_without_records_nothing_is_claimed(tmp_path):
    folders = [tmp_path / name for name in "AB"]
    for folder in folders:
        folder.mkdir()
        (folder / "error.txt").write_text("it failed")
    found = explain(*map(read_run, folders), METRICS)
    assert found.headline().startswith("Nothing can be said of why they differ")
    assert "Nothing differs" not in found.text()


@pytest.mark.parametrize(("missing", "rows"), [(4, 4), (5, 1)])
def test_many_sequences_that_differ_alike_are_one_row(explained, missing, rows):
    found = explained(b={"sequences": SEQUENCES[missing:]}).data
    assert len(found) == rows
    named = "val: MOT17-02" if rows > 1 else f"val: MOT17-02 and {missing - 1} more"
    assert found[0] == (named, "10 frames (1 to 10)", "not there")


def test_uncommitted_changes_count_as_code(tmp_path):
    first, second = (write_run(tmp_path / name) for name in "AB")
    (second / "code.diff").write_text("+ a line\n- another\n")
    found = explain(read_run(first), read_run(second), METRICS)
    assert found.code == [("uncommitted changes", "none", "2 lines (code.diff)")]
    assert "the code" in found.headline()


def test_the_files_that_changed_between_two_commits():
    known = (git("log", "--format=%H", "-2", "--", ":/src") or "").split()
    if len(known) < 2:
        pytest.skip("needs a repository with two commits of the source")
    lines = changes_between(known[1], known[0] + "+changes")
    assert any(".py" in line and "|" in line for line in lines)
    assert "changed" in lines[-1]
    assert changes_between(known[0], known[0]) == []
    assert changes_between("f" * 40, known[0]) == []
    assert changes_between("unknown", known[0]) == []
    assert commit().partition("+")[0] == git("rev-parse", "HEAD")


def test_the_changed_files_are_shown(explained, monkeypatch):
    monkeypatch.setattr(module, "changes_between", lambda first, second: ["src/x.py | 2 +-"])
    text = explained(b={"commit": "b" * 40}).text()
    assert "Changed in the source between the commits\nsrc/x.py | 2 +-" in text
