"""Modulated deformable convolution (Deformable ConvNets v2, Zhu et al., CVPR 2019)."""

from __future__ import annotations

import functools
import logging

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from fairmot_pl.models.gathered_conv import KERNEL, TAPS, gathered_deform_conv

log = logging.getLogger(__name__)


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
        nn.init.zeros_(self.offset_mask.bias)  # type: ignore[arg-type]  # None only with bias=False

    def forward(self, features: Tensor) -> Tensor:
        """`(B, in, h, w)` to `(B, out, h, w)` of the same dtype.

        Positions are always computed in float32 or better: at half precision an offset of some cells is off by a
        visible fraction of a cell. So is what is sampled there, except under autocast on CUDA and for inference in
        bfloat16 on a CPU.
        """
        own, exact = self.weight.dtype, torch.promote_types(self.weight.dtype, torch.float32)
        convolve, sampling = _torchvision, exact
        if features.device.type == "cpu":
            convolve = gathered_deform_conv
            sampling = features.dtype if features.dtype == torch.bfloat16 and not torch.is_grad_enabled() else exact
        elif features.device.type == "cuda" and exact == torch.float32:
            asked = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else exact
            if triton_works(features.device, asked):
                from fairmot_pl.models.triton_conv import triton_deform_conv

                convolve, sampling = triton_deform_conv, asked
        with torch.autocast(features.device.type, enabled=False):
            offset_mask = self.offset_mask(features.to(own)).to(exact)
            taken, weight, bias = features.to(sampling), self.weight.to(sampling), self.bias.to(sampling)
            return convolve(taken, offset_mask, weight, bias).to(features.dtype)


def _torchvision(features: Tensor, offset_mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    offset, mask = offset_mask.split((2 * TAPS, TAPS), dim=1)
    sampled: Tensor = deform_conv2d(features, offset, weight, bias, padding=1, mask=mask.sigmoid())
    return sampled


@torch.compiler.assume_constant_result
def triton_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a GPU runs Triton kernels, which need a C compiler beside the GPU; why not is one line in the log.

    Some GPUs know float16 alone, or not all that bfloat16 needs.
    """
    return _tried(device, dtype)


@functools.cache
def _tried(device: torch.device, dtype: torch.dtype) -> bool:
    try:
        from fairmot_pl.models.triton_conv import try_kernels

        try_kernels(device, dtype)
    except Exception as error:  # whatever the compiler or the driver says
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.warning(
            "deformable convolutions run in float32 with torchvision's kernel, which is slower: Triton does not work "
            "on %s in %s (%s)",
            device,
            str(dtype).removeprefix("torch."),
            reason,
        )
        return False
    return True


def conv3x3(in_channels: int, out_channels: int, *, deformable: bool) -> nn.Module:
    """The neck's 3x3 convolution; the plain one leaves its bias to the norm that follows."""
    if deformable:
        return DeformConv(in_channels, out_channels)
    return nn.Conv2d(in_channels, out_channels, KERNEL, padding=1, bias=False)
