"""What every neck is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from fairmot_pl.models.heads import HeadStyle


def weight_of(layer: nn.Module) -> nn.Parameter:
    """The weight of a convolution that is known by its place alone."""
    weight = layer.weight
    assert isinstance(weight, nn.Parameter)
    return weight


class Neck(nn.Module, ABC):
    """Makes one map at stride 4 of the trunk's maps at strides 4, 8, 16 and 32.

    Attributes:
        head_style: how the heads that read it are made.
        out_channels: channels of its map.
    """

    head_style: ClassVar[HeadStyle] = HeadStyle()
    out_channels: int

    @property
    @abstractmethod
    def last_weight(self) -> nn.Parameter | None:
        """The weight of the convolution that comes last; None if there is none."""

    @abstractmethod
    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps `(B, c, H / s, W / s)`, finest first, to `(B, out_channels, H / 4, W / 4)`."""
