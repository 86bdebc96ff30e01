"""`python -m fairmot_pl.compare RUNS_OR_SWEEPS...`: one table of runs; also printed when a sweep ends."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from fairmot_pl.config.entry import plain_errors
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.jobs import JOURNAL, JobState, read_job
from fairmot_pl.files import write_text
from fairmot_pl.reporting.comparison import MAIN_METRICS, comparison_table
from fairmot_pl.reporting.comparison_page import write_comparison_page
from fairmot_pl.reporting.explanation import explain
from fairmot_pl.reporting.run_records import RunRecord, find_runs

EXAMPLE = """examples:
  python -m fairmot_pl.compare outputs/sweeps/synthetic/2026-01-31_12-00-00
  python -m fairmot_pl.compare outputs/sweeps/A outputs/sweeps/B --metrics val/AssA val/IDSW --output outputs/A_and_B
  python -m fairmot_pl.compare outputs/mot17/A outputs/mot17/B      # two runs: why do they differ?

Runs that differ in their seed alone are averaged. No account is needed, and nothing but the runs' folders."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(
        prog="python -m fairmot_pl.compare",
        description="Compare runs: their figures over seeds, which differences are real, and what makes them differ.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_OR_SWEEP", help="folders of runs or of sweeps")
    parser.add_argument("--output", type=Path, default=None, help="where the tables go; by default the first folder")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=MAIN_METRICS,
        metavar="METRIC",
        help=f"keys of metrics.json, the one that counts first; by default {' '.join(MAIN_METRICS)}",
    )
    given = parser.parse_args(arguments)
    with plain_errors():
        write_comparison(given.folders, given.output or given.folders[0], metrics=given.metrics)


def write_comparison(
    folders: Sequence[Path], output: Path, *, metrics: Sequence[str] = MAIN_METRICS, next_steps: Sequence[str] = ()
) -> None:
    """Print the table, write it as `comparison.html`, `.md`, `.tex` and `.csv`, and its means as `settings.csv`.

    Two runs are explained as well: what differs in configuration, data, code and result.

    Args:
        folders: of runs or of sweeps.
        output: where the files go.
        metrics: keys of `metrics.json`, the one that counts first.
        next_steps: what else to type next.

    Raises:
        FileNotFoundError: there is no run in the folders.
        ValueError: a metric that was asked for is in none of the runs.
    """
    runs = find_runs(folders)
    if metrics is not MAIN_METRICS:
        check_metrics(metrics, runs)
    table = comparison_table(runs, metrics=metrics)
    if not table.metrics and not any(run.failed or run.problem for run in runs):
        raise ValueError(
            f"{', '.join(map(str, folders))}: no run here has figures to compare, such as val/HOTA or losses; "
            "name folders of train or evaluate, or --metrics"
        )
    explanation = explain(runs[0], runs[1], table.metrics) if len(runs) == 2 else None
    for name, text in (
        ("comparison.md", table.markdown()),
        ("comparison.tex", table.latex()),
        ("comparison.csv", table.csv()),
        ("settings.csv", table.settings_csv()),
    ):
        write_text(output / name, text)
    places = [folder.resolve().name for folder in folders]
    title = "Comparison of " + (", ".join(places) if len(places) < 4 else f"{len(places)} folders")
    report = write_comparison_page(output, table, title=title, explanation=explanation)
    # what differs between two runs stands below, one to a line; as columns it would tear the figures apart
    print((table.without_keys() if explanation else table).text())
    if explanation:
        print(f"\n{explanation.text()}\n")
    for step in next_steps:
        print(f"next: {step}")
    print(f"next: open {report} in a browser, or comparison.csv, .md and .tex beside it")
    print(f"results: {output}", flush=True)


def check_metrics(metrics: Sequence[str], runs: Sequence[RunRecord]) -> None:
    """Refuse a metric that no run has.

    Raises:
        ValueError: naming the metric and what there is.
    """
    known = dict.fromkeys(name for run in runs for name in run.metrics)
    for name in metrics:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.3)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"--metrics {name}: none of the runs has it{hint} There are: {', '.join(known) or 'none'}")


class CompareSweep(Callback):
    """Prints the comparison when a multirun has finished; with status 1 if a job has no outcome, and how to run it."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's hook after the last job."""
        folder, entry = Path(config.hydra.sweep.dir), config.hydra.job.name
        jobs = [read_job(run.folder, entry) for run in find_runs([folder])]
        left = [job for job in jobs if job.state is not JobState.FINISHED]
        for job in left:
            print(f"{job.folder.name}: {job.state.value}" + (f" ({job.error})" if job.error else ""))
        again = []
        if left and not (folder / JOURNAL).exists():  # a search leaves failed trials as they are
            jobs_left = f"{len(left)} of {len(jobs)} jobs"
            again = [f"python -m fairmot_pl.{entry} resume={quoted(folder)}   # runs {jobs_left} that have no outcome"]
        write_comparison([folder], folder, next_steps=again)
        if len(left) == len(jobs) or again:
            sys.exit(1)


if __name__ == "__main__":
    main()
