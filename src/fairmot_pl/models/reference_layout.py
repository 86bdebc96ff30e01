"""How the reference release of FairMOT names the network's entries: the only place that knows both layouts.

The map is written in one direction, ours to theirs; reading a release turns it round. Only the DLA-34 layout
exists here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from fairmot_pl.codec.maps import BOX_CHANNELS

BACKBONE = "dla34"

_PREFIXES = {
    "backbone.network.": "base.",
    "detection_head.heatmap.": "hm.",
    "detection_head.size.": "wh.",
    "detection_head.offset.": "reg.",
    "reid_head.embedding.": "id.",
}
_MERGE = re.compile(r"neck\.(?:stages\.(?P<stage>\d+)|final)\.steps\.(?P<step>\d+)\.(?P<part>\w+)\.(?P<rest>.+)")
_PARTS = {"project": "proj", "upsample": "up", "node": "node"}
_UNIT = {"norm.": "actf.0.", "conv.offset_mask.": "conv.conv_offset_mask."}

_OUR_OWN = ("mean", "std")
"""Entries that the reference has no place for: it never normalises."""

_LEFT_OUT = (
    (re.compile(r"base\.fc\."), "ImageNet classifier"),
    (re.compile(r"base\.level[34]\.project\."), "projection that the reference computes but never uses"),
)

_OTHER_ARCHITECTURES = {
    "deconv_layers.": "resdcn (ResNet with deconvolutions)",
    "deconv_layer1.": "resfpndcn (ResNet with a feature pyramid)",
    "stage2.": "hrnet",
    "backbone.model.": "yolo",
}


def reference_name(name: str) -> str:
    """Name in the reference's DLA-34 state dict of the entry that `FairMOT.state_dict()` calls `name`.

    Raises:
        KeyError: the reference has no such entry.
    """
    for ours, theirs in _PREFIXES.items():
        if name.startswith(ours):
            return theirs + name[len(ours) :]
    match = _MERGE.fullmatch(name)
    if match is None:
        raise KeyError(f"{name} has no counterpart in the reference layout")
    rest = match["rest"]
    for ours, theirs in _UNIT.items():
        if rest.startswith(ours):
            rest = theirs + rest[len(ours) :]
    module = "ida_up" if match["stage"] is None else f"dla_up.ida_{match['stage']}"
    return f"{module}.{_PARTS[match['part']]}_{int(match['step']) + 1}.{rest}"


def names(ours: Iterable[str]) -> dict[str, str]:
    """Their name to our name, for all entries of a `FairMOT.state_dict()` that the reference has too."""
    return {reference_name(name): name for name in ours if name not in _OUR_OWN}


def why_left_out(key: str) -> str | None:
    """Why an entry of a reference release is no part of the network; None if it is one."""
    return next((reason for pattern, reason in _LEFT_OUT if pattern.match(key)), None)


def other_architecture(state: Mapping[str, Tensor]) -> str | None:
    """Name of the reference architecture other than DLA-34 that a state dict belongs to."""
    found = (name for prefix, name in _OTHER_ARCHITECTURES.items() if any(key.startswith(prefix) for key in state))
    return next(found, None)


def config_from_shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Keywords of `build_fairmot` for a reference DLA-34 state dict.

    Raises:
        KeyError: a head is missing; the message is its first key.
        ValueError: the size head has neither 4 nor 2 channels.
    """

    def rows(key: str) -> int:
        return len(state[key])

    encodings = {channels: name for name, channels in BOX_CHANNELS.items()}
    box_channels = rows("wh.2.weight")
    if box_channels not in encodings:
        raise ValueError(f"wh.2.weight has {box_channels} channels, a size head has {sorted(encodings)}")
    return {
        "backbone": BACKBONE,
        "reid_dim": rows("id.2.weight"),
        "box_encoding": encodings[box_channels],
        "deformable": any("conv_offset_mask" in key for key in state),
        "num_classes": rows("hm.2.weight"),
        "head_channels": rows("hm.0.weight"),
    }
