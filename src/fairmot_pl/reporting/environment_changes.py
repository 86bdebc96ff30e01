"""What of code, packages and machine is otherwise than when a run was made, and what that can have changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fairmot_pl.reporting.explanation import recorded_entries
from fairmot_pl.reporting.run_records import PACKAGES_NAME, RunRecord

CODE = "code "

_NETWORK = ("torch", "device", "processor", "gpus", "cuda", "python", "nvidia-")
_DECODERS = ("opencv", "pillow")
_AUGMENTATION = ("albumentations", "albucore", *_DECODERS, "numpy")

CAUSES: Mapping[str, tuple[str, ...]] = {
    "data": (),
    "weights": (
        "torch",
        "timm",
        "numpy",
        "pytorch-lightning",
        f"{CODE}models/",
        f"{CODE}losses/",
        f"{CODE}training/module",
    ),
    "files": (
        *("numpy", "torch", f"{CODE}data/"),
        *(f"{CODE}training/{part}" for part in ("annotated_data", "datamodule", "epoch_order")),
    ),
    "pixels": (*_DECODERS, "image cache", "processor", f"{CODE}data/image"),
    "draws": ("numpy", *_AUGMENTATION, f"{CODE}data/augment", f"{CODE}data/colour", f"{CODE}data/geometry"),
    "image": (*_AUGMENTATION, "image cache", "processor", f"{CODE}data/"),
    "targets": ("numpy", f"{CODE}codec/", f"{CODE}data/", f"{CODE}boxes", f"{CODE}letterbox"),
    "steps": (
        *(*_NETWORK, "timm", "pytorch-lightning"),
        *(f"{CODE}models/", f"{CODE}losses/", f"{CODE}codec/", f"{CODE}training/", f"{CODE}train.py", f"{CODE}data/"),
    ),
    "metrics": (
        *(*_NETWORK, *_DECODERS, "numpy", "scipy", "motmetrics"),
        *(f"{CODE}{part}/" for part in ("evaluation", "tracking", "inference", "models", "codec", "data", "training")),
    ),
}
"""By what differs, how the names of things begin that can cause it."""


class Change(NamedTuple):
    """One thing that is otherwise: its name, and what it was and is, in words."""

    name: str
    text: str


def environment_changes(runs: Sequence[RunRecord], code: tuple[Mapping[str, str], Mapping[str, str]]) -> list[Change]:
    """What differs between two runs in code, packages and machine.

    Args:
        runs: the earlier and the later one.
        code: of each, a hash of every module of the package by its name.
    """
    changes = []
    for file in sorted({**code[0], **code[1]}) if all(code) else ():
        before, after = (found.get(file) for found in code)
        if before != after:
            what = "is new" if before is None else "is gone" if after is None else "has other content"
            changes.append(Change(f"{CODE}{file}", f"src/fairmot_pl/{file} {what}"))
    entries = [_entries(run) for run in runs]
    for name in {**entries[0], **entries[1]} if all(entries) else ():
        before, after = (found.get(name, "not there") for found in entries)
        if before != after:
            changes.append(Change(name, f"{name}: {before} -> {after}"))
    return changes


def suspects(kind: str, changes: Iterable[Change]) -> list[Change]:
    """Those of the changes that can cause a difference of a kind of `CAUSES`."""
    beginnings = CAUSES.get(kind, ())
    return [change for change in changes if change.name.lower().startswith(beginnings)]


def _entries(run: RunRecord) -> dict[str, str]:
    """Machine, commit and every package by name."""
    found = recorded_entries(run.provenance.get("environment"))
    if (cache := run.recorded("data", "image cache")) is not None:
        found["image cache"] = str(cache)
    path = run.folder / PACKAGES_NAME
    if found and path.is_file():
        lines = (line.partition("==") for line in path.read_text(encoding="utf-8").splitlines())
        packages = {_name(name): version for name, _, version in lines if version}
        found = {name: packages.pop(_name(name), value) for name, value in found.items()} | packages
    return found


def _name(package: str) -> str:
    """A package's name as indexes compare them."""
    return package.lower().replace("_", "-").replace(".", "-")
