"""Find and read checkpoints, with errors that say which file and why."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairmot_pl.models.load_report import LoadReport
from fairmot_pl.models.start import MismatchError, start_network
from fairmot_pl.models.weights_file import WeightsError, read_weights_file, write_weights_file
from fairmot_pl.training.module import FairMOTModule

log = logging.getLogger(__name__)


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
        content = read_weights_file(path)
    except (WeightsError, FileNotFoundError) as error:
        raise CheckpointError(f"checkpoint {error}") from error
    if not {"state_dict", "hyper_parameters"} <= content.keys():
        raise CheckpointError(
            f"checkpoint {path} is not one of this package's training runs (no state_dict with hyper_parameters); "
            f"a release of the reference becomes one: python -m fairmot_pl.import_weights {path}"
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


def write_checkpoint(module: FairMOTModule, path: Path) -> None:
    """Write a module that no trainer holds as a checkpoint that rebuilds it.

    Raises:
        FileExistsError: there is such a file.
        OSError: the file cannot be written.
    """
    content = {
        "state_dict": module.state_dict(),
        "hyper_parameters": dict(module.hparams),
        "pytorch-lightning_version": version("pytorch-lightning"),
        "epoch": 0,
        "global_step": 0,
    }
    write_weights_file(path, content)


def trained_input_size(path: Path) -> tuple[int, int] | None:
    """`(height, width)` at which a checkpoint of this package was trained; None for other files."""
    if path.suffix != ".ckpt":
        return None
    content = read_checkpoint(path)
    size = content.get("FairMOTDataModule", {}).get("input_size")
    return (int(size[0]), int(size[1])) if size else None


def start_from(module: FairMOTModule, path: Path) -> LoadReport:
    """Take the network's weights from another file; classifier, loss weights and optimiser stay fresh.

    Args:
        module: its network gets the weights.
        path: a checkpoint of this package, a release of the reference, or a CenterNet detector in its layout, which
            leaves fresh what it has not (see `start_network`).

    Returns:
        What was read, what stays fresh and why; the latter is also logged, entry by entry.

    Raises:
        CheckpointError: the other network is built otherwise; the first differing setting is named.
        WeightsError: the file cannot be read or does not fit.
    """
    try:
        report = start_network(module.model, path)
    except MismatchError as error:
        raise CheckpointError(
            f"model.init_from={path} has {error.key}={error.theirs}, this run has model.{error.key}={error.mine}; "
            f"set model.{error.key}={error.theirs} or start from another checkpoint"
        ) from error
    for reason in dict.fromkeys(report.fresh.values()):
        names = [name for name, given in report.fresh.items() if given == reason]
        log.info("model.init_from: %s not from the file: %s", ", ".join(names), reason)
    return report
