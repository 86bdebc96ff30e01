"""Read a network from a file, strictly and safely, and write it back in the reference's layout."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairmot_pl.models.fairmot import FairMOT, build_fairmot
from fairmot_pl.models.load_report import LoadReport
from fairmot_pl.models.reference_architectures import LAYOUTS, YOLO, from_yolov5, layout_of_file, layout_of_network
from fairmot_pl.models.reference_layout import OUR_OWN, Layout, config_from_shapes
from fairmot_pl.models.weights_file import WeightsError, read_weights_file

CONFIG_KEYS = (
    *("backbone", "neck", "reid_dim", "box_encoding", "deformable", "num_classes", "head_channels", "reid_sampling"),
)
"""Hyper-parameters of a Lightning checkpoint that rebuild its network."""

DEFAULTS = {"neck": "aggregation", "reid_sampling": "center"}
"""Those that older checkpoints lack, with what they were then."""

NO_REID = "a detector has no re-ID head"
YOLOV5_LACKS = {
    "id.": NO_REID,
    **dict.fromkeys(("hm.", "wh.", "reg."), "YOLOv5 predicts boxes otherwise"),
    **dict.fromkeys(("backbone.model.18.", "backbone.model.21."), "YOLOv5 has no layer at stride 4 on its way back"),
}
OWN_LAYOUT = "fairmot_pl"
_NETWORK_PREFIX = "model."
_LOSS_PREFIX = "loss."
_REPLICA_PREFIX = "module."
_NAMED_IN_ERRORS = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a file holds, before any network is built.

    Args:
        path: the file.
        config: keywords of `build_fairmot`, as far as the file decides them.
        tensors: of the network, under the file's names.
        layout: of those names; None for our own.
        skipped, beside: see `LoadReport`.
        lacks: starts of the layout's names that the file has nothing for, each with the reason; not empty for what is
            no FairMOT network and can only start one.
    """

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    layout: Layout | None
    skipped: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)

    def names(self, network: Mapping[str, Tensor]) -> dict[str, str]:
        """The file's name to the network's name, for the entries of a state dict that the layout has."""
        return self.layout.names(network) if self.layout else {name: name for name in network}

    def report(self, names: Mapping[str, str], **more: Mapping[str, str]) -> LoadReport:
        """The account of having read `names`, the file's to the network's."""
        normalisation = OUR_OWN if self.layout else {}
        return LoadReport(
            path=self.path,
            layout=self.layout.architecture(self.config) if self.layout else OWN_LAYOUT,
            matched=tuple(names.values()),
            renamed={theirs: ours for theirs, ours in names.items() if theirs != ours},
            skipped={**self.skipped, **more.get("skipped", {})},
            fresh={**more.get("fresh", {}), **normalisation},
            beside=self.beside,
        )


def load_fairmot(path: str | Path) -> FairMOT:
    """Read a network in eval mode, on the CPU.

    The file may be a Lightning checkpoint of this package, or a release of the reference implementation of any of its
    architectures (whose trunk, embedding length, box encoding and head sizes are read off names and shapes). Every
    tensor of the network must be in the file with its shape, and nothing may be left over but what is known to be no
    part of the network. Only tensors and plain values are unpickled, so that a file cannot run code.

    Args:
        path: the file.

    Returns:
        The network; `load_report` tells what was read, renamed and skipped. It is also logged in one line.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is damaged, no FairMOT network, of another architecture, or does not fit.

    Examples:
        >>> from fairmot_pl import load_fairmot
        >>> model = load_fairmot("best.ckpt")
        >>> model.training, model.config["reid_dim"]
        (False, 16)
    """
    weights = read_weights(path)
    if weights.lacks:
        raise WeightsError(
            f"{path} is a detector without a re-ID head (no id.2.weight), such as CenterNet or YOLOv5, and no FairMOT "
            "release, which has the heads hm, wh, reg and id; it can start a training: model.init_from=FILE"
        )
    try:
        model = build_fairmot(**weights.config)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a network that cannot be built: {error}") from error
    own = model.state_dict()
    names = weights.names(own)
    check_fit(weights.path, {key: own[name] for key, name in names.items()}, weights.tensors)
    # A buffer that the layout has no place for (normalisation in the reference's) keeps its fresh value.
    model.load_state_dict({**own, **{names[key]: value for key, value in weights.tensors.items()}})
    model.load_report = weights.report({key: names[key] for key in weights.tensors})
    _log.info("%s", model.load_report.summary())
    return model.eval()


def to_reference_state_dict(model: FairMOT) -> dict[str, Tensor]:
    """State dict of a network under the reference's names, bit for bit; `load_fairmot` reads it.

    The projections that the reference's DLA-34 carries without using them, and its ImageNet classifier, are not in it.

    Raises:
        ValueError: an architecture that the reference does not have, or a network that normalises its images or
            reads embeddings elsewhere than at the centre (the reference can do neither).
    """
    config = model.config
    layout = layout_of_network(config)
    if layout is None:
        known = "; ".join(f"{', '.join(each.backbones)} with neck {each.neck!r}" for each in LAYOUTS)
        raise ValueError(
            f"backbone is {config['backbone']!r} and neck {config['neck']!r}; the reference layout exists for {known}"
        )
    if model.mean.any() or (model.std != 1).any():
        raise ValueError("the network normalises its images (pretrained=True does that); the reference cannot")
    if model.reid_sampling != "center":
        raise ValueError(
            f"the network reads embeddings by {model.reid_sampling!r}; the reference reads them by 'center'"
        )
    own = model.state_dict()
    return {theirs: own[ours].detach() for theirs, ours in layout.names(own).items()}


