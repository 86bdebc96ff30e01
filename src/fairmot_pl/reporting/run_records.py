"""What the folder of a run says: its configuration, its metrics, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from fairmot_pl.evaluation.summary import OVERALL
from fairmot_pl.reporting.metrics_log import MetricsLog, read_metrics

CONFIG_NAME, METRICS_NAME = "config.yaml", "metrics.json"
SEQUENCES_NAME, PROVENANCE_NAME, SPLIT_NAME = "sequences.json", "provenance.json", "split.json"
LOG_NAME, CHANGES_NAME = "metrics.csv", "code.diff"
CAPSULE_NAME, FILES_NAME, PACKAGES_NAME = "capsule.json", "data_files.json", "packages.txt"
"""What a run is repeated and checked by; see `reproduction`."""

ERROR_NAME = "error.txt"
"""A failed job of a sweep leaves one line in it: why."""

RUN_MARKS = (CONFIG_NAME, METRICS_NAME, ERROR_NAME, ".hydra")
"""A folder with one of these is, or was to become, a run."""

OTHER_FOLDERS = ("wandb", "mlflow")
"""What else may lie in the folder of a sweep."""

SWEEP_MARK = "multirun.yaml"
"""Hydra leaves it in the folder of a sweep; each folder in there is a run."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a run's folder says.

    Args:
        name: what tells it from the others.
        folder: where it lies.
        config: dotted key to value; lists are values.
        metrics: flat, as in `metrics.json`.
        sequences: the metrics of each validation sequence by its name, without `val/`; empty where none are kept.
        provenance: environment, data, model and notes, as in `provenance.json`.
        split: which sequences served what, as in `split.json`.
        problem: why the run failed, where it says so, else what is wrong with the folder; empty if nothing.
    """

    name: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    sequences: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is nothing to compare."""
        return not self.metrics

    def recorded(self, part: str, key: str) -> Any:
        """An entry of a part of the provenance, such as `("data", "fingerprint")`; None where it is not there."""
        entries = self.provenance.get(part)
        return entries.get(key) if isinstance(entries, Mapping) else None

    def log(self) -> MetricsLog | None:
        """The metrics over time; None where the run keeps none.

        Raises:
            ValueError: the file is broken.
        """
        path = self.folder / LOG_NAME
        return read_metrics(path) if path.is_file() else None


def read_run(folder: Path | str, *, name: str | None = None) -> RunRecord:
    """Read a run's folder. A broken one is no error but a record that says its `problem`.

    Args:
        folder: holds `config.yaml` and `metrics.json`; other records are read where they are there.
        name: the folder's name by default.
    """
    folder = Path(folder)
    problems = []
    config: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    try:
        config = flat(_mapping(yaml.safe_load(_text(folder / CONFIG_NAME))))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problems.append(_first_line(CONFIG_NAME, error))
    try:
        found = flat(_mapping(json.loads(_text(folder / METRICS_NAME))))
        metrics = {key: float(value) for key, value in found.items() if isinstance(value, (int, float))}
        if not metrics:
            problems.append(f"{METRICS_NAME}: holds no figure")
    except (OSError, ValueError) as error:
        problems.append(_first_line(METRICS_NAME, error))
    records: dict[str, Mapping[str, Any]] = {}
    for record in (SEQUENCES_NAME, PROVENANCE_NAME, SPLIT_NAME):
        try:
            records[record] = _mapping(json.loads(_text(folder / record)))
        except FileNotFoundError:
            records[record] = {}
        except (OSError, ValueError) as error:
            problems.append(_first_line(record, error))
            records[record] = {}
    return RunRecord(
        name=name or folder.resolve().name,
        folder=folder,
        config=config,
        metrics=metrics,
        sequences=_by_sequence(records[SEQUENCES_NAME]),
        provenance=records[PROVENANCE_NAME],
        split=records[SPLIT_NAME],
        problem=_stated_error(folder) or "; ".join(problems),
    )


def read_record(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of a run's folder; empty where it is not there.

    Raises:
        ValueError: it is no JSON object.
    """
    path = folder / name
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}); without it the run cannot be compared") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds no keys and values; without them the run cannot be compared")
    return content


def find_runs(paths: Sequence[Path | str]) -> list[RunRecord]:
    """The runs in the given folders, each either a run itself or a folder that holds runs at any depth.

    Runs without metrics are found too, so that none goes missing from a table unnoticed.

    Raises:
        FileNotFoundError: a path is no folder, or nothing in it looks like a run.
    """
    found: dict[Path, RunRecord] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise FileNotFoundError(f"{path}: no such folder; give run folders or the folder of a sweep")
        folders = _run_folders(path)
        if not folders:
            raise FileNotFoundError(f"{path}: no run in this folder; a run has {CONFIG_NAME} and {METRICS_NAME}")
        for folder in folders:
            inner = folder.relative_to(path).as_posix()
            name = path.resolve().name if inner == "." else inner
            found.setdefault(folder.resolve(), read_run(folder, name=name))
    return _named_apart(list(found.values()))


def _run_folders(folder: Path) -> list[Path]:
    """Run folders at or below a folder; nothing is looked for inside a run."""
    if any((folder / mark).exists() for mark in RUN_MARKS):
        return [folder]
    is_sweep = (folder / SWEEP_MARK).is_file()
    found: list[Path] = []
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        if inner.name.startswith(".") or inner.name in OTHER_FOLDERS:
            continue
        below = _run_folders(inner)
        found += below or [inner] * is_sweep  # a job that fell over before it wrote anything is still a run
    return found


def _named_apart(runs: list[RunRecord]) -> list[RunRecord]:
    """The same runs; where two have one name, their whole path is the name."""
    names = [run.name for run in runs]
    return [replace(run, name=str(run.folder)) if names.count(run.name) > 1 else run for run in runs]


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name}")
    return path.read_text(encoding="utf-8")


def _stated_error(folder: Path) -> str:
    """What `error.txt` says, on one line; empty without one."""
    try:
        return " ".join((folder / ERROR_NAME).read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"holds {type(value).__name__}, not keys and values")
    return value


def _by_sequence(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The figures of each sequence, without those of all together."""
    return {
        name: {key: float(value) for key, value in figures.items() if isinstance(value, (int, float))}
        for name, figures in record.items()
        if name != OVERALL and isinstance(figures, Mapping)
    }


def flat(values: Mapping[str, Any], prefix: str = "", *, mark: str = ".") -> dict[str, Any]:
    """Nested keys as dotted ones, or with another `mark` between them; lists are values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}{mark}", mark=mark) if isinstance(value, Mapping) else {name: value}
    return found


def _first_line(name: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return str(error)
    return f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
