"""Three transposed convolutions from stride 32 to stride 4, with or without a feature pyramid beside them.

The neck of "Simple Baselines for Human Pose Estimation and Tracking" (Xiao et al., ECCV 2018) with a deformable
convolution before each enlargement, as CenterNet has it on ResNets; the pyramid is FairMOT's ResNet-34-FPN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from fairmot_pl.models.heads import HeadStyle
from fairmot_pl.models.necks.neck import Neck, weight_of
from fairmot_pl.models.necks.unit import ConvUnit

WIDTHS = (256, 128, 64)
"""Channels at strides 16, 8 and 4."""


class Enlargement(nn.Module):
    """3x3 convolution, then a transposed one that doubles height and width; each with batch norm and ReLU.

    The transposed convolution mixes channels and starts from random weights: the reference fills only the first of
    its output channels bilinearly, which is a slip and not repeated.
    """

    def __init__(self, in_channels: int, channels: int, *, deformable: bool) -> None:
        super().__init__()
        self.unit = ConvUnit(in_channels, channels, deformable=deformable)
        self.upsample = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, c, 2 h, 2 w)`."""
        enlarged: Tensor = self.norm(self.upsample(self.unit(features))).relu_()
        return enlarged


class DeconvolutionNeck(Neck):
    """The trunk's map at stride 32 to one at stride 4; its finer maps are not read.

    Args:
        channels: `(c4, c8, c16, c32)` of the trunk; the result has 64 whatever they are.
        deformable: deformable or plain 3x3 convolutions.
    """

    head_style: ClassVar = HeadStyle(near_zero="all")

    def __init__(self, channels: Sequence[int], *, deformable: bool) -> None:
        super().__init__()
        self.out_channels = WIDTHS[-1]
        inputs = (channels[-1], *WIDTHS[:-1])
        self.steps = nn.ModuleList(
            Enlargement(width, channel, deformable=deformable) for width, channel in zip(inputs, WIDTHS, strict=True)
        )

    @property
    def last_weight(self) -> nn.Parameter | None:
        """See `Neck.last_weight`."""
        return weight_of(self.get_submodule(f"steps.{len(WIDTHS) - 1}.upsample"))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, 64, H / 4, W / 4)`."""
        features = maps[-1]
        for step in self.steps:
            features = step(features)
        return features


class PyramidDeconvolutionNeck(DeconvolutionNeck):
    """The same with the trunk's finer maps added after each enlargement, and the sum smoothed.

    Args:
        channels: `(c4, c8, c16, c32)` of the trunk; the result has 64 whatever they are.
        deformable: deformable or plain 3x3 convolutions.
    """

    def __init__(self, channels: Sequence[int], *, deformable: bool) -> None:
        super().__init__(channels, deformable=deformable)
        finer = list(reversed(channels[:-1]))
        self.laterals = nn.ModuleList(
            ConvUnit(width, channel, deformable=deformable) for width, channel in zip(finer, WIDTHS, strict=True)
        )
        self.smooths = nn.ModuleList(ConvUnit(channel, channel, deformable=deformable) for channel in WIDTHS)

    @property
    def last_weight(self) -> nn.Parameter | None:
        """See `Neck.last_weight`."""
        return weight_of(self.get_submodule(f"smooths.{len(WIDTHS) - 1}.conv"))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, 64, H / 4, W / 4)`."""
        features = maps[-1]
        finer = list(reversed(maps[:-1]))
        for step, lateral, smooth, fine in zip(self.steps, self.laterals, self.smooths, finer, strict=True):
            features = smooth(step(features) + lateral(fine))
        return features
