"""Read a network from a file, strictly and safely, and write it back in the reference's layout."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairmot_pl.models import reference_layout
from fairmot_pl.models.fairmot import FairMOT, build_fairmot

CONFIG_KEYS = ("backbone", "reid_dim", "box_encoding", "deformable", "num_classes", "head_channels")
"""Hyper-parameters of a Lightning checkpoint that rebuild its network."""

_NETWORK_PREFIX = "model."
_REPLICA_PREFIX = re.compile(r"module\.(?!list)")
_NAMED_IN_ERRORS = 6

_log = logging.getLogger(__name__)


class WeightsError(ValueError):
    """A file that is no readable FairMOT network; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
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
        line = f"{self.path}: {len(self.matched)} tensors read, {len(self.renamed)} of them renamed"
        reasons = Counter(self.skipped.values()).items()
        skipped = "; ".join(f"{count} {reason}" for reason, count in reasons)
        return f"{line}; skipped {len(self.skipped)}" + (f" ({skipped})" if skipped else "")


def load_fairmot(path: str | Path) -> FairMOT:
    """Read a network in eval mode, on the CPU.

    The file may be a Lightning checkpoint of this package, or a DLA-34 release of the reference
    implementation (whose embedding length, box encoding and head sizes are read off the shapes). Every tensor
    of the network must be in the file with its shape, and nothing in the file may be left over but what is
    known to be no part of the network. Only tensors and plain values are unpickled, so that a file cannot run
    code.

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
    if "hyper_parameters" in content:
        model, state, names, skipped = _from_checkpoint(path, content)
    else:
        model, state, names, skipped = _from_reference(path, content)
    _fill(path, model, state, names)
    model.load_report = LoadReport(
        path=path,
        matched=tuple(names[key] for key in state),
        renamed={key: names[key] for key in state if names[key] != key},
        skipped=skipped,
    )
    _log.info("%s", model.load_report.summary())
    return model.eval()


def to_reference_state_dict(model: FairMOT) -> dict[str, Tensor]:
    """State dict of a DLA-34 network under the reference's names, bit for bit; `load_fairmot` reads it back.

    The projections that the reference carries without using them, and its ImageNet classifier, are not in it.

    Raises:
        ValueError: another backbone, or a network that normalises its images (the reference cannot express
            that).
    """
    if model.config["backbone"] != reference_layout.BACKBONE:
        raise ValueError(
            f"backbone is {model.config['backbone']!r}; the reference layout exists for "
            f"{reference_layout.BACKBONE!r} only"
        )
    if model.mean.any() or (model.std != 1).any():
        raise ValueError(
            "the network normalises its images (it was built with pretrained=True); the reference cannot"
        )
    return {
        reference_layout.reference_name(name): tensor.detach()
        for name, tensor in model.state_dict().items()
        if name not in reference_layout.OUR_OWN
    }


_Parts = tuple[FairMOT, dict[str, Tensor], dict[str, str], dict[str, str]]
"""Network, its entries in the file, file's name to network's name for all it expects, skipped name to
reason."""


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(f"there is no weights file {path}")
    if not path.is_file():
        raise WeightsError(f"{path} is a folder; name the weights file in it")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a damaged archive fails in many ways, and each means the same here
        first_line = next(iter(str(error).splitlines()), "")
        raise WeightsError(
            f"{path} cannot be read as weights: it is damaged, incomplete, or holds more than tensors and plain values "
            f"({type(error).__name__}: {first_line})"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected a dict with a state_dict")
    return content


def _tensors(path: Path, state: Any) -> dict[str, Tensor]:
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(value, Tensor) for value in state.values())
    ):
        raise WeightsError(f"{path} has no state_dict of tensors: it is not a file of network weights")
    return {str(key): value for key, value in state.items()}


def _from_checkpoint(path: Path, content: dict[str, Any]) -> _Parts:
    """Our own layout: network entries start with `model.`, hyper-parameters rebuild the network."""
    entries = _tensors(path, content.get("state_dict"))
    settings = content["hyper_parameters"]
    lacking = [key for key in CONFIG_KEYS if key not in settings]
    if lacking:
        raise WeightsError(
            f"{path} has no hyper_parameters {', '.join(lacking)}: it is no checkpoint of this package"
        )
    state = {key: value for key, value in entries.items() if key.startswith(_NETWORK_PREFIX)}
    try:
        model = build_fairmot(**{key: settings[key] for key in CONFIG_KEYS})
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a network that cannot be built: {error}") from error
    names = {_NETWORK_PREFIX + name: name for name in model.state_dict()}
    skipped = {key: "used in training only" for key in entries if key not in state}
    return model, state, names, skipped


def _from_reference(path: Path, content: dict[str, Any]) -> _Parts:
    """The reference's layout: `state_dict` beside the epoch and the optimiser, or bare."""
    entries = _tensors(path, content.get("state_dict", content))
    entries = {
        _REPLICA_PREFIX.sub("", key, count=1) if key.startswith("module.") else key: value
        for key, value in entries.items()
    }
    other = reference_layout.other_architecture(entries)
    if other is not None:
        raise WeightsError(f"{path} is a reference release of architecture {other}; only dla_34 can be read")
    skipped = {key: reason for key in entries if (reason := reference_layout.why_left_out(key)) is not None}
    state = {key: value for key, value in entries.items() if key not in skipped}
    try:
        model = build_fairmot(**reference_layout.config_from_shapes(state))
    except KeyError as error:
        raise WeightsError(
            f"{path} has no {error.args[0]}: it is neither a checkpoint of this package nor a FairMOT release, which has "
            "heads hm, wh, reg and id"
        ) from error
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a network that cannot be built: {error}") from error
    names = {
        reference_layout.reference_name(name): name
        for name in model.state_dict()
        if name not in reference_layout.OUR_OWN
    }
    return model, state, names, skipped


def _fill(path: Path, model: FairMOT, state: dict[str, Tensor], names: dict[str, str]) -> None:
    """Copy the file's tensors into the network if each has its counterpart, of the same shape."""
    own = model.state_dict()
    faults = {
        "missing": [key for key in names if key not in state],
        "unknown": [key for key in state if key not in names],
        "of another shape": [
            f"{key} ({tuple(value.shape)}, expected {tuple(own[names[key]].shape)})"
            for key, value in state.items()
            if key in names and value.shape != own[names[key]].shape
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{len(keys)} {fault}: {_some(keys)}" for fault, keys in faults.items() if keys)
        raise WeightsError(f"{path} does not fit a {model.config['backbone']} FairMOT network: {listed}")
    fresh = {name: own[name] for name in own.keys() - set(names.values())}
    model.load_state_dict({**fresh, **{names[key]: value for key, value in state.items()}})


def _some(keys: Iterable[str]) -> str:
    keys = list(keys)
    more = len(keys) - _NAMED_IN_ERRORS
    return ", ".join(keys[:_NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")
