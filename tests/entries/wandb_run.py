"""Read an offline wandb run back."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2


@dataclass
class OfflineRun:
    project: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    keys: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, list[Path]] = field(default_factory=dict)
    files: Path = Path()
    ended: bool = False


PATIENCE = 60
"""Seconds in which a run that has ended is whole on disk; wandb writes it from a process of its own."""


def read_wandb_runs(folder: Path) -> list[OfflineRun]:
    """Every offline run under `folder/wandb`; all have ended."""
    return [_read_ended(path) for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb"))]


def _read_ended(path: Path) -> OfflineRun:
    until = time.monotonic() + PATIENCE
    while not (run := _read(path)).ended and time.monotonic() < until:
        time.sleep(0.1)
    assert run.ended, f"{path} does not say that the run has ended"
    return run


def _records(content: bytes, block: int = 32768, start: int = 7) -> Iterator[bytes]:
    """Records of a LevelDB log: checksum, length and type (1 whole, 2 first, 3 middle, 4 last), never across blocks."""
    position, record = start, b""
    while position + 7 <= len(content):
        if block - position % block < 7:
            position += block - position % block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if position + 7 + length > len(content):  # it is being written
            return
        record += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def _read(path: Path) -> OfflineRun:
    run = OfflineRun(files=path.parent / "files")
    for data in _records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.HasField("run"):
            run.project, run.group, run.name = record.run.project, record.run.run_group, record.run.display_name
            run.tags, run.job_type = list(record.run.tags), record.run.job_type
            _config(run, record.run.config.update)
        _config(run, record.config.update)
        if record.HasField("exit"):
            run.exit_code = record.exit.exit_code
        run.ended |= record.HasField("exit")
        if record.HasField("metric") and record.metric.name:
            run.steps[record.metric.name] = record.metric.step_metric
        if record.HasField("artifact"):
            places = [Path(entry.local_path) for entry in record.artifact.manifest.contents]
            run.artifacts[record.artifact.type] = run.artifacts.get(record.artifact.type, []) + places
        for item in record.summary.update:
            name, *within = item.nested_key or [item.key]
            if not within:  # what is within is about a file
                run.summary[name] = json.loads(item.value_json)
        if record.HasField("history"):
            items = record.history.item
            run.history.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
            run.keys |= set(run.history[-1])
            run.names |= {name for item in items if not (name := item.key or item.nested_key[0]).startswith("_")}
    return run


def _config(run: OfflineRun, updates: Any) -> None:
    for update in updates:
        run.config[update.key or update.nested_key[0]] = json.loads(update.value_json)
