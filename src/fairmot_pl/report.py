"""`python -m fairmot_pl.report RUNS_OR_SWEEPS...`: the report of a run once more, from what its folder holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fairmot_pl.config.entry import plain_errors
from fairmot_pl.reporting.run_folder import report_of
from fairmot_pl.reporting.run_records import RunRecord, find_runs

EXAMPLE = """examples:
  python -m fairmot_pl.report outputs/synthetic/2026-01-31_12-00-00
  python -m fairmot_pl.report outputs/sweeps/mot17_half/2026-01-31_12-00-00      # of each of its runs

For a run that was stopped, that failed or is still at work, and after an update of this package. Of a run's files, only
report.html and metrics.csv are written anew."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(
        prog="python -m fairmot_pl.report",
        description="Write report.html of trainings and evaluations again, from their folders alone.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_OR_SWEEP", help="folders of runs or of sweeps")
    given = parser.parse_args(arguments)
    with plain_errors():
        write_reports(given.folders)


def write_reports(folders: Sequence[Path]) -> None:
    """Write the report of each run, and say where it is.

    Args:
        folders: of runs or of sweeps.

    Raises:
        FileNotFoundError: there is no run in the folders.
        ValueError: of some runs no report can be made; those of the others are written.
    """
    problems = []
    for run in find_runs(folders):
        try:
            check_reported(run)
            print(f"next: open {report_of(run.folder)} in a browser")
        except (ValueError, OSError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError("; ".join(problems))
    print(f"results: {folders[0]}", flush=True)


def check_reported(run: RunRecord) -> None:
    """Refuse what is neither a training nor an evaluation: its folder may hold a report of another kind.

    Raises:
        ValueError: naming the folder.
    """
    if not run.provenance.get("model"):
        why = f" ({run.problem})" if run.problem else ""
        raise ValueError(f"{run.folder}: no training and no evaluation, or it never began{why}; name the folder of one")


if __name__ == "__main__":
    main()
