"""What a run was made of: seed, versions, commit and a fingerprint of the data."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.mot_format import write_text
from fairmot_pl.reporting.code_history import commit, uncommitted
from fairmot_pl.reporting.run_records import CHANGES_NAME, PROVENANCE_NAME
from fairmot_pl.structures import AnnotatedSequence

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


def environment() -> dict[str, Any]:
    """Python, platform, package versions, device and git commit, as plain strings."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads",
        "git_commit": commit(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def write_provenance(folder: Path, record: Mapping[str, Any]) -> None:
    """Write `provenance.json`: the entries `environment`, `data`, `model` and `notes` of a run's record.

    Changes of the source that are in no commit go into `code.diff` beside it, when it is first written.
    """
    kept = {key: record[key] for key in ("environment", "data", "model", "notes") if key in record}
    if not (folder / PROVENANCE_NAME).exists() and (patch := uncommitted()):
        write_text(folder / CHANGES_NAME, patch + "\n")
    write_text(folder / PROVENANCE_NAME, json.dumps(kept, indent=2) + "\n")


def model_facts(model: FairMOT) -> dict[str, Any]:
    """What a network is, and what it costs: its parameters, and the bytes of an identity's float32 embedding."""
    dim = int(model.config["reid_dim"])
    return {
        "architecture": dict(model.config),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "embedding_dim": dim,
        "embedding_bytes": 4 * dim,
    }


def data_fingerprint(sequences: Iterable[AnnotatedSequence]) -> str:
    """A hash over every annotation and the name and size in bytes of every image: same data, same fingerprint."""
    digest = hashlib.sha256()
    for sequence in sequences:
        digest.update(f"{sequence.name} {sequence.frame_rate}".encode())
        for frame in sequence.frames:
            digest.update(f"{frame.image_path.name} {frame.frame} {frame.image_path.stat().st_size}".encode())
            for array in (frame.boxes, frame.identities, frame.classes):
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
