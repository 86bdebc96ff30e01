"""Runs of one setting belong together: they differ in their seed alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.run_records import RunRecord

Float = NDArray[np.float64]

SEED = "seed"

_RESUMED = "resume"
"""Where a run went on after a stop; it ends as if it had not been stopped, so this tells no runs apart."""

_WITHOUT_EFFECT = ("logger.", "data.num_workers")
"""Keys that change nothing that is measured."""

_DATA = "data fingerprint"

ORIGINS = {"git commit": ("environment", "git_commit"), _DATA: ("data", "fingerprint")}
"""Where the provenance says of what code and data a run is made."""

_REPEATED = "callbacks.tracking.tracker."
"""Keys that only repeat those of the node tracker."""


@dataclass(frozen=True, kw_only=True)
class RunGroup:
    """The runs of one setting, one a seed.

    Args:
        name: the setting in a few words, or the run's name where there are no seeds to group.
        settings: value as text of each key that differs between groups; keys that the runs lack are left out.
        runs: at least one; failed ones too.
    """

    name: str
    settings: Mapping[str, str]
    runs: tuple[RunRecord, ...]

    def values(self, metric: str) -> Float:
        """The figures of a metric, `(S,)`, of the runs that have it as a finite number."""
        found = [run.metrics.get(metric, math.nan) for run in self.runs]
        return np.array([value for value in found if math.isfinite(value)], np.float64)

    def mean(self, metric: str) -> float | None:
        """Mean over seeds; NaN where figures were logged, but no numbers, and None where none were."""
        values = self.values(metric)
        if len(values):
            return float(values.mean())
        return math.nan if any(metric in run.metrics for run in self.runs) else None

    def deviation(self, metric: str) -> float | None:
        """Standard deviation over seeds, estimated with n - 1; None with fewer than two."""
        values = self.values(metric)
        return float(values.std(ddof=1)) if len(values) > 1 else None

    def tested(self, metric: str) -> list[RunRecord]:
        """The runs that have figures of single sequences for a metric such as `val/HOTA`."""
        return [run for run in self.runs if not run.failed and self.sequences_of(run, metric)]

    def by_sequence(self, metric: str, sequences: Sequence[str]) -> Float:
        """`(S, n)`: the metric of each of the tested runs on each of the sequences."""
        short = metric.rsplit("/", 1)[-1]
        rows = [[run.sequences[name][short] for name in sequences] for run in self.tested(metric)]
        return np.array(rows, np.float64).reshape(len(rows), len(sequences))

    @staticmethod
    def sequences_of(run: RunRecord, metric: str) -> set[str]:
        """The sequences for which a run has the metric as a finite number."""
        short = metric.rsplit("/", 1)[-1]
        return {name for name, figures in run.sequences.items() if math.isfinite(figures.get(short, math.nan))}


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Runs sorted into settings.

    Args:
        keys: configuration keys whose values tell the groups apart.
        run_keys: those that tell the runs apart: the seed too.
        groups: in the order of their settings.
    """

    keys: tuple[str, ...]
    run_keys: tuple[str, ...]
    groups: tuple[RunGroup, ...]

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, group by group."""
        return tuple(run for group in self.groups for run in group.runs)

    @property
    def has_seeds(self) -> bool:
        """Whether any setting was run more than once."""
        return any(len(group.runs) > 1 for group in self.groups)


def group_runs(runs: Sequence[RunRecord]) -> Grouping:
    """Sort runs into groups that differ in more than the seed.

    Keys whose value merely repeats the run's own folder, or that change nothing that is measured, tell no groups apart.
    A run without a configuration is a group of its own.
    """
    run_keys = tuple(key for key in _without_implied(differing_keys(runs), runs) if key != _RESUMED)
    keys = tuple(key for key in run_keys if key != SEED and not key.startswith(_WITHOUT_EFFECT))
    for origin in ORIGINS:
        alike = _alike(runs, keys)
        if any(len({_value(run, origin) for run in members}) > 1 and _tells(origin, members) for members in alike):
            keys += (origin,)
    alike = _alike(runs, keys)
    if len(runs) == 2 or all(len(members) == 1 for members in alike):
        groups = [_group([run], run_keys, name=run.name) for run in runs]
        return Grouping(keys=run_keys, run_keys=run_keys, groups=tuple(groups))
    groups = [_group(members, keys) for members in alike]
    groups.sort(key=lambda group: [natural(group.settings.get(key, "")) for key in keys])
    groups.sort(key=lambda group: not group.runs[0].config)
    return Grouping(keys=keys, run_keys=run_keys, groups=tuple(groups))


def _tells(origin: str, members: Sequence[RunRecord]) -> bool:
    """Whether runs of one setting that differ in code or data are two settings rather than seeds of one.

    Other data always are. A sweep may be finished on later code, but nobody runs one seed twice on the same code.
    """
    return origin == _DATA or len({_value(run, SEED) for run in members}) < len(members)


def _without_implied(keys: Sequence[str], runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """Keys without the options of a choice that always go with its name, as `loss.weighting.reid` does."""
    kept = []
    for key in keys:
        name = f"{key.rpartition('.')[0]}.name"
        pairs = {(_value(run, name), _value(run, key)) for run in runs if run.config}
        if key == name or name not in keys or len(pairs) > len({first for first, _ in pairs}):
            kept.append(key)
    return tuple(kept)


def _alike(runs: Sequence[RunRecord], keys: Sequence[str]) -> list[list[RunRecord]]:
    """Runs sorted by their values of some keys."""
    sorted_in: dict[Any, list[RunRecord]] = {}
    for index, run in enumerate(runs):
        place = tuple(_value(run, key) for key in keys) if run.config else index
        sorted_in.setdefault(place, []).append(run)
    return list(sorted_in.values())


def _value(run: RunRecord, key: str) -> str | None:
    """A setting as text; None where the run has none."""
    if key in ORIGINS:
        found = run.recorded(*ORIGINS[key])
        return None if found is None else _shortened(str(found))
    return setting_text(run.config[key]) if key in run.config else None


def _shortened(commit: str) -> str:
    """A hash by its first digits, with what is behind it."""
    return re.sub(r"^([0-9a-f]{8})[0-9a-f]+", r"\1", commit)


def differing_keys(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """The configuration keys in which runs differ, save those that only repeat the run's own folder or its seed."""
    configured = [run for run in runs if run.config]
    keys = dict.fromkeys(key for run in configured for key in run.config)
    return tuple(
        key
        for key in keys
        if _differs(key, configured)
        and not _repeats_folder(key, configured)
        and not _repeats_seed(key, configured)
        and not key.startswith(_REPEATED)
    )


