"""All maps of the trunk, resized to stride 4 and stacked: what HRNetV2 hands to its heads.

Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition", TPAMI 2020, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.models.necks.neck import Neck


class ConcatenationNeck(Neck):
    """Trunk maps at strides 4, 8, 16, 32 to one at stride 4, without a parameter.

    Args:
        channels: `(c4, c8, c16, c32)` of the trunk; the result has their sum.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.out_channels = sum(channels)

    @property
    def last_weight(self) -> nn.Parameter | None:
        """None: there is no convolution here, and four branches of the trunk end side by side."""
        return None

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, c4 + c8 + c16 + c32, H / 4, W / 4)`."""
        finest, *coarser = maps
        size = finest.shape[2:]
        resized = [F.interpolate(each, size=size, mode="bilinear", align_corners=False) for each in coarser]
        return torch.cat([finest, *resized], dim=1)
