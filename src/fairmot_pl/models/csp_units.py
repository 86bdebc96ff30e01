"""Building blocks of YOLOv5: cross-stage-partial units (Wang et al., "CSPNet", CVPR workshops 2020) with SiLU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.03


class ConvSiLU(nn.Module):
    """Convolution that keeps the size (stride 1) or halves it (stride 2), batch norm, SiLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, out, h / stride, w / stride)`."""
        return nn.functional.silu(self.norm(self.conv(features)))


class Bottleneck(nn.Module):
    """1x1 then 3x3 convolution, with or without the input added."""

    def __init__(self, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.enter = ConvSiLU(channels, channels, 1)
        self.leave = ConvSiLU(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        """`(B, c, h, w)` to the same shape."""
        result: Tensor = self.leave(self.enter(features))
        return features + result if self.shortcut else result


class CSPUnit(nn.Module):
    """Half of the channels pass through bottlenecks, half go round them; a 1x1 convolution joins the two."""

    def __init__(self, in_channels: int, out_channels: int, *, blocks: int, shortcut: bool) -> None:
        super().__init__()
        half = out_channels // 2
        self.enter = ConvSiLU(in_channels, half, 1)
        self.bypass = ConvSiLU(in_channels, half, 1)
        self.join = ConvSiLU(2 * half, out_channels, 1)
        self.blocks = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(blocks)))

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, out, h, w)`."""
        joined: Tensor = self.join(torch.cat([self.blocks(self.enter(features)), self.bypass(features)], dim=1))
        return joined
