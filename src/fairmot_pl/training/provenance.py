"""What a run was made of: seed, versions, commit and a fingerprint of the data."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairmot_pl.mot_format import write_text
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
        "git_commit": git_commit(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def git_commit() -> str:
    """The commit that this source tree stands at, with `+changes` where files differ; `unknown` outside git."""
    source = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=source, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        if not git("ls-files", "--error-unmatch", __file__):
            return "unknown"
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def write_provenance(folder: Path, record: Mapping[str, Any]) -> None:
    """Write `provenance.json`: the entries `environment`, `data` and `notes` of a run's record."""
    kept = {key: record[key] for key in ("environment", "data", "notes") if key in record}
    write_text(folder / "provenance.json", json.dumps(kept, indent=2) + "\n")


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
