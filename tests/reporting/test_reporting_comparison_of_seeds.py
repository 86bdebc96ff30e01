"""Runs of one setting are averaged, and what is within noise is said to be."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.reporting.comparison import ComparisonTable, comparison_table
from fairmot_pl.reporting.grouping import group_runs, short_keys
from fairmot_pl.reporting.run_records import find_runs
from fairmot_pl.reporting.text_tables import Cell, TextTable, latex_text
from fairmot_pl.reporting.verdicts import judge
from reporting.made_up_runs import SEQUENCES, write_run, write_sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("made_up") / "sweep")


@pytest.fixture(scope="module")
def table(sweep) -> ComparisonTable:
    return comparison_table(find_runs([sweep]))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_seeds_are_averaged(table):
    groups = table.grouping.groups
    assert [len(group.runs) for group in groups] == [3] * 6
    assert table.keys == ("loss.weighting.name", "model.reid_dim")
    assert [tuple(group.settings.values()) for group in groups[:3]] == [("fixed", d) for d in ("16", "64", "128")]
    assert groups[0].name == "weighting=fixed, reid_dim=16"
    values = [run.metrics["val/HOTA"] for run in groups[0].runs]
    assert groups[0].mean("val/HOTA") == pytest.approx(np.mean(values))
    assert groups[0].deviation("val/HOTA") == pytest.approx(np.std(values, ddof=1))


def test_what_is_worse_and_what_is_noise(table):
    kinds = {
        group.name: verdict.kind
        for group, verdict in zip(table.grouping.groups, table.verdicts["val/HOTA"], strict=True)
    }
    assert [kind for name, kind in kinds.items() if name.endswith("=16")] == ["worse", "worse"]
    assert sorted(kind for name, kind in kinds.items() if not name.endswith("=16")) == [
        "best",
        "noise",
        "noise",
        "noise",
    ]
    verdict = next(v for v in table.verdicts["val/HOTA"] if v.kind == "worse")
    assert verdict.low < verdict.difference < verdict.high < 0
    assert verdict.difference == pytest.approx(-0.05, abs=0.01)


def test_the_table_says_so(table):
    text = table.text().splitlines()
    assert text[0].split()[:3] == ["loss.weighting.name", "model.reid_dim", "runs"]
    assert "± standard deviation over seeds" in text[-2]
    assert text[-1].startswith("~ within noise of the best: no difference at 5%")
    assert sum("~" in line for line in text[2:8]) == 3
    markdown = table.markdown()
    assert " ~ |" in markdown
    assert "| weighting-fixed_reid_dim-128_seed-1 |" in markdown, "the single runs follow"


def test_csv_of_runs_and_of_settings(table):
    runs, settings = rows_of(table.csv()), rows_of(table.settings_csv())
    assert (len(runs), len(settings)) == (18, 6)
    assert {row["seed"] for row in runs} == {"1", "2", "3"}
    row = settings[0]
    assert (row["setting"], row["runs"], row["val/HOTA verdict"]) == ("weighting=fixed, reid_dim=16", "3", "worse")
    assert float(row["val/HOTA p"]) < 0.05
    assert float(row["val/HOTA low"]) < float(row["val/HOTA high"]) < 0
    assert [row["val/HOTA p"] for row in settings if row["val/HOTA verdict"] == "best"] == [""]


def test_latex(table):
    lines = table.latex().splitlines()
    assert lines[0] == r"\begin{tabular}{llrrrrrr}"
    assert r"loss.weighting.name & model.reid\_dim & runs & val/HOTA \% " in lines[2]
    assert sum(r"\textbf{" in line and r"$\pm$" in line for line in lines) >= 1
    assert r"$^{\sim}$" in table.latex()
    assert lines[lines.index(r"\end{tabular}") + 1].startswith("% bold: best")


def test_latex_escapes_what_it_must():
    assert latex_text("a_b 5% {x} & $y$ ~^\\") == (
        r"a\_b 5\% \{x\} \& \$y\$ \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    table = TextTable(header=["a_b"], rows=[[Cell("1 ± 2", "best")]], figures=[True])
    assert r"\textbf{1 $\pm$ 2} \\" in table.latex()


def test_failed_seeds_are_left_out_and_counted(tmp_path):
    sweep = write_sweep(tmp_path / "sweep", seeds=2)
    broken = sweep / "weighting-fixed_reid_dim-16_seed-1"
    (broken / "metrics.json").unlink()
    (broken / "error.txt").write_text("out of memory")
    table = comparison_table(find_runs([sweep]))
    row = table.text().splitlines()[2]
    assert row.split()[:4] == ["fixed", "16", "1", "55.4"]
    assert row.endswith("1 of 2 runs failed: out of memory")


def test_a_seed_alone_is_noted(tmp_path):
    table = comparison_table(find_runs([write_sweep(tmp_path / "sweep", seeds=1)]))
    assert not table.grouping.has_seeds
    assert "seed" not in table.keys
    assert any(note.startswith("one seed: the test then speaks of these networks") for note in table.notes())


def test_of_one_network_other_seeds_are_no_advice(tmp_path):
    for name, hota in {"byte": 0.5, "fairmot": 0.6}.items():
        write_run(tmp_path / name, hota=hota, checkpoint="best.ckpt", tracker={"association": name})
    notes = comparison_table(find_runs([tmp_path])).notes()
    assert any(note.startswith("one network: the test speaks of it on other videos") for note in notes)


@pytest.mark.parametrize(
    ("other", "keys", "groups"),
    [
        ({"seed": 2}, (), 1),
        ({"seed": 2, "resume": "outputs/x"}, (), 1),
        ({"seed": 2, "logger": {"mode": "offline"}}, (), 1),
        ({"seed": 2, "dim": 128}, ("model.reid_dim",), 2),
        ({"seed": 1, "commit": "b" * 40}, ("git commit",), 2),
        ({"seed": 2, "commit": "b" * 40}, (), 1),  # a sweep that was finished later
        ({"seed": 3, "data": {"seed": 3}}, (), 1),
        ({"seed": 3, "data": {"seed": 7}}, ("data.seed",), 2),
        ({"seed": 2, "fingerprint": "fedcba9876543210"}, ("data fingerprint",), 2),
    ],
)
def test_what_makes_another_setting(tmp_path, other, keys, groups):
    data = {"data": {"seed": 1}} if "data" in other else {}
    write_run(tmp_path / "runs" / "a", seed=1, **data)
    write_run(tmp_path / "runs" / "b", **other)
    write_run(tmp_path / "runs" / "c", seed=3, **({"data": {"seed": other["data"]["seed"]}} if data else {}))
    found = group_runs(find_runs([tmp_path / "runs"]))
    assert found.keys == keys
    assert len(found.groups) == groups
    if keys == ("git commit",):
        assert {group.settings["git commit"] for group in found.groups} == {"aaaaaaaa", "bbbbbbbb"}


def test_options_that_go_with_a_choice_are_no_axes_of_their_own(tmp_path):
    for weighting, reid in (("fixed", 0.1), ("uncertainty", -1.05)):
        for seed in (1, 2):
            options = {"loss": {"weighting": {"name": weighting, "reid": reid}}}
            write_run(tmp_path / "s" / f"{weighting}-{seed}", seed=seed, **options)
    assert group_runs(find_runs([tmp_path / "s"])).keys == ("loss.weighting.name",)
    write_run(tmp_path / "s" / "other", seed=1, loss={"weighting": {"name": "fixed", "reid": 0.5}})
    assert group_runs(find_runs([tmp_path / "s"])).keys == ("loss.weighting.name", "loss.weighting.reid")


def test_other_data_or_code_is_noted(tmp_path):
    write_run(tmp_path / "a", dim=32)
    write_run(tmp_path / "b", dim=64, commit="b" * 40, fingerprint="fedcba9876543210")
    notes = comparison_table(find_runs([tmp_path / "a", tmp_path / "b"])).notes()
    assert any("2 different commits of the code" in note for note in notes)
    assert any("2 different data sets" in note for note in notes)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (SEQUENCES[:3], SEQUENCES[3:], "validated on other sequences"),
        (SEQUENCES[:1], SEQUENCES[:1], "one seed each on one sequence"),
    ],
)
def test_why_there_was_no_test(tmp_path, first, second, why):
    write_run(tmp_path / "a", dim=32, sequences=first)
    write_run(tmp_path / "b", dim=64, hota=0.5, sequences=second)
    table = comparison_table(find_runs([tmp_path / "a", tmp_path / "b"]))
    assert any(why in verdict.why for verdict in table.verdicts["val/HOTA"])
    assert any(why in note for note in table.notes())


def test_only_common_sequences_are_compared(tmp_path):
    write_run(tmp_path / "a", dim=32, sequences=SEQUENCES)
    write_run(tmp_path / "b", dim=64, hota=0.5, sequences=SEQUENCES[2:])
    groups = group_runs(find_runs([tmp_path / "a", tmp_path / "b"])).groups
    verdict = judge(groups, "val/HOTA")[1]
    assert verdict.kind == "worse"
    assert verdict.difference == pytest.approx(-0.1, abs=0.005)


def test_a_collapsed_seed_does_not_hide_what_the_others_show(tmp_path):
    sweep = write_sweep(tmp_path / "sweep")
    write_run(sweep / "weighting-dwa_reid_dim-64_seed-1", hota=0.02, weighting="dwa")
    for seed in (2, 3):
        write_run(sweep / f"weighting-dwa_reid_dim-64_seed-{seed}", hota=0.6, seed=seed, weighting="dwa")
    table = comparison_table(find_runs([sweep]))
    kinds = {group.name: v.kind for group, v in zip(table.grouping.groups, table.verdicts["val/HOTA"], strict=True)}
    assert kinds["weighting=fixed, reid_dim=16"] == "worse"
    assert kinds["weighting=dwa, reid_dim=64"] == "noise"


@pytest.mark.parametrize(
    ("keys", "short"),
    [
        (["model.reid_dim", "loss.weighting.name"], ["reid_dim", "weighting"]),
        (["model.name", "data.name"], ["model", "data"]),
        (["a.size", "b.size", "c"], ["a.size", "b.size", "c"]),
        (["size", "box.size"], ["size", "box.size"]),
        ([], []),
    ],
)
def test_short_keys(keys, short):
    assert short_keys(keys) == short


def test_fewer_is_better_for_errors(tmp_path):
    for seed in (1, 2):
        for dim in (32, 64):
            write_run(
                tmp_path / "s" / f"{dim}-{seed}", seed=seed, dim=dim, sequences=SEQUENCES[: 7 if dim == 32 else 5]
            )
    table = comparison_table(find_runs([tmp_path / "s"]), metrics=["val/IDSW"])
    assert [v.kind for v in table.verdicts["val/IDSW"]] == ["noise", "best"]
