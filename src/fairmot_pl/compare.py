"""`python -m fairmot_pl.compare RUNS_OR_SWEEPS...`: one table of runs; also printed when a sweep ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from fairmot_pl.config.entry import plain_errors
from fairmot_pl.mot_format import write_text
from fairmot_pl.reporting.comparison import comparison_table, find_runs

EXAMPLE = """example:
  python -m fairmot_pl.compare outputs/sweeps/synthetic/2026-01-31_12-00-00
  python -m fairmot_pl.compare outputs/mot17/A outputs/mot17/B --output outputs/A_against_B"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(
        prog="python -m fairmot_pl.compare",
        description="Compare runs: the settings in which they differ, and their figures, best marked.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_OR_SWEEP", help="folders of runs or of sweeps")
    parser.add_argument("--output", type=Path, default=None, help="where the tables go; by default the first folder")
    given = parser.parse_args(arguments)
    with plain_errors():
        write_comparison(given.folders, given.output or given.folders[0])


def write_comparison(folders: Sequence[Path], output: Path) -> bool:
    """Print the table and write it as `comparison.md` and `comparison.csv`.

    Returns:
        Whether every run has figures.

    Raises:
        FileNotFoundError: there is no run in the folders.
    """
    runs = find_runs(folders)
    table = comparison_table(runs)
    write_text(output / "comparison.md", table.markdown())
    write_text(output / "comparison.csv", table.csv())
    print(table.text())
    print(f"next: open {output / 'comparison.csv'} in a spreadsheet, or {output / 'comparison.md'}")
    print(f"results: {output}", flush=True)
    return not any(run.failed for run in runs)


class CompareSweep(Callback):
    """Prints the comparison when a multirun has finished, and leaves with status 1 if a job failed."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's hook after the last job."""
        folder = Path(config.hydra.sweep.dir)
        if not write_comparison([folder], folder):
            sys.exit(1)


if __name__ == "__main__":
    main()
