"""`python -m fairmot_pl.train`: train, validate by tracking, report."""

from __future__ import annotations

import sys

from omegaconf import DictConfig

from fairmot_pl.config.check import check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command, sweep_folder
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.jobs import OBJECTIVE, RESUMES_WITH
from fairmot_pl.config.nodes import check_data, check_module, check_run
from fairmot_pl.config.resume import expand_resume, resumed_config

KEYS = {"name": str, "seed": int, "resume": str | None}
RESUMABLE = ("resume", "trainer.", "callbacks.", "logger.", "data.num_workers", "data.root", "data.max_broken_share")
NODES = ("data", "model", "loss", "optimizer", "tracker", "trainer", "callbacks", "logger")


def main() -> None:
    """Console entry."""
    run_command("train", train, check, expand)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_values(plain(config), KEYS, nodes=NODES)
    check_module(config)
    check_data(config)
    check_run(config)


def expand(arguments: list[str]) -> list[str]:
    """`resume=FOLDER` also makes that folder the output folder."""
    return expand_resume(arguments, needed=RESUMES_WITH["train"], what="training run or sweep")


def train(config: DictConfig) -> Outcome:
    """Train as configured; resumable, repeatable, reported."""
    from fairmot_pl.config.build import warn_of_ignored
    from fairmot_pl.runs.training import run_training

    config = resumed_config(config, check, may_change=RESUMABLE)
    warn_of_ignored(config)
    folder = output_folder()
    try:
        figures = run_training(config, folder)
    except SystemExit:  # Lightning's way out after Ctrl-C
        if sweep_folder() is None:  # a sweep says itself how it goes on
            print(f"stopped; to go on: python -m fairmot_pl.train resume={quoted(folder)}", file=sys.stderr)
        raise
    return Outcome(
        folder,
        next_steps=[
            f"open {folder / 'report.html'} in a browser",
            f"python -m fairmot_pl.track source=VIDEO_OR_FOLDER checkpoint={quoted(folder)}",
        ],
        objective=figures.get(OBJECTIVE["train"]),
    )


if __name__ == "__main__":
    main()
