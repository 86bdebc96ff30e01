"""The trunk of YOLOv5s, which timm does not have; registered with timm, so that it is built like any other."""

from __future__ import annotations

from typing import Any

import torch
from timm.models import FeatureInfo, register_model
from torch import Tensor, nn

from fairmot_pl.models.csp_units import ConvSiLU, CSPUnit

POOLING_KERNELS = (5, 9, 13)
STAGES = ((64, 1), (128, 3), (256, 3))
"""Channels and bottlenecks at strides 4, 8 and 16."""
DEEPEST = 512


class Focus(nn.Module):
    """Every 2x2 block of pixels becomes one cell of four times the channels, then a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvSiLU(4 * in_channels, out_channels, 3)

    def forward(self, images: Tensor) -> Tensor:
        """`(B, in, H, W)` to `(B, out, H / 2, W / 2)`."""
        corners = [images[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
        cells: Tensor = self.conv(torch.cat(corners, dim=1))
        return cells


class PyramidPooling(nn.Module):
    """Max-pooling with growing windows, side by side, between two 1x1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = ConvSiLU(channels, half, 1)
        self.leave = ConvSiLU(half * (len(POOLING_KERNELS) + 1), channels, 1)
        self.pools = nn.ModuleList(nn.MaxPool2d(kernel, 1, kernel // 2) for kernel in POOLING_KERNELS)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, c, h, w)` to the same shape."""
        narrow = self.enter(features)
        pooled: Tensor = self.leave(torch.cat([narrow, *(pool(narrow) for pool in self.pools)], dim=1))
        return pooled


class YOLOv5s(nn.Module):
    """Maps at strides 4, 8, 16, 32 with 64, 128, 256, 512 channels.

    Depth multiple 0.33, width multiple 0.5 of the full design; its detection layers are no part of it.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [Focus(3, 32)]
        width = 32
        for channels, blocks in STAGES:
            layers += [
                ConvSiLU(width, channels, 3, 2),
                CSPUnit(channels, channels, blocks=blocks, shortcut=True),
            ]
            width = channels
        layers += [
            ConvSiLU(width, DEEPEST, 3, 2),
            PyramidPooling(DEEPEST),
            CSPUnit(DEEPEST, DEEPEST, blocks=1, shortcut=False),
        ]
        self.layers = nn.ModuleList(layers)
        outputs = {2 * number + 2: channels for number, (channels, _) in enumerate(STAGES)} | {9: DEEPEST}
        self._outputs = frozenset(outputs)
        self.feature_info = FeatureInfo(
            [
                {"num_chs": channels, "reduction": 4 * 2**number, "module": f"layers.{layer}"}
                for number, (layer, channels) in enumerate(outputs.items())
            ],
            tuple(range(len(outputs))),
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """`(B, 3, H, W)` to four maps, finest first."""
        maps = []
        features = images
        for number, layer in enumerate(self.layers):
            features = layer(features)
            if number in self._outputs:
                maps.append(features)
        return maps


@register_model
def yolov5s(pretrained: bool = False, *, features_only: bool = False, **options: Any) -> nn.Module:
    """Timm's entry point; there is no classifier, so only the feature network can be had.

    Raises:
        TypeError: `features_only` is off.
    """
    if not features_only:
        raise TypeError("yolov5s exists as a feature network only")
    return YOLOv5s()
