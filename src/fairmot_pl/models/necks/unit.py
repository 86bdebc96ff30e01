"""The unit that necks are made of."""

from __future__ import annotations

from torch import Tensor, nn

from fairmot_pl.models.deform_conv import conv3x3


class ConvUnit(nn.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, deformable: bool) -> None:
        super().__init__()
        self.conv = conv3x3(in_channels, out_channels, deformable=deformable)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, out, h, w)`."""
        activated: Tensor = self.norm(self.conv(features)).relu_()
        return activated
