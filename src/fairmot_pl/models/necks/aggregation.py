"""Iterative deep aggregation of the trunk's maps into one at stride 4.

Two passes as in CenterNet and FairMOT (FairMOT, section 3.1; Deep Layer Aggregation, Yu et al., CVPR 2018):
`stages` refine the pyramid from coarse to fine, each merging one level more than the one before; `final`
merges what they left at strides 4, 8 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fairmot_pl.models.necks.neck import Neck, weight_of
from fairmot_pl.models.necks.unit import ConvUnit


def bilinear_kernel(factor: int) -> Tensor:
    """`(2 factor, 2 factor)` weights with which a transposed convolution enlarges bilinearly."""
    size = 2 * factor
    half = math.ceil(size / 2)
    centre = (2 * half - 1 - half % 2) / (2 * half)
    profile = 1 - (torch.arange(size) / half - centre).abs()
    return torch.outer(profile, profile)


def upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Trainable enlargement by `factor`, channel by channel, that starts as bilinear interpolation."""
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    with torch.no_grad():
        layer.weight.copy_(bilinear_kernel(factor))
    return layer


class MergeStep(nn.Module):
    """Bring a coarser map to a finer one and fuse the two by addition."""

    def __init__(self, in_channels: int, channels: int, factor: int, *, deformable: bool) -> None:
        super().__init__()
        self.project = ConvUnit(in_channels, channels, deformable=deformable)
        self.upsample = upsampling(channels, factor)
        self.node = ConvUnit(channels, channels, deformable=deformable)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """`coarse` `(B, in, h / factor, w / factor)` into `fine` `(B, c, h, w)`."""
        merged: Tensor = self.node(self.upsample(self.project(coarse)) + fine)
        return merged


class IterativeAggregation(nn.Module):
    """Merge maps into the first and finest of them, one after the other.

    Args:
        channels: channels of the finest map and of every result.
        coarser_channels: channels of the other maps, finest first.
        factors: how many times coarser than the finest map each of them is.
        deformable: deformable or plain convolutions.
    """

    def __init__(
        self, channels: int, coarser_channels: Sequence[int], factors: Sequence[int], *, deformable: bool
    ) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            MergeStep(width, channels, factor, deformable=deformable)
            for width, factor in zip(coarser_channels, factors, strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The finest map as it came, then the result after each step; all of the finest map's size."""
        merged = [maps[0]]
        for step, coarse in zip(self.steps, maps[1:], strict=True):
            merged.append(step(coarse, merged[-1]))
        return merged


class AggregationNeck(Neck):
    """Trunk maps at strides 4, 8, 16, 32 to one map at stride 4.

    Args:
        channels: `(c4, c8, c16, c32)` of the trunk; the result has `c4`.
        deformable: deformable or plain convolutions.
    """

    def __init__(self, channels: Sequence[int], *, deformable: bool) -> None:
        super().__init__()
        self.out_channels = channels[0]
        widths = list(channels)
        self.stages = nn.ModuleList()
        for start in reversed(range(len(channels) - 1)):
            coarser = widths[start + 1 :]
            self.stages.append(
                IterativeAggregation(channels[start], coarser, [2] * len(coarser), deformable=deformable)
            )
            widths[start:] = [channels[start]] * len(widths[start:])
        self.final = IterativeAggregation(channels[0], channels[1:3], [2, 4], deformable=deformable)

    @property
    def last_weight(self) -> nn.Parameter | None:
        """See `Neck.last_weight`."""
        return weight_of(self.final.get_submodule(f"steps.{len(self.final.steps) - 1}.node.conv"))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, c4, H / 4, W / 4)`."""
        current = list(maps)
        refined: list[Tensor] = []
        for depth, stage in enumerate(self.stages):
            start = len(current) - 2 - depth
            current[start:] = stage(current[start:])
            refined.insert(0, current[-1])
        merged: Tensor = self.final(refined)[-1]
        return merged
