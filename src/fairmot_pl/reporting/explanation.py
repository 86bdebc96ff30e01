"""Why two runs came out differently: what differs in configuration, data, code and result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairmot_pl.reporting.code_history import changes_between
from fairmot_pl.reporting.grouping import SEED, RunGroup, differing_keys, setting_text
from fairmot_pl.reporting.run_records import CHANGES_NAME, RunRecord
from fairmot_pl.reporting.significance import LEVEL
from fairmot_pl.reporting.text_tables import Cell, TextTable
from fairmot_pl.reporting.verdicts import compare_groups
from fairmot_pl.reporting.wording import figure_text, lower_is_better, signed_text

Rows = Sequence[tuple[str, str, str]]
"""A name and the two runs' values."""

COMMIT, CHANGES = "git commit", "uncommitted changes"

_ABSENT = "-"

_SAME_FIGURES = ("network outputs",)
"""Entries of the data's record that change no figure: a network's outputs are the same, live or replayed."""

_OFFLINE = "offline/"

_NAMED_ALONE = 4
"""Sequences that differ in the same way get a row each up to so many, and one row together beyond."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Two runs, A and B, side by side.

    Args:
        names: of A and B.
        settings: configuration keys that differ.
        data: what differs in the data and in who trains and who validates.
        code: what differs in commit, uncommitted changes, packages and machine.
        changed_files: which files of the source changed between the commits, where that can be found out.
        figures: each metric with the overall figures of A and B, NaN where one has none.
        sequences: by metric, each common sequence with the figures of A and B.
        verdicts: by metric, a sentence on whether the difference is more than noise.
        unknown: what a run does not record, so that nothing can be said of it.
    """

    names: tuple[str, str]
    settings: Rows
    data: Rows
    code: Rows
    changed_files: Sequence[str]
    figures: Sequence[tuple[str, float, float]]
    sequences: Mapping[str, Sequence[tuple[str, float, float]]]
    verdicts: Mapping[str, str]
    unknown: Sequence[str]

    def headline(self) -> str:
        """What differs and what came of it, in one sentence."""
        if not self.figures and {"the configuration", "the data", "the code"} <= set(self.unknown):
            return "Nothing can be said of why they differ: the runs do not both record what they were."
        settings = [key for key, *_ in self.settings]
        code = [key for key, *_ in self.code]
        parts = ["the seed alone" if settings == [SEED] else f"{len(settings)} setting{'s' * (len(settings) > 1)}"]
        parts = parts if settings else []
        parts += ["the data"] if self.data else []
        parts += ["the code"] if COMMIT in code or CHANGES in code else []
        parts += ["versions or machine"] if set(code) - {COMMIT, CHANGES} else []
        differ = (
            f"They differ in {_listed(parts)}" if parts else "Nothing differs in settings, data and code as recorded"
        )
        if not self.figures:
            return f"{differ}; they have no figure in common."
        metric, first, second = self.figures[0]
        name = metric.removeprefix("val/")
        others = [name.removeprefix("val/") for name, a, b in self.figures if a != b and (a == a or b == b)]
        if not others:
            return f"{differ}; all their figures are equal."
        if first == second:
            return f"{differ}; {name} is {figure_text(metric, first)} in both, not so {_listed(others)}."
        return f"{differ}; {name} goes from {figure_text(metric, first)} to {figure_text(metric, second)}."

    def tables(self) -> Iterable[tuple[str, TextTable]]:
        """Everything that differs, as titled tables."""
        for title, rows in (("Settings", self.settings), ("Data", self.data), ("Code and machine", self.code)):
            if rows:
                cells = [[Cell(cell) for cell in row] for row in rows]
                yield title, TextTable(header=["", "A", "B"], rows=cells, figures=[False] * 3)
        if self.figures:
            yield "Result", _figures_table([(name, name, a, b) for name, a, b in self.figures])
        for metric, found in self.sequences.items():
            table = _figures_table([(name, metric, a, b) for name, a, b in found])
            yield f"{metric.removeprefix('val/')} of each sequence", table

    def text(self) -> str:
        """All of it for a terminal."""
        blocks = [f"A  {self.names[0]}\nB  {self.names[1]}", self.headline()]
        blocks += [f"{title}\n{table.text()}" for title, table in self.tables()]
        if self.changed_files:
            blocks.append("\n".join(["Changed in the source between the commits", *self.changed_files]))
        return "\n\n".join([*blocks, *self.remarks()])

    def remarks(self) -> list[str]:
        """Sentences on noise, and on what could not be compared."""
        remarks = list(self.verdicts.values())
        if self.unknown:
            remarks.append(f"Not compared, since not recorded by both runs: {', '.join(self.unknown)}.")
        return remarks


