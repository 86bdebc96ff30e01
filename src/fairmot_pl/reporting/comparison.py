"""Several runs side by side: what differs in their configurations, what came of it, and which differences are real."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairmot_pl.reporting.grouping import ORIGINS, Grouping, RunGroup, group_runs, setting_text
from fairmot_pl.reporting.run_records import RunRecord
from fairmot_pl.reporting.significance import LEVEL
from fairmot_pl.reporting.text_tables import Cell, Mark, TextTable
from fairmot_pl.reporting.verdicts import Verdict, best_of, judge
from fairmot_pl.reporting.wording import figure_text, is_fraction

MAIN_METRICS = ("val/HOTA", "val/DetA", "val/AssA", "val/MOTA", "val/IDF1", "val/IDSW")

_TASK_LOSSES, _TOTAL_LOSS = "train/loss/", "train/loss/total"

_OF_THE_FOUND = ("val/HOTA", "val/IDF1")
"""Metrics that are 0 where no person was found and nowhere else; the first that runs have tells."""

_ABSENT = "-"

_LONGEST_PROBLEM = 90
"""Characters of a reason in a table, which a long one would tear apart; `comparison.csv` has all of it."""


@dataclass(frozen=True, kw_only=True)
class ComparisonTable:
    """A table of settings, or of runs where each setting was run once.

    Args:
        grouping: the runs, sorted into settings.
        metrics: the metrics shown.
        verdicts: by metric, one for each group.
    """

    grouping: Grouping
    metrics: tuple[str, ...]
    verdicts: Mapping[str, Sequence[Verdict]]

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """All runs."""
        return self.grouping.runs

    @property
    def keys(self) -> tuple[str, ...]:
        """Configuration keys that differ between the rows."""
        return self.grouping.keys

    def best(self, metric: str) -> frozenset[str]:
        """Names of the rows with the best mean of a metric, see `best_of`."""
        groups = self.grouping.groups
        return frozenset(groups[place].name for place in best_of(groups, metric))

    def text(self) -> str:
        """Aligned columns for a terminal, with a legend and the notes."""
        return "\n".join([self.table().text(), *self._below(best="* best", noise="~")])

    def markdown(self) -> str:
        """A Markdown table with legend and notes; of all runs too, where they were averaged."""
        parts = [self.table().markdown(), *self._below(best="**bold**: best", noise="~", gap="")]
        if self.grouping.has_seeds:
            parts += ["", self.of_runs().table().markdown()]
        return "\n".join(parts) + "\n"

    def latex(self) -> str:
        """A LaTeX table (booktabs); legend and notes are comments."""
        remarks = [f"% {line}" for line in self._below(best="bold: best", noise="tilde", gap="") if line]
        return "\n".join([self.table().latex(), *remarks]) + "\n"

    def csv(self) -> str:
        """One row a run: comma-separated, figures in full precision, empty where a run has none."""
        keys = self.grouping.run_keys
        rows = [
            [
                run.name,
                *(setting_text(run.config[key]) if key in run.config else "" for key in keys),
                *(run.metrics.get(name, "") for name in self.metrics),
                run.problem,
            ]
            for run in self.runs
        ]
        return _csv([["run", *keys, *self.metrics, "problem"], *rows])

    def settings_csv(self) -> str:
        """One row a setting: means, deviations over seeds and verdicts, in full precision."""
        parts = ("mean", "sd", "verdict", "difference to best", "low", "high", "p")
        header = ["setting", *self.keys, "runs", *(f"{name} {part}" for name in self.metrics for part in parts)]
        rows: list[list[Any]] = [header]
        for place, group in enumerate(self.grouping.groups):
            row: list[Any] = [group.name, *(group.settings.get(key, "") for key in self.keys), len(group.runs)]
            for name in self.metrics:
                verdict = self.verdicts[name][place]
                figures = (verdict.difference, verdict.low, verdict.high, verdict.p)
                row += [group.mean(name), group.deviation(name), "" if verdict.kind == "none" else verdict.kind]
                row += [figure if math.isfinite(figure) else "" for figure in figures]
            rows.append(["" if value is None else value for value in row])
        return _csv(rows)

    def of_runs(self) -> ComparisonTable:
        """The same runs, one row each, without verdicts: seeds are no settings."""
        groups = [
            RunGroup(
                name=run.name,
                settings={key: setting_text(run.config[key]) for key in self.grouping.run_keys if key in run.config},
                runs=(run,),
            )
            for run in self.runs
        ]
        keys = self.grouping.run_keys
        apart = Grouping(keys=keys, run_keys=keys, groups=tuple(groups))
        silent = {name: [Verdict(kind="none")] * len(groups) for name in self.metrics}
        return ComparisonTable(grouping=apart, metrics=self.metrics, verdicts=silent)

    def without_keys(self) -> ComparisonTable:
        """The same rows by their names alone."""
        return replace(self, grouping=replace(self.grouping, keys=()))

    def notes(self) -> list[str]:
        """What must be known to read the table rightly."""
        kinds = {verdict.kind for found in self.verdicts.values() for verdict in found}
        notes = _nobody_found(self.runs)
        if kinds & {"noise", "worse"} and any(len(group.runs) == 1 for group in self.grouping.groups):
            networks = {str(run.config.get("checkpoint")) for run in self.runs}
            notes.append(
                "one network: the test speaks of it on other videos, not of what the settings give with others; train "
                "several (seed=1,2,3) and run this with each"
                if len(networks) == 1 and networks != {"None"}
                else "one seed: the test then speaks of these networks on other videos, not of what the settings give "
                "with other seeds; run each setting with several (seed=1,2,3)"
            )
        reasons = dict.fromkeys(verdict.why for found in self.verdicts.values() for verdict in found if verdict.why)
        notes += [f"not tested whether differences are more than noise: {why}" for why in reasons]
        for key, (part, entry) in ORIGINS.items():
            found = {str(value) for run in self.runs if (value := run.recorded(part, entry)) is not None}
            if len(found) > 1:
                notes.append(
                    f"the runs are of {len(found)} different {_PLURAL[key]}: settings are not all that differs"
                )
        return notes

    def table(self) -> TextTable:
        """Header and rows as text, with marks."""
        groups = self.grouping.groups
        seeds = self.grouping.has_seeds
        problems = [_problems(group, named=not (seeds and self.keys)) for group in groups]
        shown = [f"{name} %" if is_fraction(name) else name for name in self.metrics]
        first = [] if seeds and self.keys else ["run"]
        header = [*first, *self.keys, *(["runs"] if seeds else []), *shown, *(["problem"] if any(problems) else [])]
        text_columns = len(first) + len(self.keys)
        rows = []
        for place, group in enumerate(groups):
            row = [Cell(group.name)] * len(first)
            row += [Cell(group.settings.get(key, _ABSENT)) for key in self.keys]
            if seeds:
                row.append(Cell(str(sum(not run.failed for run in group.runs))))
            row += [Cell(_figure(group, name), _mark(self.verdicts[name][place])) for name in self.metrics]
            problem = textwrap.shorten(problems[place], _LONGEST_PROBLEM, placeholder=" ...")
            rows.append([*row, *([Cell(problem)] if any(problems) else [])])
        figures = [text_columns <= place < text_columns + seeds + len(shown) for place in range(len(header))]
        return TextTable(header=header, rows=rows, figures=figures)

    def _below(self, *, best: str, noise: str, gap: str = "") -> Iterable[str]:
        kinds = {verdict.kind for found in self.verdicts.values() for verdict in found}
        lines = []
        if "best" in kinds:
            lines.append(
                best + (" mean over seeds; ± standard deviation over seeds" if self.grouping.has_seeds else "")
            )
        if "noise" in kinds:
            lines.append(f"{noise} within noise of the best: {TEST_IN_WORDS}")
        lines += self.notes()
        return [gap, *lines] if lines else []


TEST_IN_WORDS = (
    f"no difference at {LEVEL:.0%} between means over sequences, paired by sequence, seeds counted in, "
    "adjusted for all pairs of settings"
)

_PLURAL = {"git commit": "commits of the code", "data fingerprint": "data sets (fingerprints)"}


def comparison_table(runs: Sequence[RunRecord], *, metrics: Sequence[str] = MAIN_METRICS) -> ComparisonTable:
    """Put runs side by side, those of one setting averaged, with only the configuration keys in which they differ.

    A metric that no run has is left out. Where none is left, the raw losses of the tasks stand in; not their total,
    which each weighting counts in its own way.

    Args:
        runs: as `find_runs` gives them.
        metrics: keys of `metrics.json`, in the order wanted.

    Raises:
        ValueError: no runs.
    """
    if not runs:
        raise ValueError("there are no runs to compare; give at least one run folder")
    grouping = group_runs(runs)
    present = [name for name in metrics if any(name in run.metrics for run in runs)] or _task_losses(runs)
    verdicts = {name: judge(grouping.groups, name) for name in present}
    return ComparisonTable(grouping=grouping, metrics=tuple(present), verdicts=verdicts)


def _nobody_found(runs: Sequence[RunRecord]) -> list[str]:
    """What to do where no validated run has found a person: their figures then compare nothing."""
    told = next((name for name in _OF_THE_FOUND if any(name in run.metrics for run in runs)), "")
    if not told or any(run.metrics.get(told) for run in runs):
        return []
    return [f"no run found anybody: {told} is 0 in all; train longer, or lower tracker.score_threshold"]


def _task_losses(runs: Sequence[RunRecord]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    return [name for name in names if name.startswith(_TASK_LOSSES) and name != _TOTAL_LOSS]


def _figure(group: RunGroup, metric: str) -> str:
    mean, deviation = group.mean(metric), group.deviation(metric)
    if mean is None:
        return _ABSENT
    return figure_text(metric, mean) + (f" ± {figure_text(metric, deviation)}" if deviation is not None else "")


def _mark(verdict: Verdict) -> Mark:
    return verdict.kind if verdict.kind in ("best", "noise", "worse") else ""


def _problems(group: RunGroup, *, named: bool) -> str:
    """What is wrong with the runs of a group, in a cell; of one that its row does not name, the name too."""
    stated = [f"failed: {run.problem}" if run.failed else run.problem for run in group.runs]
    if len(group.runs) == 1 and stated[0] and not named:
        return f"{group.name} {stated[0]}"
    found = list(dict.fromkeys(text for text in stated if text))
    failed = sum(run.failed for run in group.runs)
    if len(group.runs) > 1 and failed:
        return (
            f"{failed} of {len(group.runs)} runs failed: {'; '.join(text.removeprefix('failed: ') for text in found)}"
        )
    return "; ".join(found)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