def setting_text(value: Any) -> str:
    """A configuration value as YAML would show it to a reader."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def short_keys(keys: Sequence[str]) -> list[str]:
    """Keys by their last parts, as few as tell them apart; a last `name` says nothing."""
    whole = [key.removesuffix(".name") for key in keys]
    shortened = []
    for key in whole:
        parts = key.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        unique = (end for end in ends if sum(f".{other}".endswith(f".{end}") for other in whole) == 1)
        shortened.append(next(unique, key))
    return shortened


def _group(members: Sequence[RunRecord], keys: Sequence[str], *, name: str = "") -> RunGroup:
    settings = {key: value for key in keys if (value := _value(members[0], key)) is not None}
    words = [f"{short}={settings[key]}" for key, short in zip(keys, short_keys(keys), strict=True) if key in settings]
    name = name or ", ".join(words) or ("all runs" if len(members) > 1 else members[0].name)
    return RunGroup(name=name, settings=settings, runs=tuple(members))


def natural(text: str) -> list[tuple[int, float, str]]:
    """Numbers within a text sort by value: 64 before 128."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(0, float(part), "") if index % 2 else (1, 0.0, part) for index, part in enumerate(parts)]


def _differs(key: str, runs: Sequence[RunRecord]) -> bool:
    return len({setting_text(run.config[key]) if key in run.config else None for run in runs}) > 1


def _repeats_seed(key: str, runs: Sequence[RunRecord]) -> bool:
    """Whether the key is the seed again in every run, as `data.seed` is."""
    return key != SEED and all(SEED in run.config and run.config.get(key) == run.config[SEED] for run in runs)


def _repeats_folder(key: str, runs: Sequence[RunRecord]) -> bool:
    """Whether every run's value is a path through its own folder, or the folder's name made of overrides."""
    for run in runs:
        value, name = run.config.get(key), run.folder.resolve().name
        if not isinstance(value, str) or name not in PurePath(value).parts:
            return False
        if value == name and "=" not in name:  # a backbone that also names the folder is worth a column
            return False
    return True
