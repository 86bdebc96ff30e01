"""Modulated deformable convolution on a CUDA device, in half precision too: Triton samples the taps, cuBLAS multiplies.

Features lie channels-last, so a corner of a tap is one run of memory that neighbouring threads read together. What is
sampled goes through one matrix product, some images at a time, and is sampled again on the way back rather than kept.
Positions, masks and bilinear shares are float32 whatever the features are. Gradients of features are summed in float32
by atomic additions, so their last bits differ from run to run.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
import triton
from torch import Tensor

from fairmot_pl.models.gathered_conv import TAPS
from fairmot_pl.models.triton_kernels import sample, scatter

BAND_BYTES = 2**28
"""Sampled values that are held at once: 256 MB, unless one image has more."""

BLOCK, DEPTH = 32, 64
"""Cells and channels that a program holds."""

NOT_DETERMINISTIC = "the gradient of deformable convolutions has no deterministic form on CUDA"


def triton_deform_conv(features: Tensor, offset_mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What `torchvision.ops.deform_conv2d` with padding 1 gives, up to rounding, and its gradients.

    Args:
        features: `(B, in, h, w)`, channels-last or it is copied.
        offset_mask: `(B, 27, h, w)` float32: 18 offsets (dy, dx of each tap, in cells), 9 mask logits.
        weight: `(out, in, 3, 3)` of the dtype of `features`.
        bias: `(out,)` of that dtype.

    Returns:
        `(B, out, h, w)` of that dtype, channels-last in memory.
    """
    rows = features.permute(0, 2, 3, 1).contiguous()
    moves = offset_mask.permute(0, 2, 3, 1).contiguous()
    kernel = weight.permute(2, 3, 1, 0).flatten(0, 2)
    result: Tensor = _convolve(rows, moves, kernel, bias)
    return result.permute(0, 3, 1, 2)


def try_kernels(device: torch.device, dtype: torch.dtype) -> None:
    """Compile and run forward and backward on one cell of that dtype; whatever goes wrong is raised."""
    rows, kernel, bias = (torch.zeros(shape, device=device, dtype=dtype) for shape in ((1, 1, 1, 1), (9, 1), 1))
    moves = torch.zeros(1, 1, 1, 27, device=device)
    with torch.autocast(device.type, enabled=False):
        _gradients(_convolve(rows, moves, kernel, bias), rows, moves, kernel)


@torch.library.custom_op("fairmot_pl::deform_conv", mutates_args=())
def _convolve(rows: Tensor, moves: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`(B, h, w, in)`, `(B, h, w, 27)`, `(9 in, out)` and `(out,)` to `(B, h, w, out)`."""
    result = rows.new_empty(*rows.shape[:3], len(bias))
    with torch.cuda.device_of(rows):  # Triton launches on the current device
        for some in _bands(rows):
            torch.addmm(bias, _sampled(rows[some], moves[some]), kernel, out=result[some].view(-1, len(bias)))
    return result


@torch.library.custom_op("fairmot_pl::deform_conv_gradients", mutates_args=())
def _gradients(gradient: Tensor, rows: Tensor, moves: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of rows, moves and kernel."""
    gradient = gradient.contiguous()
    of_rows = torch.zeros_like(rows, dtype=torch.float32)
    of_moves = torch.empty_like(moves)
    of_kernel = torch.zeros_like(kernel, dtype=torch.float32, memory_format=torch.contiguous_format)
    with torch.cuda.device_of(rows):
        for some in _bands(rows):
            above = gradient[some].flatten(0, 2)
            of_kernel += _sampled(rows[some], moves[some]).T @ above
            _give_back(above @ kernel.T, rows[some], moves[some], of_rows[some], of_moves[some])
    return of_rows.to(rows.dtype), of_moves, of_kernel.to(kernel.dtype)


@_convolve.register_fake
def _(rows: Tensor, moves: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return rows.new_empty(*rows.shape[:3], bias.shape[0])


@_gradients.register_fake
def _(gradient: Tensor, rows: Tensor, moves: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(rows), torch.empty_like(moves), kernel.new_empty(kernel.shape)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
    if torch.are_deterministic_algorithms_enabled():
        if not torch.is_deterministic_algorithms_warn_only_enabled():
            raise RuntimeError(
                f"{NOT_DETERMINISTIC}; train with model.deformable=false, on a CPU, or with trainer.deterministic=warn"
            )
        warnings.warn(NOT_DETERMINISTIC, stacklevel=1)
    return *_gradients(gradient, *ctx.saved_tensors), gradient.sum((0, 1, 2))


_convolve.register_autograd(_backward, setup_context=_keep)


def _bands(rows: Tensor) -> Iterator[slice]:
    """Some images at a time."""
    images = max(BAND_BYTES // (TAPS * rows[0].numel() * rows.element_size()), 1)
    for start in range(0, len(rows), images):
        yield slice(start, start + images)


def _sampled(rows: Tensor, moves: Tensor) -> Tensor:
    """`(B h w, 9 in)`: what the taps of every cell read."""
    batch, height, width, channels = rows.shape
    taps = rows.new_empty(batch * height * width, TAPS * channels)
    sample[(TAPS, triton.cdiv(len(taps), BLOCK))](
        rows, moves, taps, len(taps), height, width, channels, BLOCK=BLOCK, DEPTH=DEPTH
    )
    return taps


def _give_back(of_taps: Tensor, rows: Tensor, moves: Tensor, of_rows: Tensor, of_moves: Tensor) -> None:
    """Add to the gradient of rows, and write that of moves."""
    _, height, width, channels = rows.shape
    scatter[(TAPS, triton.cdiv(len(of_taps), BLOCK))](
        of_taps, rows, moves, of_rows, of_moves, len(of_taps), height, width, channels, BLOCK=BLOCK, DEPTH=DEPTH
    )
