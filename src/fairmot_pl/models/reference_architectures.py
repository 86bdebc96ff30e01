"""How the reference names the entries of each of its architectures: the only place that knows both layouts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from fairmot_pl.models.reference_layout import Layout, LeftOut, bare


def _unit(rest: str) -> str:
    """Entry of a 3x3 convolution with batch norm."""
    return rest.replace("norm.", "actf.0.") if rest.startswith("norm.") else rest


_TRUNK = "backbone.network."
_MERGE = re.compile(r"neck\.(?:stages\.(\d+)|final)\.steps\.(\d+)\.(project|upsample|node)\.(.+)")
_MERGE_PARTS = {"project": "proj", "upsample": "up", "node": "node"}


def _dla(name: str) -> str | None:
    if name.startswith(_TRUNK):
        return f"base.{name[len(_TRUNK) :]}"
    match = _MERGE.fullmatch(name)
    if match is None:
        return None
    stage, step, part, rest = match.groups()
    module = "ida_up" if stage is None else f"dla_up.ida_{stage}"
    return f"{module}.{_MERGE_PARTS[part]}_{int(step) + 1}.{_unit(rest)}"


_ENLARGEMENT = re.compile(r"neck\.steps\.(\d+)\.(unit\.conv|unit\.norm|upsample|norm)\.(.+)")
_ENLARGEMENT_POSITION = {"unit.conv": 0, "unit.norm": 1, "upsample": 3, "norm": 4}
_BESIDE = re.compile(r"neck\.(laterals|smooths)\.(\d+)\.(.+)")
_BESIDE_PARTS = {"laterals": "project_layer", "smooths": "smooth_layer"}


def _bare_trunk(name: str) -> str | None:
    return name[len(_TRUNK) :] if name.startswith(_TRUNK) else None


def _resdcn(name: str) -> str | None:
    match = _ENLARGEMENT.fullmatch(name)
    if match is None:
        return _bare_trunk(name)
    return f"deconv_layers.{6 * int(match[1]) + _ENLARGEMENT_POSITION[match[2]]}.{match[3]}"


def _resfpndcn(name: str) -> str | None:
    if match := _ENLARGEMENT.fullmatch(name):
        return f"deconv_layer{int(match[1]) + 1}.{_ENLARGEMENT_POSITION[match[2]]}.{match[3]}"
    if match := _BESIDE.fullmatch(name):
        return f"{_BESIDE_PARTS[match[1]]}{int(match[2]) + 1}.{_unit(match[3])}"
    return _bare_trunk(name)


_CSP = re.compile(r"(?:backbone\.network\.layers\.(\d+)|neck\.steps\.(\d+)\.(narrow|merge))\.(.+)")
_CSP_OFFSETS = {"narrow": 10, "merge": 13}
_CSP_PARTS = {"norm": "bn", "enter": "cv1", "leave": "cv2", "bypass": "cv2", "join": "cv3", "blocks": "m"}


def _yolo(name: str) -> str | None:
    match = _CSP.fullmatch(name)
    if match is None:
        return None
    layer, step, part, rest = match.groups()
    number = int(layer) if layer is not None else 4 * int(step) + _CSP_OFFSETS[part]
    return ".".join(["backbone.model", str(number), *(_CSP_PARTS.get(word, word) for word in rest.split("."))])


_RESNET_BLOCKS = {(2, False): 18, (6, False): 34, (6, True): 50, (23, True): 101, (36, True): 152}
_HRNETS = {"hrnet_w18": "hrnet_18", "hrnet_w32": "hrnet_32"}


def _resnets(family: str) -> dict[str, str]:
    return {f"resnet{depth}": f"{family}_{depth}" for depth in _RESNET_BLOCKS.values()}


def _resnet(state: Mapping[str, Tensor]) -> str:
    blocks = len({key.split(".")[1] for key in state if key.startswith("layer3.")})
    has_bottlenecks = any(".conv3." in key for key in state)
    if (blocks, has_bottlenecks) not in _RESNET_BLOCKS:
        raise ValueError(f"layer3 has {blocks} blocks, as no ResNet has")
    return f"resnet{_RESNET_BLOCKS[blocks, has_bottlenecks]}"


def _hrnet(state: Mapping[str, Tensor]) -> str:
    finest = "stage2.0.branches.0.0"
    for key in (f"{finest}.conv1.weight", f"{finest}.conv2.weight"):
        if key in state:
            name = f"hrnet_w{len(state[key])}"
            if name not in _HRNETS:
                raise ValueError(f"{key} has {len(state[key])} channels; only {', '.join(_HRNETS)} are known")
            return name
    raise KeyError(f"{finest}.conv1.weight")


def _dead_projection(level: int, channels: int) -> LeftOut:
    start = f"base.level{level}.project"
    statistics = {f"{start}.1.{name}": (channels,) for name in ("weight", "bias", "running_mean", "running_var")}
    return LeftOut(
        pattern=re.compile(rf"base\.level{level}\.project\."),
        reason="projection that the reference computes but never uses",
        shapes={
            f"{start}.0.weight": (channels, channels // 2, 1, 1),
            **statistics,
            f"{start}.1.num_batches_tracked": (),
        },
    )


_DLA_LEFT_OUT = (
    LeftOut(
        pattern=re.compile(r"base\.fc\."),
        reason="ImageNet classifier",
        shapes={"base.fc.weight": (1000, 512, 1, 1), "base.fc.bias": (1000,)},
    ),
    _dead_projection(3, 128),
    _dead_projection(4, 256),
)
_HRNET_LEFT_OUT = (
    LeftOut(pattern=re.compile(r"last_layer\."), reason="layer of an older version that the reference drops too"),
)

LAYOUTS = (
    Layout(
        family="dla",
        neck="aggregation",
        backbones={"dla34": "dla_34"},
        marks=("base.", "dla_up.", "ida_up."),
        rename=_dla,
        backbone=lambda _: "dla34",
        left_out=_DLA_LEFT_OUT,
    ),
    Layout(
        family="resdcn",
        neck="deconv",
        backbones=_resnets("resdcn"),
        marks=("deconv_layers.",),
        rename=_resdcn,
        backbone=_resnet,
    ),
    Layout(
        family="resfpndcn",
        neck="deconv_fpn",
        backbones=_resnets("resfpndcn"),
        marks=("deconv_layer1.", "deconv_layer2.", "deconv_layer3.", "smooth_layer", "project_layer"),
        rename=_resfpndcn,
        backbone=_resnet,
    ),
    Layout(
        family="hrnet",
        neck="concat",
        backbones=_HRNETS,
        marks=("stage2.", "stage3.", "stage4.", "transition"),
        rename=_bare_trunk,
        backbone=_hrnet,
        left_out=_HRNET_LEFT_OUT,
    ),
    Layout(
        family="yolo",
        neck="csp",
        backbones={"yolov5s": "yolo"},
        marks=("backbone.model.",),
        rename=_yolo,
        backbone=lambda _: "yolov5s",
    ),
)


def layout_of_network(config: Mapping[str, Any]) -> Layout | None:
    """The layout that a network of ours can be written in; None if the reference has no such architecture."""
    return next(
        (each for each in LAYOUTS if each.neck == config["neck"] and bare(config["backbone"]) in each.backbones), None
    )


def layout_of_file(keys: Iterable[str]) -> Layout | None:
    """The layout of a reference state dict: the one whose marks most of the keys bear; None if none bears any."""
    keys = list(keys)
    borne = {each.family: sum(key.startswith(each.marks) for key in keys) for each in LAYOUTS}
    best = max(LAYOUTS, key=lambda each: borne[each.family])
    return best if borne[best.family] else None


YOLO = LAYOUTS[-1]
_YOLOV5_LAYER = re.compile(r"model\.(\d+)\.")
_YOLOV5_SHARED = 18


def from_yolov5(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """What a state dict of YOLOv5s itself has in common with the reference's network: its layers 0 to 17.

    Returns:
        Those layers under the reference's names, and the other entries with the reason why they do not serve; None if
        it is no state dict of YOLOv5.
    """
    layers = {key: int(match[1]) for key in state if (match := _YOLOV5_LAYER.match(key))}
    if len(layers) < len(state) or 0 not in layers.values():
        return None
    shared = {f"backbone.{key}": state[key] for key, layer in layers.items() if layer < _YOLOV5_SHARED}
    return shared, {
        key: "layer of YOLOv5 that comes after stride 8" for key, layer in layers.items() if layer >= _YOLOV5_SHARED
    }
