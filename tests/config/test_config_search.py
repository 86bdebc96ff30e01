"""A search over continuous keys: repeatable, resumable, and not stopped by a failed trial."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from config.test_config_sweep import SWEEP, again, jobs, launch
from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.search import distribution

__all__ = ["jobs", "launch"]

SEARCH = [
    *("-m", "+experiment=synthetic", "hydra/sweeper=optuna_search", "hydra.sweeper.startup=2"),
    *("optimizer.learning_rate=tag(log, interval(1e-5, 1e-1))", "model.reid_dim=8,16"),
]


def closeness(config) -> float:
    """Best at a learning rate of 1e-3."""
    return 1 - abs(math.log10(config.optimizer.learning_rate) + 3) / 10


def table(folder: str = SWEEP) -> list[dict[str, str]]:
    with Path(folder, "trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_search_finds_what_is_best(launch, jobs):
    jobs.objective = closeness
    status, said = launch(*SEARCH, "hydra.sweeper.trials=6")
    assert status == 0, said
    assert len(jobs.ran) == 6
    rows = table()
    assert [row["folder"] for row in rows] == jobs.ran
    assert all(row["folder"].startswith(f"trial-{number:03d}_learning_rate-") for number, row in enumerate(rows))
    best = max(rows, key=lambda row: float(row["val/HOTA"]))
    outcome = yaml.safe_load(Path(SWEEP, "search.yaml").read_text())
    assert outcome["best"]["folder"] == best["folder"]
    assert outcome["best"]["overrides"] == [
        f"optimizer.learning_rate={best['optimizer.learning_rate']}",
        f"model.reid_dim={best['model.reid_dim']}",
    ]


def test_stopped_and_launched_again_it_tries_the_same(launch, jobs):
    jobs.objective = closeness
    launch(*SEARCH, "hydra.sweeper.trials=4", folder="whole")
    whole = table("whole")
    jobs.trouble = {"trial-001": KeyboardInterrupt()}
    status, said = launch(*SEARCH, "hydra.sweeper.trials=3")
    assert status == 130
    assert f"to go on: python -m fairmot_pl.train resume={SWEEP}" in said
    jobs.trouble = {}
    assert again(launch)[0] == 0
    assert len(jobs.ran) == 2
    assert again(launch, "hydra.sweeper.trials=4")[0] == 0
    assert len(jobs.ran) == 1
    assert table() == whole


def test_a_failed_trial_does_not_stop_it(launch, jobs):
    jobs.objective = closeness
    jobs.trouble = {"trial-001": ValueError("no such learning rate")}
    status, said = launch(*SEARCH, "hydra.sweeper.trials=2")
    assert status == 0, said
    assert [row["state"] for row in table()] == ["complete", "fail"]
    assert table()[1]["error"] == "no such learning rate"
    assert "failed trials: 1" in said
    jobs.objective = lambda config: math.nan
    again(launch, "hydra.sweeper.trials=3")
    assert [row["state"] for row in table()] == ["complete", "fail", "fail"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.sweeper.trials=0"], "hydra.sweeper.trials is 0; it must be 1 or more"),
        (["hydra.sweeper.direction=up"], "hydra.sweeper.direction is 'up'; allowed: maximize, minimize"),
        (["optimizer.learning_rate=0.1", "model.reid_dim=8"], "nothing to search"),
        (["model.head_channels=int(interval(3, 1))"], r"expected interval\(low, high\) with low below high"),
        (["optimizer.learning_rate=tag(log, interval(0, 1))"], "with low above 0 below high"),
        (["model.reid_dimm=interval(1, 2)"], "unknown key 'model.reid_dimm'"),
        (["optimizer.warmup_steps=interval(0.5, 2)"], "optimizer.warmup_steps is 0.5; expected a whole number"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(launch, jobs, arguments, message):
    status, said = launch(*SEARCH, *arguments)
    assert (status, jobs.ran) == (1, [])
    assert re.search(f"^error: .*{message}", said, re.MULTILINE), said


def test_another_search_is_not_mixed_in(launch, jobs):
    launch(*SEARCH, "hydra.sweeper.trials=1")
    status, said = launch(*SEARCH, "hydra.sweeper.trials=2", "optimizer.learning_rate=interval(1e-4, 1e-3)")
    assert (status, jobs.ran) == (1, [])
    assert "holds a search with other space: start a new one" in said
    assert "to go on" not in said
    assert "1e-1" in str(yaml.safe_load(Path(SWEEP, "multirun.yaml").read_text())["hydra"]["overrides"]["task"])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a=interval(0, 1)", FloatDistribution(0.0, 1.0)),
        ("a=tag(log, interval(1e-5, 1e-2))", FloatDistribution(1e-5, 1e-2, log=True)),
        ("a=int(interval(2, 9))", IntDistribution(2, 9)),
        ("a=range(2, 9, 3)", IntDistribution(2, 8, step=3)),
        ("a=range(0.0, 0.5, 0.25)", FloatDistribution(0.0, 0.25, step=0.25)),
        ("a=choice(x, y)", CategoricalDistribution(["x", "y"])),
        ("a=1,2", CategoricalDistribution(["1", "2"])),
    ],
)
def test_ranges(override, expected):
    assert distribution(OverridesParser.create().parse_override(override)) == expected


@pytest.mark.parametrize("override", ["a=interval(1, 1)", "a=range(1, 2)"])
def test_ranges_that_are_none(override):
    with pytest.raises(ConfigError):
        distribution(OverridesParser.create().parse_override(override))
