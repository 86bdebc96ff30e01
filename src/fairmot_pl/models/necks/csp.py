"""The top-down path of YOLOv5, carried on to stride 4."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.models.csp_units import ConvSiLU, CSPUnit
from fairmot_pl.models.heads import HeadStyle
from fairmot_pl.models.necks.neck import Neck, weight_of


class CSPStep(nn.Module):
    """Narrow a coarse map, enlarge it, and merge it with the next finer one by concatenation."""

    def __init__(self, coarse_channels: int, channels: int) -> None:
        super().__init__()
        self.narrow = ConvSiLU(coarse_channels, channels, 1)
        self.merge = CSPUnit(2 * channels, channels, blocks=1, shortcut=False)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """`coarse` `(B, in, h / 2, w / 2)` and `fine` `(B, c, h, w)` to `(B, c, h, w)`."""
        enlarged = F.interpolate(self.narrow(coarse), scale_factor=2.0, mode="nearest")
        merged: Tensor = self.merge(torch.cat([enlarged, fine], dim=1))
        return merged


class CSPNeck(Neck):
    """Trunk maps at strides 4, 8, 16, 32 to one at stride 4.

    Args:
        channels: `(c4, c8, c16, c32)` of the trunk; the result has `c4`.
    """

    head_style: ClassVar = HeadStyle(activation=nn.SiLU, near_zero="last")

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.out_channels = channels[0]
        coarse_to_fine = list(reversed(channels))
        self.steps = nn.ModuleList(CSPStep(coarse, fine) for coarse, fine in pairwise(coarse_to_fine))

    @property
    def last_weight(self) -> nn.Parameter | None:
        """See `Neck.last_weight`."""
        return weight_of(self.get_submodule(f"steps.{len(self.steps) - 1}.merge.join.conv"))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, c4, H / 4, W / 4)`."""
        features = maps[-1]
        for step, fine in zip(self.steps, reversed(maps[:-1]), strict=True):
            features = step(features, fine)
        return features
