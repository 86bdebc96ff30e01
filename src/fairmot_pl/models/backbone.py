"""The trunk: any timm network that gives maps at strides 4, 8, 16 and 32."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import timm
from timm.models import PretrainedCfg
from torch import Tensor, nn

from fairmot_pl.models import yolov5 as _yolov5  # noqa: F401  # makes its trunk known to timm
from fairmot_pl.models.pretrained import cached_weights, why_unreachable

STRIDES = (4, 8, 16, 32)

HRNET = "hrnet_"
SLOW_STATISTICS = 0.01
"""Momentum of the batch norms in HRNet's stem and blocks; those between its branches keep 0.1."""

_log = logging.getLogger(__name__)


class Backbone(nn.Module):
    """A timm feature network reduced to the four maps the neck reads.

    Args:
        network: timm model built with `features_only=True`.
        name: its timm name, for messages.

    Attributes:
        channels: `(c4, c8, c16, c32)`.
        mean, std: per-channel RGB statistics, in [0, 1], of the images its weights were trained on; 0 and 1
            if it was not pretrained.
        keeps_resolutions: its maps come from branches side by side, not one from another.

    Raises:
        ValueError: the network lacks one of the strides.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        info: Any = network.feature_info
        strides, channels = info.reduction(), info.channels()
        if not set(STRIDES) <= set(strides):
            raise ValueError(
                f"backbone {name!r} gives maps at strides {', '.join(map(str, strides))}; "
                f"needed: {', '.join(map(str, STRIDES))}, as dla34, resnet18 or convnext_atto have them"
            )
        self.network = network
        self.name = name
        self.mean, self.std = tuple(mean), tuple(std)
        deepest_of_stride = {stride: position for position, stride in enumerate(strides)}
        self._picked = [deepest_of_stride[stride] for stride in STRIDES]
        self.channels: tuple[int, ...] = tuple(channels[position] for position in self._picked)
        self.keeps_resolutions = name.startswith(HRNET)
        self._channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"

    def forward(self, images: Tensor) -> list[Tensor]:
        """`(B, 3, H, W)` normalised images to maps `(B, c, H / s, W / s)` for s in 4, 8, 16, 32.

        Raises:
            ValueError: the network's maps are not of these sizes (some old networks do not pad).
        """
        height, width = images.shape[2:]
        every = self.network(images)
        maps = [every[position] for position in self._picked]
        if self._channels_last:
            maps = [features.permute(0, 3, 1, 2).contiguous() for features in maps]
        for stride, features in zip(STRIDES, maps, strict=True):
            if features.shape[2:] != (height // stride, width // stride):
                raise ValueError(
                    f"backbone {self.name!r} turns an image of {height} x {width} into a map of "
                    f"{features.shape[2]} x {features.shape[3]} at stride {stride}, expected "
                    f"{height // stride} x {width // stride}: it cannot serve as trunk"
                )
        return maps


def build_backbone(name: str, *, pretrained: bool = False, branches: bool = False) -> Backbone:
    """Build a trunk by its timm name.

    Args:
        name: timm model name, with or without a weight tag (`dla34`, `resnet18.a1_in1k`).
        pretrained: start from timm's weights. Where they cannot be had one warning is logged and the weights
            are random, as with False.
        branches: take HRNet's four branches as they are, instead of widened by parts of its classifier, and let
            their batch statistics follow slowly, as the reference does; other networks have one form only.

    Raises:
        ValueError: timm does not know the name, or the network cannot give maps at strides 4 to 32.
    """
    source = _source(name)
    is_hrnet = branches and name.startswith(HRNET)
    form = {"feature_location": ""} if is_hrnet else {}
    backbone = _backbone(name, source, **form)  # tells what is wrong with a name before anything is downloaded
    if pretrained:
        backbone = _pretrained_backbone(name, source, **form) or backbone
    if is_hrnet:
        _slow_statistics(backbone.network)
    return backbone


def _slow_statistics(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and (
            name in ("bn1", "bn2") or name.startswith("layer1.") or ".branches." in name
        ):
            module.momentum = SLOW_STATISTICS


def _source(name: str) -> Any:
    """Timm's record of the network: input it was made for, where its weights are."""
    if not timm.is_model(name):
        near = get_close_matches(name.lower().split(".")[0], timm.list_models(), n=5, cutoff=0.5)
        hint = f"nearest names: {', '.join(near)}" if near else "timm.list_models() lists them all"
        raise ValueError(f"timm knows no backbone {name!r}; {hint}")
    try:
        return timm.get_pretrained_cfg(name) or PretrainedCfg()
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(f"{name.split('.')[0]}.*")) or "none"
        raise ValueError(f"timm knows no weights {name!r}; known: {tags}") from error


def _backbone(name: str, source: Any, **options: Any) -> Backbone:
    """Build the network and take its four maps.

    Networks made for one image size are asked to take any; those that know no such option are refused.
    """
    statistics = {"mean": source.mean, "std": source.std} if options.get("pretrained") else {}
    size_is_free = not source.fixed_input_size
    try:
        network = None
        if source.fixed_input_size:
            with suppress(TypeError):
                network = timm.create_model(name, features_only=True, strict_img_size=False, **options)
                size_is_free = True
        network = network or timm.create_model(name, features_only=True, **options)
    except (AssertionError, AttributeError, RuntimeError, TypeError) as error:
        raise ValueError(f"timm cannot build backbone {name!r} as a feature network: {error}") from error
    backbone = Backbone(network, name, **statistics)
    if not size_is_free:
        made_for = " x ".join(map(str, source.input_size[1:]))
        raise ValueError(f"backbone {name!r} takes images of {made_for} only; choose one that takes any size")
    return backbone


def _pretrained_backbone(name: str, source: Any, **form: Any) -> Backbone | None:
    cached = cached_weights(source)
    reason = None if cached else why_unreachable(source)
    if reason is None:
        try:
            overlay = {"pretrained_cfg_overlay": {"file": cached}} if cached else {}
            return _backbone(name, source, pretrained=True, **overlay, **form)
        except Exception as error:  # the hub's client fails in many ways, and each means the same here
            reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    _log.warning(
        "pretrained weights of backbone %r cannot be had (%s): training starts from random backbone weights, "
        "images are not normalised",
        name,
        reason,
    )
    return None
