"""Start a network from another one's weights: all of a FairMOT network, or what a detector has of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.models.load_report import LoadReport
from fairmot_pl.models.weights import Weights, check_fit, read_weights
from fairmot_pl.models.weights_file import WeightsError

OTHER_CLASSES = "the last layer of a detector of other classes or boxes"

_LAST_LAYERS = ("hm.2.", "wh.2.")

_log = logging.getLogger(__name__)


class MismatchError(WeightsError):
    """The file is of a network built otherwise.

    Args:
        path: the file.
        key: keyword of `build_fairmot` in which they differ.
        theirs: its value for the file.
        mine: its value for the network to be started.
    """

    def __init__(self, path: Path, key: str, theirs: Any, mine: Any) -> None:
        super().__init__(f"{path} has {key}={theirs}, the network to start has {key}={mine}")
        self.key, self.theirs, self.mine = key, theirs, mine


def start_network(model: FairMOT, path: str | Path) -> LoadReport:
    """Take the weights of a file into a network, in place.

    A FairMOT network (own checkpoint or release) must be built just alike, though it may be read elsewhere
    (`reid_sampling`). A detector in the reference's layout, such
    as CenterNet's `ctdet_coco_dla_2x.pth`, gives trunk, neck and its heads; the last layers of heatmap and size stay
    fresh where its classes or boxes are others, and the re-ID head is fresh. A state dict of YOLOv5s gives its layers
    down to stride 8 on the way back. Anything else that is missing, left over or of another shape is an error. From a
    file that is not ours the images are not normalised, as in the reference.

    Args:
        model: the network; its fresh values stay where the report says so.
        path: the file.

    Returns:
        What was read, skipped and left fresh; it is also logged in one line.

    Raises:
        FileNotFoundError: there is no such file.
        MismatchError: the network of the file is built otherwise.
        WeightsError: the file cannot be read or does not fit.
    """
    weights = read_weights(path)
    _check_alike(weights, model.config, ("reid_sampling", *(("num_classes", "box_encoding") if weights.lacks else ())))
    own = model.state_dict()
    names = weights.names(own)
    skipped, fresh = _left_fresh(weights, own, names) if weights.lacks else ({}, {})
    kept = {key: name for key, name in names.items() if name not in fresh}
    found = {key: value for key, value in weights.tensors.items() if key not in skipped}
    check_fit(weights.path, {key: own[name] for key, name in kept.items()}, found)
    model.load_state_dict({**own, **{kept[key]: value for key, value in found.items()}})
    if weights.layout:
        with torch.no_grad():
            model.mean.zero_()
            model.std.fill_(1)
    report = weights.report({key: kept[key] for key in found}, skipped=skipped, fresh=fresh)
    _log.info("%s", report.summary())
    return report


def _check_alike(weights: Weights, mine: Mapping[str, Any], excused: tuple[str, ...]) -> None:
    for key, theirs in weights.config.items():
        if key not in excused and mine[key] != theirs:
            raise MismatchError(weights.path, key, theirs, mine[key])


def _left_fresh(
    weights: Weights, own: Mapping[str, Tensor], names: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Entries of a detector's file that do not serve, and of the network that it has nothing for; with reasons."""
    skipped, fresh = {}, {}
    for key, name in names.items():
        theirs = weights.tensors.get(key)
        lacking = next((reason for start, reason in weights.lacks.items() if key.startswith(start)), None)
        if lacking:
            fresh[name] = lacking
        elif key.startswith(_LAST_LAYERS) and theirs is not None and _of_other_classes(key, weights.tensors, own[name]):
            skipped[key] = fresh[name] = OTHER_CLASSES
    return skipped, fresh


def _of_other_classes(key: str, found: Mapping[str, Tensor], own: Tensor) -> bool:
    """Whether a last layer differs in its number of channels and in nothing else, weight and bias alike."""
    weight, bias = (found.get(f"{key.rpartition('.')[0]}.{part}") for part in ("weight", "bias"))
    alike = weight is not None and bias is not None and len(weight) == len(bias)
    return alike and len(found[key]) != len(own) and found[key].shape[1:] == own.shape[1:]
