"""Read a network from a file, strictly and safely, and write it back in the reference's layout."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from fairmot_pl.models import reference_layout
from fairmot_pl.models.fairmot import FairMOT, build_fairmot

CONFIG_KEYS = ("backbone", "reid_dim", "box_encoding", "deformable", "num_classes", "head_channels")
"""Hyper-parameters of a Lightning checkpoint that rebuild its network."""

_NETWORK_PREFIX = "model."
_REPLICA_PREFIX = "module."
_NAMED_IN_ERRORS = 6

_log = logging.getLogger(__name__)


class WeightsError(ValueError):
    """A file that is no readable FairMOT network; the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What became of every entry of a weights file.

    Args:
        path: the file.
        matched: names, in the network, of the entries that were read.
        renamed: file's name to network's name, for those of them that the file calls otherwise.
        skipped: file's name to the reason, for entries that are no part of the network.
    """

    path: Path
    matched: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """The report in one line."""
        reasons = "; ".join(f"{count} x {reason}" for reason, count in Counter(self.skipped.values()).items())
        return (
            f"{self.path}: {len(self.matched)} tensors read, {len(self.renamed)} of them renamed, "
            f"{len(self.skipped)} skipped" + (f" ({reasons})" if reasons else "")
        )


def load_fairmot(path: str | Path) -> FairMOT:
    """Read a network in eval mode, on the CPU.

    The file may be a Lightning checkpoint of this package, or a DLA-34 release of the reference
    implementation (whose embedding length, box encoding and head sizes are read off the shapes). Every tensor
    of the network must be in the file with its shape, and nothing may be left over but what is known to be no
    part of the network. Only tensors and plain values are unpickled, so that a file cannot run code.

    Args:
        path: the file.

    Returns:
        The network; `load_report` tells what was read, renamed and skipped. It is also logged in one line.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is damaged, no FairMOT network, of another architecture, or does not fit.
    """
    path = Path(path)
    content = _read(path)
    entries = _from_checkpoint(path, content) if "hyper_parameters" in content else _from_reference(path, content)
    model, report = _network(path, entries)
    model.load_report = report
    _log.info("%s", report.summary())
    return model.eval()


def to_reference_state_dict(model: FairMOT) -> dict[str, Tensor]:
    """State dict of a DLA-34 network under the reference's names, bit for bit; `load_fairmot` reads it.

    The projections that the reference carries without using them, and its ImageNet classifier, are not in it.

    Raises:
        ValueError: another backbone, or a network that normalises its images (the reference cannot).
    """
    if model.config["backbone"] != reference_layout.BACKBONE:
        raise ValueError(
            f"backbone is {model.config['backbone']!r}; the reference layout exists for "
            f"{reference_layout.BACKBONE!r} only"
        )
    if model.mean.any() or (model.std != 1).any():
        raise ValueError("the network normalises its images (pretrained=True does that); the reference cannot")
    own = model.state_dict()
    return {theirs: own[ours].detach() for theirs, ours in reference_layout.names(own).items()}


@dataclass(frozen=True, kw_only=True)
class _Entries:
    """What a file holds: keywords of `build_fairmot`, the tensors of the network, and why not the rest."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    skipped: Mapping[str, str]
    in_reference_layout: bool


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(f"there is no weights file {path}")
    if not path.is_file():
        raise WeightsError(f"{path} is a folder; name the weights file in it")
    with path.open("rb") as stream:
        content = _unpickle(path, stream)
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected a dict with a state_dict")
    return content


def _unpickle(path: Path, stream: BinaryIO) -> Any:
    try:
        return torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged archive fails in many ways, and each means the same here
        raise WeightsError(
            f"{path} cannot be read as weights: it is damaged, incomplete, or holds more than tensors and "
            f"plain values ({type(error).__name__}: {next(iter(str(error).splitlines()), '')})"
        ) from error


def _tensors(path: Path, state: Any) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not state or any(not isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} has no state_dict of tensors: it is not a file of network weights")
    return {str(key): value for key, value in state.items()}


def _from_checkpoint(path: Path, content: Mapping[str, Any]) -> _Entries:
    """Our own layout: network entries start with `model.`, hyper-parameters rebuild the network."""
    every = _tensors(path, content.get("state_dict"))
    settings = content["hyper_parameters"]
    lacking = [key for key in CONFIG_KEYS if not isinstance(settings, Mapping) or key not in settings]
    if lacking:
        raise WeightsError(f"{path} is no checkpoint of this package: hyper_parameters lack {', '.join(lacking)}")
    network = {key: value for key, value in every.items() if key.startswith(_NETWORK_PREFIX)}
    return _Entries(
        config={key: settings[key] for key in CONFIG_KEYS},
        tensors={key.removeprefix(_NETWORK_PREFIX): value for key, value in network.items()},
        skipped={key: "used in training only" for key in every if key not in network},
        in_reference_layout=False,
    )


def _from_reference(path: Path, content: Mapping[str, Any]) -> _Entries:
    """The reference's layout: `state_dict` beside the epoch and perhaps the optimiser, or bare."""
    state = _tensors(path, content.get("state_dict", content))
    every = {key.removeprefix(_REPLICA_PREFIX): value for key, value in state.items()}
    other = reference_layout.other_architecture(every)
    if other is not None:
        raise WeightsError(f"{path} is a reference release of architecture {other}; only dla_34 can be read")
    skipped = {key: reason for key in every if (reason := reference_layout.why_left_out(key))}
    tensors = {key: value for key, value in every.items() if key not in skipped}
    try:
        config = reference_layout.config_from_shapes(tensors)
    except KeyError as error:
        raise WeightsError(
            f"{path} has no {error.args[0]}: it is no checkpoint of this package and no FairMOT release, "
            "which has the heads hm, wh, reg and id"
        ) from error
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} has heads of impossible shape: {error}") from error
    return _Entries(config=config, tensors=tensors, skipped=skipped, in_reference_layout=True)


def _network(path: Path, entries: _Entries) -> tuple[FairMOT, LoadReport]:
    """Build the network and copy the file's tensors into it, if they are just those it needs."""
    try:
        model = build_fairmot(**entries.config)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a network that cannot be built: {error}") from error
    own = model.state_dict()
    names = reference_layout.names(own) if entries.in_reference_layout else {name: name for name in own}
    _check(path, {key: own[name] for key, name in names.items()}, entries.tensors)
    # A buffer that the layout has no place for (normalisation in the reference's) keeps its fresh value.
    model.load_state_dict({**own, **{names[key]: value for key, value in entries.tensors.items()}})
    report = LoadReport(
        path=path,
        matched=tuple(names[key] for key in entries.tensors),
        renamed={key: names[key] for key in entries.tensors if names[key] != key},
        skipped=entries.skipped,
    )
    return model, report


def _check(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    faults = {
        "missing": [key for key in wanted if key not in found],
        "unknown": [key for key in found if key not in wanted],
        "of another shape": [
            f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
            for key, value in wanted.items()
            if key in found and found[key].shape != value.shape
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{len(keys)} {fault}: {_some(keys)}" for fault, keys in faults.items() if keys)
        raise WeightsError(f"{path} does not fit the FairMOT network it describes: {listed}")


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - _NAMED_IN_ERRORS
    return ", ".join(keys[:_NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")
