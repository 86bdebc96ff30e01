"""What a run was made of: command, seeds, versions, machine, commit and uncommitted changes."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import torch

from fairmot_pl.files import write_text
from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.reporting.code_history import commit, uncommitted
from fairmot_pl.reporting.run_records import CHANGES_NAME, PACKAGES_NAME, PROVENANCE_NAME

PACKAGES = (
    "fairmot-pl",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "hydra-core",
    "timm",
    "albumentations",
    "opencv-python-headless",
    "motmetrics",
    "scipy",
    "numpy",
    "wandb",
)


KEPT = ("command", "seeds", "environment", "resumed", "data", "model", "notes")
"""What of a run's record goes into `provenance.json`; its configuration has a file of its own."""


def environment() -> dict[str, Any]:
    """Python, platform, package versions, hardware and git commit, as plain strings."""
    cuda = torch.cuda.is_available()
    found = {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "processor": f"{processor_name()}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}",
        "memory": _memory(),
    }
    if cuda:
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        found["GPUs"] = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
        found["CUDA"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    return {**found, "git_commit": commit(), "packages": {name: _version(name) for name in PACKAGES}}


def seeds(config: Mapping[str, Any], prefix: str = "") -> dict[str, int]:
    """Every seed of a configuration by its dotted key."""
    found: dict[str, int] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= seeds(value, f"{prefix}{key}.")
        elif key == "seed" and value is not None:
            found[f"{prefix}{key}"] = value
    return found


def packages_text() -> str:
    """Every installed package as `name==version`, a line each: `pip install -r` takes it."""
    found = {(each.metadata["Name"] or "").lower(): f"{each.metadata['Name']}=={each.version}" for each in _installed()}
    return "".join(f"{line}\n" for _, line in sorted(found.items()))


def _installed() -> list[Any]:
    """Installed packages; of one that is there twice, the one that is imported comes last."""
    return [each for each in distributions() if each.metadata and each.metadata["Name"]][::-1]


def processor_name() -> str:
    """The name of the CPU, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, OSError, ValueError):  # another system
        return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def write_provenance(folder: Path, record: Mapping[str, Any]) -> None:
    """Write `provenance.json`: the entries of a run's record that `KEPT` names.

    When it is first written, every installed package goes into `packages.txt` beside it, and changes of the source
    that are in no commit into `code.diff`.
    """
    if not (folder / PROVENANCE_NAME).exists():
        write_text(folder / PACKAGES_NAME, packages_text())
        if patch := uncommitted():
            write_text(folder / CHANGES_NAME, patch + "\n")
    kept = {key: record[key] for key in KEPT if key in record}
    write_text(folder / PROVENANCE_NAME, json.dumps(kept, indent=2) + "\n")


def continued(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a run that goes on in its folder: how it was started stays, this start joins `resumed`.

    Where packages, machine or code are others than at the start, a note says so.
    """
    path = folder / PROVENANCE_NAME
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if "environment" not in before:
        return dict(record)
    now, then = _flat(record["environment"]), _flat(before["environment"])
    changed = {name: f"{then.get(name, '-')} -> {now.get(name, '-')}" for name in {**then, **now}}
    changed = {name: text for name, text in changed.items() if then.get(name) != now.get(name)}
    this = {"command": record["command"], "environment": changed}
    notes = list(record["notes"])
    if changed:
        notes.append("resumed in another environment: " + ", ".join(f"{name} {text}" for name, text in changed.items()))
    start = {key: before[key] for key in ("command", "environment") if key in before}
    return {**record, **start, "resumed": [*before.get("resumed", []), this], "notes": notes}


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in found.items() if key != "packages"}, **found.get("packages", {})}


def model_facts(model: FairMOT) -> dict[str, Any]:
    """What a network is, and what it costs: its parameters, and the bytes of an identity's float32 embedding."""
    dim = int(model.config["reid_dim"])
    return {
        "architecture": dict(model.config),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "embedding_dim": dim,
        "embedding_bytes": 4 * dim,
    }