def explain(first: RunRecord, second: RunRecord, metrics: Sequence[str]) -> Explanation:
    """Hold two runs against each other.

    Args:
        first: run A.
        second: run B.
        metrics: keys of `metrics.json` to look at, the most important first.
    """
    runs = (first, second)
    shown = [metric for metric in metrics if any(metric in run.metrics for run in runs)]
    refined = [name for metric in shown if any((name := _refined(metric)) in run.metrics for run in runs)]
    groups = [RunGroup(name=run.name, settings={}, runs=(run,)) for run in runs]
    commits = [str(run.recorded("environment", "git_commit") or "") for run in runs]
    sequences = {metric: rows for metric in shown if (rows := _by_sequence(groups, metric))}
    wanted = {
        "the configuration": [run.config for run in runs],
        "the data": [run.recorded("data", "fingerprint") for run in runs],
        "the split": [run.split for run in runs],
        "the code": [run.recorded("environment", "git_commit") for run in runs],
        "figures of single sequences": [run.sequences for run in runs],
    }
    return Explanation(
        names=(first.name, second.name),
        settings=_differing(
            (key, *(setting_text(run.config[key]) if key in run.config else _ABSENT for run in runs))
            for key in (differing_keys(runs) if first.config and second.config else ())
        ),
        data=[*_recorded(runs, "data"), *_split_rows(first.split, second.split)],
        code=[*_recorded(runs, "environment", {"git_commit": COMMIT}), *_uncommitted(runs)],
        changed_files=changes_between(*commits),
        figures=[
            (name, first.metrics.get(name, math.nan), second.metrics.get(name, math.nan))
            for name in dict.fromkeys([*shown, *refined])
        ],
        sequences=sequences,
        verdicts={metric: _verdict(groups, metric) for metric in sequences},
        unknown=[name for name, found in wanted.items() if not all(found)],
    )


def _refined(metric: str) -> str:
    """The same metric of results refined offline."""
    side, _, name = metric.partition("/")
    return f"{side}/{_OFFLINE}{name}"


def _figures_table(rows: Sequence[tuple[str, str, float, float]]) -> TextTable:
    """Rows of name, metric and the two figures, with their difference."""
    cells = []
    for name, metric, a, b in rows:
        texts = [name, *(_ABSENT if math.isnan(value) else figure_text(metric, value) for value in (a, b))]
        cells.append([Cell(text) for text in [*texts, _ABSENT if math.isnan(b - a) else signed_text(metric, b - a)]])
    return TextTable(header=["", "A", "B", "B - A"], rows=cells, figures=[False, True, True, True])


def _verdict(groups: Sequence[RunGroup], metric: str) -> str:
    name = metric.removeprefix("val/")
    found = compare_groups(groups[0], groups[1], metric)
    if isinstance(found, str):
        return f"{name}: not tested, {found}."
    if float(found.mean) == 0:
        return f"{name}: equal on every sequence."
    interval = f"{signed_text(metric, float(found.low))} to {signed_text(metric, float(found.high))}"
    said = (
        f"{name}: {signed_text(metric, float(found.mean))} as mean over sequences, {1 - LEVEL:.0%} interval {interval}"
    )
    if float(found.p) >= LEVEL:
        return f"{said}: within noise (p = {float(found.p):.2g})."
    better = "A" if (float(found.mean) > 0) == lower_is_better(metric) else "B"
    return f"{said}: more than the chance of sequences; network {better} is better (p = {float(found.p):.2g})."


def _by_sequence(groups: Sequence[RunGroup], metric: str) -> list[tuple[str, float, float]]:
    runs = [group.runs[0] for group in groups]
    common = sorted(set.intersection(*(RunGroup.sequences_of(run, metric) for run in runs)))
    short = metric.rsplit("/", 1)[-1]
    return [(name, runs[0].sequences[name][short], runs[1].sequences[name][short]) for name in common]


def _recorded(runs: Sequence[RunRecord], part: str, renamed: Mapping[str, str] | None = None) -> Rows:
    """Entries of a part of the provenance that differ, those of mappings within one by one."""
    entries = [recorded_entries(run.provenance.get(part)) for run in runs]
    if not all(entries):
        return []
    names = dict.fromkeys(name for found in entries for name in found)
    return _differing(
        ((renamed or {}).get(name, name), *(found.get(name, _ABSENT) for found in entries))
        for name in names
        if name not in _SAME_FIGURES
    )


def recorded_entries(part: Any) -> dict[str, str]:
    """Entries of a part of the provenance as text, those of mappings within beside the others."""
    flat: dict[str, str] = {}
    for name, value in part.items() if isinstance(part, Mapping) else ():
        flat |= {k: str(v) for k, v in value.items()} if isinstance(value, Mapping) else {name: str(value)}
    return flat


def _split_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> Rows:
    """Sequences that only one run trains or validates on, or of which the runs see other frames."""
    if not first or not second:
        return []
    rows = []
    for side in ("train", "val"):
        known = [_frames_of(split.get(side)) for split in (first, second)]
        alike: dict[tuple[str, ...], list[str]] = {}
        for name in sorted(set(known[0]) | set(known[1])):
            alike.setdefault(tuple(found.get(name, "not there") for found in known), []).append(name)
        for texts, names in alike.items():
            cut = len(names) if len(names) <= _NAMED_ALONE else 1
            rows += [(f"{side}: {name}", *texts) for name in names[:cut]]
            if names[cut:]:
                rows[-1] = (f"{rows[-1][0]} and {len(names) - cut} more", *texts)
    return _differing(rows)


def _frames_of(sets: Any) -> dict[str, str]:
    """Which frames of each sequence, in words."""
    found = {}
    for sequences in sets.values() if isinstance(sets, Mapping) else ():
        for name, entry in sequences.items():
            spans = ", ".join(f"{low} to {high}" for low, high in entry.get("ranges", [])[:4])
            found[name] = f"{entry.get('frames', '?')} frames ({spans})"
    return found


def _uncommitted(runs: Sequence[RunRecord]) -> Rows:
    patches = []
    for run in runs:
        path = run.folder / CHANGES_NAME
        patches.append(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")
    if patches[0] == patches[1]:
        return []
    texts = [f"{len(patch.splitlines())} lines ({CHANGES_NAME})" if patch else "none" for patch in patches]
    return [(CHANGES, texts[0], texts[1])]


def _differing(rows: Iterable[Sequence[str]]) -> list[tuple[str, str, str]]:
    return [(name, a, b) for name, a, b in rows if a != b]


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
