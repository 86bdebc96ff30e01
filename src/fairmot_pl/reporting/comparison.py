"""Several runs side by side: what differs in their configurations, and what came of it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from fairmot_pl.reporting.run_records import RunRecord, find_runs, read_run
from fairmot_pl.reporting.wording import figure_text, is_fraction, lower_is_better

__all__ = ["MAIN_METRICS", "ComparisonTable", "RunRecord", "comparison_table", "find_runs", "read_run"]

MAIN_METRICS = ("val/HOTA", "val/MOTA", "val/IDF1", "val/IDSW")

_TASK_LOSSES, _TOTAL_LOSS = "train/loss/", "train/loss/total"

_REPEATED = "callbacks.tracking.tracker."
"""Keys that only repeat those of the node tracker."""

_ABSENT = "-"


@dataclass(frozen=True)
class ComparisonTable:
    """A table of runs; a cell of `best` is True where its run is the best by that metric.

    Args:
        runs: one row each.
        keys: configuration keys that differ between the runs.
        metrics: the metrics shown.
    """

    runs: tuple[RunRecord, ...]
    keys: tuple[str, ...]
    metrics: tuple[str, ...]

    def best(self, metric: str) -> frozenset[str]:
        """Names of the runs that reached the best value of a metric; none if it is the only one, or all are equal.

        Of training figures none is best: losses measure how a run was taught as much as what it learned.
        """
        if metric.startswith("train/"):
            return frozenset()
        values = {
            run.name: run.metrics[metric] for run in self.runs if math.isfinite(run.metrics.get(metric, math.nan))
        }
        if len(set(values.values())) < 2:
            return frozenset()
        target = min(values.values()) if lower_is_better(metric) else max(values.values())
        return frozenset(name for name, value in values.items() if value == target)

    def text(self) -> str:
        """Aligned columns for a terminal; `*` marks the best."""
        header, rows = self._cells(lambda cell, best: cell + ("*" if best else " "))
        widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(header))]
        lines = [self._aligned(row, widths) for row in [header, ["-" * width for width in widths], *rows]]
        legend = ["", "* best"] if any(self.best(metric) for metric in self.metrics) else []
        return "\n".join([*lines, *legend])

    def markdown(self) -> str:
        """A Markdown table; the best are bold."""
        header, rows = self._cells(lambda cell, best: f"**{cell}**" if best else cell)
        marks = ["---:" if self._is_figure(index) else "---" for index in range(len(header))]
        escaped = [[cell.replace("|", "\\|") for cell in row] for row in [header, marks, *rows]]
        return "\n".join("| " + " | ".join(row) + " |" for row in escaped)

    def csv(self) -> str:
        """Comma-separated, figures in full precision as they were logged, empty where a run has none."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["run", *self.keys, *self.metrics, "problem"])
        for run in self.runs:
            settings = [_setting(run.config[key]) if key in run.config else "" for key in self.keys]
            writer.writerow([run.name, *settings, *(run.metrics.get(name, "") for name in self.metrics), run.problem])
        return stream.getvalue()

    def _cells(self, mark: Callable[[str, bool], str]) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text; `mark(cell, is_best)` dresses the figures."""
        troubled = any(run.problem for run in self.runs)
        shown = [f"{name} %" if is_fraction(name) else name for name in self.metrics]
        header = ["run", *self.keys, *shown, *(["problem"] if troubled else [])]
        best = {metric: self.best(metric) for metric in self.metrics}
        rows = []
        for run in self.runs:
            settings = [_setting(run.config[key]) if key in run.config else _ABSENT for key in self.keys]
            figures = [
                mark(
                    figure_text(name, run.metrics[name]) if name in run.metrics else _ABSENT,
                    run.name in best[name],
                )
                for name in self.metrics
            ]
            verdict = f"failed: {run.problem}" if run.failed else run.problem
            rows.append([run.name, *settings, *figures, *([verdict] if troubled else [])])
        return header, rows

    def _is_figure(self, index: int) -> bool:
        return 0 <= index - 1 - len(self.keys) < len(self.metrics)

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell.rjust(width) if self._is_figure(index) else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


def comparison_table(runs: Sequence[RunRecord], *, metrics: Sequence[str] = MAIN_METRICS) -> ComparisonTable:
    """Put runs side by side, with only the configuration keys in which they differ.

    Keys whose value merely repeats the run's own folder are left out. A metric that no run has is left out.
    Where none is left, the raw losses of the tasks stand in; not their total, which each weighting counts in its
    own way.

    Args:
        runs: as `find_runs` gives them.
        metrics: keys of `metrics.json`, in the order wanted.

    Raises:
        ValueError: no runs.
    """
    if not runs:
        raise ValueError("there are no runs to compare; give at least one run folder")
    configured = [run for run in runs if run.config]
    keys = list(dict.fromkeys(key for run in configured for key in run.config))
    differing = [
        key
        for key in keys
        if _differs(key, configured) and not _repeats_folder(key, configured) and not key.startswith(_REPEATED)
    ]
    present = [name for name in metrics if any(name in run.metrics for run in runs)]
    return ComparisonTable(tuple(runs), tuple(differing), tuple(present or _task_losses(runs)))


def _task_losses(runs: Sequence[RunRecord]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    return [name for name in names if name.startswith(_TASK_LOSSES) and name != _TOTAL_LOSS]


def _differs(key: str, runs: Sequence[RunRecord]) -> bool:
    return len({_setting(run.config[key]) if key in run.config else None for run in runs}) > 1


def _repeats_folder(key: str, runs: Sequence[RunRecord]) -> bool:
    """Whether every run's value is a path through its own folder, or the folder's name made of overrides."""
    for run in runs:
        value, name = run.config.get(key), run.folder.resolve().name
        if not isinstance(value, str) or name not in PurePath(value).parts:
            return False
        if value == name and "=" not in name:  # a backbone that also names the folder is worth a column
            return False
    return True


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
