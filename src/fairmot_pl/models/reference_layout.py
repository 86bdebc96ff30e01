"""What a layout of the reference implementation is, and what can be read off a state dict in one.

Names are mapped in one direction, ours to theirs; reading a release turns the map round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from fairmot_pl.codec.maps import BOX_CHANNELS

_HEADS = {
    "detection_head.heatmap.": "hm.",
    "detection_head.size.": "wh.",
    "detection_head.offset.": "reg.",
    "reid_head.embedding.": "id.",
}
OUR_OWN = {name: "the reference never normalises its images: 0 and 1" for name in ("mean", "std")}
"""Entries that the reference has no place for, and why."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Entries of a release that are no part of the network.

    Args:
        pattern: matches their names.
        reason: why.
        shapes: of each of them that there may be; empty where they are not known.
    """

    pattern: re.Pattern[str]
    reason: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One architecture of the reference.

    Args:
        family: the reference's name for it, without the depth.
        neck: ours.
        backbones: timm name of each trunk that it covers to the reference's name of the whole architecture.
        marks: starts of keys that no other layout has.
        rename: name of ours, of trunk or neck, to theirs; None if they have no such entry.
        backbone: timm name of the trunk that a state dict holds.
        left_out: which of their keys are no part of the network, and why.
    """

    family: str
    neck: str
    backbones: Mapping[str, str]
    marks: tuple[str, ...]
    rename: Callable[[str], str | None]
    backbone: Callable[[Mapping[str, Tensor]], str]
    left_out: tuple[LeftOut, ...] = ()

    def names(self, ours: Iterable[str]) -> dict[str, str]:
        """Their name to our name, for all entries of a `FairMOT.state_dict()` that the reference has too."""
        return {self.reference_name(name): name for name in ours if name not in OUR_OWN}

    def reference_name(self, name: str) -> str:
        """Their name of the entry that `FairMOT.state_dict()` calls `name`.

        Raises:
            KeyError: the reference has no such entry.
        """
        for ours, theirs in _HEADS.items():
            if name.startswith(ours):
                return theirs + name[len(ours) :]
        renamed = self.rename(name)
        if renamed is None:
            raise KeyError(f"{name} has no counterpart in the reference layout {self.family}")
        return renamed.replace("offset_mask.", "conv_offset_mask.")

    def why_left_out(self, key: str) -> str | None:
        """Why an entry of a reference release is no part of the network; None if it is one."""
        return next((group.reason for group in self.left_out if group.pattern.match(key)), None)

    def architecture(self, config: Mapping[str, Any]) -> str:
        """The reference's full name of a network, such as `dla_34`, or `dlaconv_34` where nothing is deformable."""
        name = self.backbones[bare(config["backbone"])]
        return name if config.get("deformable") else name.replace("dla_", "dlaconv_")


def bare(backbone: str) -> str:
    """A timm name without its weight tag."""
    return backbone.partition(".")[0]


def config_from_shapes(layout: Layout, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Keywords of `build_fairmot` for a reference state dict; without `reid_dim` if it has no re-ID head.

    Raises:
        KeyError: a head is missing; the message is its first key.
        ValueError: the size head has neither 4 nor 2 channels, or the trunk is of no known size.
    """

    def rows(layer: str) -> int:
        found = state.get(f"{layer}.weight", state.get(f"{layer}.bias"))
        if found is None:
            raise KeyError(f"{layer}.weight")
        return len(found)

    encodings = {channels: name for name, channels in BOX_CHANNELS.items()}
    box_channels = rows("wh.2")
    if box_channels not in encodings:
        raise ValueError(f"wh.2.weight has {box_channels} channels, a size head has {sorted(encodings)}")
    config = {
        "backbone": layout.backbone(state),
        "neck": layout.neck,
        "box_encoding": encodings[box_channels],
        "deformable": any("conv_offset_mask" in key for key in state),
        "num_classes": rows("hm.2"),
        "head_channels": rows("hm.0"),
    }
    return config | ({"reid_dim": rows("id.2")} if any(key.startswith("id.") for key in state) else {})