def read_weights(path: str | Path) -> Weights:
    """What a file of weights holds, whatever its layout.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file is damaged, or no network of FairMOT or CenterNet.
    """
    path = Path(path)
    content = read_weights_file(path)
    return _from_checkpoint(path, content) if "hyper_parameters" in content else _from_reference(path, content)


def check_fit(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse a file whose tensors are not just those that are wanted, shapes included.

    Raises:
        WeightsError: naming the first keys that are missing, unknown, of another shape or dtype, or not finite.
    """
    faults = {
        "missing": [key for key in wanted if key not in found],
        "unknown": [key for key in found if key not in wanted],
        "of another shape": [
            f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
            for key, value in wanted.items()
            if key in found and found[key].shape != value.shape
        ],
        "of another kind of number": [
            f"{key} {found[key].dtype}"
            for key, value in wanted.items()
            if key in found and value.is_floating_point() and not found[key].is_floating_point()
        ],
        "not finite": [key for key, value in found.items() if not value.isfinite().all()],
    }
    if any(faults.values()):
        listed = "; ".join(f"{len(keys)} {fault}: {_some(keys)}" for fault, keys in faults.items() if keys)
        raise WeightsError(f"{path} does not fit the FairMOT network it describes: {listed}")


def _some(keys: Sequence[str]) -> str:
    more = len(keys) - _NAMED_IN_ERRORS
    return ", ".join(keys[:_NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")


def _tensors(path: Path, state: Any) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not state or any(not isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} has no state_dict of tensors: it is not a file of network weights")
    return {str(key): value for key, value in state.items()}


def _from_checkpoint(path: Path, content: Mapping[str, Any]) -> Weights:
    """Our own layout: network entries start with `model.`, hyper-parameters rebuild the network."""
    every = _tensors(path, content.get("state_dict"))
    settings = content["hyper_parameters"]
    settings = {**DEFAULTS, **settings} if isinstance(settings, Mapping) else {}
    lacking = [key for key in CONFIG_KEYS if key not in settings]
    if lacking:
        raise WeightsError(f"{path} is no checkpoint of this package: hyper_parameters lack {', '.join(lacking)}")
    network = {key: value for key, value in every.items() if key.startswith(_NETWORK_PREFIX)}
    stray = [key for key in every if not key.startswith((_NETWORK_PREFIX, _LOSS_PREFIX))]
    if stray:
        raise WeightsError(
            f"{path} is no checkpoint of this package: {_some(stray)} belong to neither network nor loss"
        )
    return Weights(
        path=path,
        config={key: settings[key] for key in CONFIG_KEYS},
        tensors={key.removeprefix(_NETWORK_PREFIX): value for key, value in network.items()},
        layout=None,
        skipped={key: "used in training only" for key in every if key not in network},
        beside={key: "state of the training run" for key in content if key not in ("state_dict", "hyper_parameters")},
    )


def _from_reference(path: Path, content: Mapping[str, Any]) -> Weights:
    """The reference's layout: `state_dict` beside the epoch and perhaps the optimiser, or bare."""
    state = _tensors(path, content.get("state_dict", content))
    every = {key.removeprefix(_REPLICA_PREFIX): value for key, value in state.items()}
    if len(every) < len(state):
        twice = next(key for key in every if key in state and f"{_REPLICA_PREFIX}{key}" in state)
        raise WeightsError(f"{path} holds {twice} twice, with and without the prefix {_REPLICA_PREFIX!r}")
    beside = {key: _beside(key, value) for key, value in content.items()} if "state_dict" in content else {}
    beside.pop("state_dict", None)
    yolov5 = from_yolov5(every)
    if yolov5 is not None:
        tensors, skipped = yolov5
        return Weights(
            path=path,
            config={"backbone": "yolov5s", "neck": YOLO.neck},
            tensors=tensors,
            layout=YOLO,
            skipped=skipped,
            beside=beside,
            lacks=YOLOV5_LACKS,
        )
    layout = layout_of_file(every)
    if layout is None:
        raise WeightsError(
            f"{path} is no checkpoint of this package and no FairMOT release: it has none of the names of "
            f"{', '.join(each.family for each in LAYOUTS)} (it starts with {next(iter(every))})"
        )
    for group in layout.left_out:
        found = {key: value for key, value in every.items() if group.pattern.match(key)}
        if group.shapes:
            known = {key: shape for key, shape in group.shapes.items() if key in found}
            check_fit(path, {key: torch.empty(shape, dtype=found[key].dtype) for key, shape in known.items()}, found)
    skipped = {key: reason for key in every if (reason := layout.why_left_out(key))}
    tensors = {key: value for key, value in every.items() if key not in skipped}
    try:
        config = config_from_shapes(layout, tensors)
    except KeyError as error:
        raise WeightsError(
            f"{path} has no {error.args[0]}: it is no checkpoint of this package and no FairMOT release, "
            "which has the heads hm, wh, reg and id"
        ) from error
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} has entries of impossible shape: {error}") from error
    lacks = {} if "reid_dim" in config else {"id.": NO_REID}
    return Weights(
        path=path, config=config, tensors=tensors, layout=layout, skipped=skipped, beside=beside, lacks=lacks
    )


def _beside(key: str, value: Any) -> str:
    if key == "epoch":
        return f"{value}, told here and not used"
    if key == "optimizer":
        return "state of a finished training: a new one starts fresh, and the identity classifier is not in it"
    return "no part of a network"
