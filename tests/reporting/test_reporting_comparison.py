"""Runs side by side: what differs, what came of it, what failed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import yaml

from fairmot_pl.reporting.comparison import comparison_table
from fairmot_pl.reporting.run_records import RunRecord, find_runs, read_run


def make_run(folder, config=None, metrics=None):
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def settings(dim=64, weighting="fixed", **more):
    return {
        "seed": 1,
        "model": {"reid_dim": dim, "backbone": "dla34"},
        "loss": {"weighting": weighting},
        **more,
    }


def outcome(hota, idsw, loss=1.0):
    return {
        "val/HOTA": hota,
        "val/MOTA": 0.5,
        "val/IDF1": hota + 0.1,
        "val/IDSW": idsw,
        "train/loss/total": loss,
    }


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    make_run(folder / "reid_dim=64", settings(64), outcome(0.5123, 120, 2.5))
    make_run(folder / "reid_dim=128", settings(128), outcome(0.5391, 1100, 2.25))
    (folder / "multirun.yaml").write_text("hydra: {}")
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_run_is_read(tmp_path):
    run = read_run(make_run(tmp_path / "run", settings(betas=[0.9, 0.99]), outcome(0.5, 3)))
    assert (run.name, run.problem, run.failed) == ("run", "", False)
    assert run.config == {
        "seed": 1,
        "model.reid_dim": 64,
        "model.backbone": "dla34",
        "loss.weighting": "fixed",
        "betas": [0.9, 0.99],
    }
    assert run.metrics["val/IDSW"] == 3


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("metrics.json", None, "no metrics.json"),
        ("metrics.json", "", "metrics.json: Expecting value"),
        ("metrics.json", '{"val/HOTA": 0.5', "metrics.json: Expecting"),
        ("metrics.json", "[1, 2]", "metrics.json: holds list, not keys and values"),
        ("metrics.json", "{}", "metrics.json: holds no figure"),
        ("metrics.json", '{"val/HOTA": "high"}', "metrics.json: holds no figure"),
        ("config.yaml", None, "no config.yaml"),
        ("config.yaml", "a: [1", "config.yaml: while parsing"),
        ("config.yaml", "just text", "config.yaml: holds str"),
    ],
)
def test_a_broken_run_says_what_is_wrong(tmp_path, name, content, problem):
    folder = make_run(tmp_path / "run", settings(), outcome(0.5, 3))
    (folder / name).unlink() if content is None else (folder / name).write_text(content)
    run = read_run(folder)
    assert run.problem.startswith(problem)
    assert run.failed == (name == "metrics.json")


def test_runs_are_found_in_sweeps_and_by_themselves(sweep, tmp_path):
    alone = make_run(tmp_path / "alone", settings(), outcome(0.4, 9))
    assert [run.name for run in find_runs([sweep, alone])] == ["reid_dim=128", "reid_dim=64", "alone"]
    assert [run.name for run in find_runs([tmp_path])] == ["alone", "sweep/reid_dim=128", "sweep/reid_dim=64"]
    assert len(find_runs([sweep, sweep / "reid_dim=64"])) == 2, "a run given twice counts once"


def test_a_job_that_wrote_nothing_is_still_found(sweep):
    (sweep / "reid_dim=256").mkdir()
    make_run(sweep / "reid_dim=32", settings(32))
    runs = {run.name: run for run in find_runs([sweep])}
    assert runs["reid_dim=256"].failed
    assert runs["reid_dim=32"].problem == "no metrics.json"
    assert len(runs) == 4


def test_what_lies_inside_a_run_is_not_another_run(sweep):
    make_run(sweep / "reid_dim=64" / "tracks", settings(), outcome(0.1, 1))
    (sweep / ".cache").mkdir()
    assert len(find_runs([sweep])) == 2


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path):
    for parent in ("one", "two"):
        make_run(tmp_path / parent / "run", settings(), outcome(0.5, 1))
    names = [run.name for run in find_runs([tmp_path / "one", tmp_path / "two"])]
    assert names == [str(tmp_path / "one" / "run"), str(tmp_path / "two" / "run")]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("")])
def test_where_there_is_no_run_the_path_is_named(tmp_path, make):
    make(tmp_path / "place")
    with pytest.raises(FileNotFoundError, match=r"place: no (such folder|run in this folder)"):
        find_runs([tmp_path / "place"])


def test_only_settings_that_differ_are_shown_and_the_best_is_marked(sweep):
    table = comparison_table(find_runs([sweep]))
    assert table.keys == ("model.reid_dim",)
    assert table.text().splitlines() == [
        "run           model.reid_dim  val/HOTA %  val/MOTA %  val/IDF1 %  val/IDSW",
        "------------  --------------  ----------  ----------  ----------  --------",
        "reid_dim=128  128                  53.9*       50.0        63.9*    1,100",
        "reid_dim=64   64                   51.2        50.0        61.2       120*",
        "",
        "* best",
        "not tested whether differences are more than noise: there are no figures of single sequences (sequences.json)",
    ]


def test_markdown_and_csv(sweep):
    table = comparison_table(find_runs([sweep]))
    lines = table.markdown().splitlines()
    assert lines[0].startswith("| run | model.reid_dim | val/HOTA % |")
    assert lines[1] == "| --- | --- | ---: | ---: | ---: | ---: |"
    assert lines[2] == "| reid_dim=128 | 128 | **53.9** | 50.0 | **63.9** | 1,100 |"
    first, second = rows_of(table.csv())
    assert (first["run"], first["model.reid_dim"], first["val/HOTA"], first["problem"]) == (
        "reid_dim=128",
        "128",
        "0.5391",
        "",
    )
    assert float(second["val/IDSW"]) == 120


def test_failed_runs_are_listed_as_failed(sweep):
    make_run(sweep / "reid_dim=256", settings(256))
    make_run(sweep / "unknown", None, outcome(0.9, 0))
    table = comparison_table(find_runs([sweep]))
    lines = {line.split()[0]: line for line in table.text().splitlines()[2:6]}
    assert lines["reid_dim=256"].endswith("failed: no metrics.json")
    assert lines["unknown"].endswith("no config.yaml")
    assert "failed" not in lines["unknown"]
    assert {row["run"]: row["problem"] for row in rows_of(table.csv())}["reid_dim=256"] == "no metrics.json"
    assert table.best("val/HOTA") == {"unknown"}


@pytest.mark.parametrize("metrics", [None, {}, outcome(0.4, 9)])
def test_what_a_failed_job_wrote_is_its_problem(sweep, metrics):
    folder = make_run(sweep / "reid_dim=0", None, metrics)
    (folder / "error.txt").write_text("error: model.reid_dim is 0; it must be 1 or more\n")
    run = next(run for run in find_runs([sweep]) if run.name == "reid_dim=0")
    assert run.problem == "error: model.reid_dim is 0; it must be 1 or more"
    assert run.failed == (not metrics)


@pytest.mark.parametrize(("written", "problem"), [("\n", "no config.yaml; no metrics.json"), ("a\nb|c\n", "a b|c")])
def test_an_error_is_one_line_and_marks_a_run(tmp_path, written, problem):
    make_run(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "a" / "error.txt").write_text(written)
    (run,) = find_runs([tmp_path / "runs"])
    assert run.problem == problem


def test_a_long_reason_does_not_tear_the_table_apart(sweep):
    folder = make_run(sweep / "reid_dim=0", None, None)
    reason = "unknown key 'a'. Allowed here: " + ", ".join(f"key_{number}" for number in range(60))
    (folder / "error.txt").write_text(reason)
    table = comparison_table(find_runs([sweep]))
    assert max(map(len, table.table().text().splitlines())) < 200
    assert "failed: unknown key 'a'. Allowed here: key_0," in table.text()
    assert {row["run"]: row["problem"] for row in rows_of(table.csv())}["reid_dim=0"] == reason


def test_runs_that_were_not_validated_show_their_task_losses_and_none_is_best(tmp_path):
    for name, reid, total in (("fixed", 3.0, 4.0), ("uncertainty", 2.5, -1.0)):
        losses = {"heatmap": 1.0, "reid": reid, "total": total}
        figures = {f"train/loss/{task}": loss for task, loss in losses.items()}
        make_run(tmp_path / name, settings(weighting=name), {"train/weight/reid": 1.0, **figures})
    table = comparison_table(find_runs([tmp_path]))
    assert table.metrics == ("train/loss/heatmap", "train/loss/reid")
    assert "*" not in table.text()
    assert comparison_table(table.runs, metrics=["train/loss/total"]).best("train/loss/total") == frozenset()


def test_all_failed_still_makes_a_table(tmp_path):
    make_run(tmp_path / "sweep" / "a", settings())
    table = comparison_table(find_runs([tmp_path / "sweep"]))
    assert table.metrics == ()
    assert "failed: no metrics.json" in table.text()


def test_values_that_are_no_numbers_are_never_best():
    runs = [RunRecord(name=str(v), folder=Path("x"), metrics={"val/HOTA": v}) for v in (float("nan"), 0.2, 0.3)]
    table = comparison_table(runs)
    assert table.best("val/HOTA") == {"0.3"}
    assert "no number" in table.text()


def test_a_single_run_is_not_the_best_of_anything():
    assert (
        comparison_table([RunRecord(name="a", folder=Path("a"), metrics={"val/HOTA": 0.3})]).best("val/HOTA")
        == frozenset()
    )


NOBODY = {"val/HOTA": 0.0, "val/MOTA": 0.0, "val/IDSW": 0.0}


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ([NOBODY], "val/HOTA"),
        ([NOBODY, {**NOBODY, "val/MOTA": -0.1}], "val/HOTA"),  # boxes, but of nobody
        ([NOBODY, {}], "val/HOTA"),  # one has failed
        ([{"val/IDF1": 0.0}] * 2, "val/IDF1"),  # a protocol without HOTA
        ([NOBODY, {**NOBODY, "val/HOTA": 0.001}], ""),
        ([NOBODY, {"val/HOTA": float("nan")}], ""),
        ([{"val/HOTA": 0.5, "val/IDSW": 0.0}] * 2, ""),
        ([{"train/loss/size": 0.0}] * 2, ""),  # not validated
        ([{}], ""),
    ],
)
def test_it_is_said_that_no_run_found_anybody(metrics, told):
    table = comparison_table([RunRecord(name=str(n), folder=Path("x"), metrics=m) for n, m in enumerate(metrics)])
    line = f"no run found anybody: {told} is 0 in all; train longer, or lower tracker.score_threshold"
    for text in (table.text(), table.markdown(), table.latex()):
        assert text.count("no run found anybody") == bool(told)
        assert not told or line in text


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((1, 2), True),
        ((1, "1"), False),  # YAML writes both the same way for a reader
        ((None, 3), True),
        (([1, 2], [1, 3]), True),
        ((True, True), False),
        (("outputs/a", "outputs/b"), False),  # merely the run's own folder
        (("data/a.txt", "data/a.txt"), False),
        (("a", "b"), True),  # a backbone may name the folder and is still worth a column
    ],
)
def test_which_settings_are_shown(tmp_path, values, shown):
    runs = [
        read_run(make_run(tmp_path / name, {"key": value, "same": 1}, outcome(0.5, 1)))
        for name, value in zip("ab", values, strict=True)
    ]
    assert comparison_table(runs).keys == (("key",) if shown else ())


def test_a_setting_that_only_some_runs_have_is_shown(tmp_path):
    one = read_run(make_run(tmp_path / "a", {"loss": {"gamma": 2}}, outcome(0.5, 1)))
    other = read_run(make_run(tmp_path / "b", {"loss": {"beta": None}}, outcome(0.5, 1)))
    table = comparison_table([one, other])
    assert table.keys == ("loss.gamma", "loss.beta")
    assert [row["loss.gamma"] for row in rows_of(table.csv())] == ["2", ""]


def test_metrics_can_be_chosen(sweep):
    table = comparison_table(find_runs([sweep]), metrics=["val/IDSW", "val/Frag"])
    assert table.metrics == ("val/IDSW",)
    assert table.best("val/IDSW") == {"reid_dim=64"}


def test_a_bar_in_a_name_does_not_break_markdown(tmp_path):
    runs = find_runs([make_run(tmp_path / "a|b", settings(), outcome(0.5, 1))])
    assert "| a\\|b |" in comparison_table(runs).markdown()


def test_no_runs_no_table():
    with pytest.raises(ValueError, match="no runs to compare"):
        comparison_table([])
