"""Modulated deformable convolution (Deformable ConvNets v2, Zhu et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from fairmot_pl.models.gathered_conv import KERNEL, TAPS, gathered_deform_conv


class DeformConv(nn.Module):
    """3x3 convolution whose nine taps move and are weighted by what the features say.

    An ordinary convolution, zero at the start, predicts an offset (dy, dx) and a mask logit for each tap. So
    an untrained layer samples the regular grid at half strength (section 3.1 of the paper).

    Args:
        in_channels: channels of the input map.
        out_channels: channels of the output map, which has the same height and width.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        bound = (in_channels * TAPS) ** -0.5
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, KERNEL, KERNEL).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.offset_mask = nn.Conv2d(in_channels, 3 * TAPS, KERNEL, padding=1)
        nn.init.zeros_(self.offset_mask.weight)
        nn.init.zeros_(self.offset_mask.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, out, h, w)` of the same dtype.

        Positions are always computed in float32 or better: at half precision an offset of some cells is off by a
        visible fraction of a cell. So is what is sampled there, except for inference in bfloat16 on a CPU.
        """
        own, exact = self.weight.dtype, torch.promote_types(self.weight.dtype, torch.float32)
        gathers = features.device.type == "cpu"
        rough = gathers and features.dtype == torch.bfloat16 and not torch.is_grad_enabled()
        sampling = features.dtype if rough else exact
        with torch.autocast(features.device.type, enabled=False):
            offset_mask = self.offset_mask(features.to(own)).to(exact)
            taken, weight, bias = features.to(sampling), self.weight.to(sampling), self.bias.to(sampling)
            if gathers:
                sampled = gathered_deform_conv(taken, offset_mask, weight, bias)
            else:
                offset, mask = offset_mask.split((2 * TAPS, TAPS), dim=1)
                sampled = deform_conv2d(taken, offset, weight, bias, padding=1, mask=mask.sigmoid())
        result: Tensor = sampled.to(features.dtype)
        return result


def conv3x3(in_channels: int, out_channels: int, *, deformable: bool) -> nn.Module:
    """The neck's 3x3 convolution; the plain one leaves its bias to the norm that follows."""
    if deformable:
        return DeformConv(in_channels, out_channels)
    return nn.Conv2d(in_channels, out_channels, KERNEL, padding=1, bias=False)
