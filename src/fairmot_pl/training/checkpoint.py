"""Find and read checkpoints, with errors that say which file and why."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from fairmot_pl.models.weights import load_fairmot
from fairmot_pl.training.module import FairMOTModule


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names the file and the remedy."""


def find_checkpoint(path: str | Path) -> Path:
    """A checkpoint file from its own path or from the folder of a run: the best one, else the last.

    Raises:
        CheckpointError: there is none.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return path
    for candidate in (
        path / "checkpoints" / "best.ckpt",
        path / "checkpoints" / "last.ckpt",
        path / "best.ckpt",
        path / "last.ckpt",
    ):
        if candidate.is_file():
            return candidate
    what = (
        f"a folder without checkpoints/best.ckpt or last.ckpt in it (it holds {_listing(path)})"
        if path.is_dir()
        else "not there"
    )
    raise CheckpointError(f"checkpoint {path} is {what}; name a .ckpt file or the folder of a training run")


def _listing(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())[:5]
    return ", ".join(names) or "nothing"


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a Lightning checkpoint of this package, tensors on the CPU.

    Raises:
        CheckpointError: truncated, or made by something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, OSError, ValueError, KeyError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"checkpoint {path} cannot be read; it is cut short or no checkpoint ({first_line})"
        ) from error
    if not isinstance(content, dict) or not {"state_dict", "hyper_parameters"} <= content.keys():
        raise CheckpointError(
            f"checkpoint {path} is not one of this package's training runs (no state_dict with hyper_parameters)"
        )
    return content


def load_module(path: Path) -> FairMOTModule:
    """Rebuild the module of a checkpoint: network, classifier and loss weights.

    Raises:
        CheckpointError: the file cannot be read, or its weights do not fit its own hyper-parameters.
    """
    content = read_checkpoint(path)
    try:
        module = FairMOTModule(**content["hyper_parameters"])
        module.load_state_dict(content["state_dict"])
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(f"checkpoint {path} does not fit this version of the package: {error}") from error
    return module


def trained_input_size(path: Path) -> tuple[int, int] | None:
    """`(height, width)` at which a checkpoint of this package was trained; None for other files."""
    if path.suffix != ".ckpt":
        return None
    content = read_checkpoint(path)
    size = content.get("FairMOTDataModule", {}).get("input_size")
    return (int(size[0]), int(size[1])) if size else None


def start_from(module: FairMOTModule, path: Path) -> None:
    """Take the network's weights from another checkpoint; classifier, loss weights and optimiser stay fresh.

    Raises:
        CheckpointError: the other network is built otherwise; the first differing setting is named.
    """
    other = load_fairmot(path)
    mine, theirs = module.model.config, other.config
    for key in ("backbone", "reid_dim", "box_encoding", "deformable", "num_classes", "head_channels"):
        if mine[key] != theirs[key]:
            raise CheckpointError(
                f"model.init_from={path} has {key}={theirs[key]}, this run has model.{key}={mine[key]}; "
                f"set model.{key}={theirs[key]} or start from another checkpoint"
            )
    module.model.load_state_dict(other.state_dict())
