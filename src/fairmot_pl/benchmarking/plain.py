"""The network as the reference runs it, to measure against: every head at every cell, torchvision's kernel."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.models.deform_conv import DeformConv
from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.models.gathered_conv import TAPS
from fairmot_pl.training.module import FairMOTModule


class PlainFairMOT(nn.Module):
    """Wraps a network, whose deformable convolutions are torchvision's from then on."""

    def __init__(self, model: FairMOT) -> None:
        super().__init__()
        self.model = model
        for layer in model.modules():
            if isinstance(layer, DeformConv):
                layer.forward = partial(_convolve, layer)  # type: ignore[method-assign]  # of this layer alone

    def forward(self, images: Tensor) -> HeadMaps:
        """Dense maps of `(B, 3, H, W)`."""
        maps: HeadMaps = self.model(images)
        return maps


def plain_losses(module: FairMOTModule, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    """The losses of a batch from dense maps."""
    losses: dict[str, Tensor] = module.loss(module(images), targets)
    return losses


def _convolve(layer: DeformConv, features: Tensor) -> Tensor:
    offset, mask = layer.offset_mask(features).split((2 * TAPS, TAPS), dim=1)
    convolved: Tensor = deform_conv2d(features, offset, layer.weight, layer.bias, padding=1, mask=mask.sigmoid())
    return convolved
