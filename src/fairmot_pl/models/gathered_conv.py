"""Modulated deformable convolution on a CPU: gather the taps, then multiply once.

The four corners of every tap are rows of the map in channels-last order, so a tap is a weighted sum of four rows, which
`embedding_bag` forms straight from memory; mask and bilinear shares are its weights. What is gathered then meets the
kernel in one matrix product. Bands of cells keep the gathered taps in the cache. Features may be bfloat16, which halves
what is gathered; where the taps lie is computed in float32 or better all the same. On the way back what was gathered is
gathered again rather than kept, and gradients are collected by sorting: the same bag, the other way round.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

KERNEL = 3
TAPS = KERNEL * KERNEL

BAND_BYTES = 2**22
"""Gathered values a band holds: 4 MB, which fits a core's share of the last cache."""


def gathered_deform_conv(features: Tensor, offset_mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What `torchvision.ops.deform_conv2d` with padding 1 gives, up to rounding, and its gradients.

    Args:
        features: `(B, in, h, w)`, any memory layout; channels-last is not copied twice.
        offset_mask: `(B, 27, h, w)`: 18 offsets (dy, dx of each tap, in cells), 9 mask logits; float32 or better.
        weight: `(out, in, 3, 3)` of the dtype of `features`.
        bias: `(out,)` of that dtype.

    Returns:
        `(B, out, h, w)`, channels-last in memory.
    """
    batch, channels, height, width = features.shape
    # zeros around the map stand for everything outside: one row before, two behind, since a corner may lie one further
    rows = F.pad(features.contiguous(memory_format=torch.channels_last), (1, 2, 1, 2))
    rows = rows.permute(0, 2, 3, 1).reshape(batch, -1, channels)
    moves = offset_mask.permute(0, 2, 3, 1).reshape(batch, -1, 3 * TAPS)
    kernel = weight.permute(2, 3, 1, 0).reshape(TAPS * channels, -1)
    cells = torch.arange(height * width)
    band = max(BAND_BYTES // (TAPS * channels * features.element_size()), 1)
    if torch.is_grad_enabled():
        whole = [_corners(moves[image], cells, height, width) for image in range(batch)]
        learned = [
            _Multiplied.apply(rows[image], shares, kernel, bias, corners, band)
            for image, (corners, shares) in enumerate(whole)
        ]
        return torch.stack(learned).view(batch, height, width, -1).permute(0, 3, 1, 2)
    result = features.new_empty(batch, height * width, len(bias))
    for image in range(batch):
        for start in range(0, height * width, band):
            part = slice(start, start + band)
            corners, shares = _corners(moves[image, part], cells[part], height, width)
            _multiply(rows[image], shares, kernel, bias, corners, result[image, part])
    return result.view(batch, height, width, -1).permute(0, 3, 1, 2)


def _gather(rows: Tensor, shares: Tensor, corners: Tensor) -> Tensor:
    """`(9 n, in)` taps: each the sum of four of the `(R, in)` rows, by their shares `(9 n, 4)`."""
    taps: Tensor = F.embedding_bag(corners, rows, mode="sum", per_sample_weights=shares.to(rows.dtype))
    return taps


def _multiply(rows: Tensor, shares: Tensor, kernel: Tensor, bias: Tensor, corners: Tensor, out: Tensor) -> None:
    torch.addmm(bias, _gather(rows, shares, corners).view(len(out), -1), kernel, out=out)


class _Multiplied(torch.autograd.Function):
    """The convolution of one image, with a backward pass."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, shares: Tensor, kernel: Tensor, bias: Tensor, corners: Tensor, band: int
    ) -> Tensor:
        """Rows `(R, in)`, shares and corners `(9 n, 4)`, kernel `(9 in, out)`, bias `(out,)` to `(n, out)`."""
        ctx.save_for_backward(rows, shares, kernel, corners)
        result = rows.new_empty(len(corners) // TAPS, len(bias))
        for start in range(0, len(result), band):
            part, taps = slice(start, start + band), slice(TAPS * start, TAPS * (start + band))
            _multiply(rows, shares[taps], kernel, bias, corners[taps], result[part])
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of rows, shares, kernel and bias."""
        (gradient,) = gradients
        rows, shares, kernel, corners = ctx.saved_tensors
        needs_rows, needs_shares, needs_kernel, needs_bias = ctx.needs_input_grad[:4]
        of_rows = of_shares = of_kernel = None
        if needs_kernel:
            of_kernel = _gather(rows, shares, corners).view(len(gradient), -1).T @ gradient
        if needs_rows or needs_shares:
            of_taps = (gradient @ kernel.T).view(len(corners), -1)
        if needs_shares:
            near = [torch.linalg.vecdot(rows[corners[:, corner]], of_taps) for corner in range(4)]
            of_shares = torch.stack(near, dim=1)
        if needs_rows:
            of_rows = _scatter(of_taps, shares, corners, len(rows))
        return of_rows, of_shares, of_kernel, gradient.sum(0) if needs_bias else None, None, None


def _scatter(of_taps: Tensor, shares: Tensor, corners: Tensor, rows: int) -> Tensor:
    """What `_gather` took, given back: `(9 n, in)` to `(rows, in)`."""
    taken = corners.flatten()
    order = torch.argsort(taken, stable=True)
    starts = torch.bincount(taken, minlength=rows).cumsum(0).roll(1)
    starts[0] = 0
    given: Tensor = F.embedding_bag(order // 4, of_taps, starts, mode="sum", per_sample_weights=shares.flatten()[order])
    return given


def _corners(moves: Tensor, cells: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Rows of the padded map and their shares, both `(9 n, 4)`, for the taps of n cells.

    Args:
        moves: `(n, 27)` offsets and mask logits.
        cells: `(n,)` row-major cells.
        height: of the map without its border.
        width: of the map without its border.
    """
    tap = torch.arange(TAPS)
    home_row = (cells // width)[:, None] + (tap // KERNEL - 1)
    home_column = (cells % width)[:, None] + (tap % KERNEL - 1)
    # from one cell outside on all is zero, however far
    y = _limited(moves[:, 0 : 2 * TAPS : 2] + home_row, height)
    x = _limited(moves[:, 1 : 2 * TAPS : 2] + home_column, width)
    mask = moves[:, 2 * TAPS :].sigmoid()
    top, left = y.floor(), x.floor()
    below, right = y - top, x - left
    stride = width + KERNEL
    # a broken network's NaN is nowhere; its shares are NaN too, and so is what comes of it
    first = (top.nan_to_num().int() + 1) * stride + (left.nan_to_num().int() + 1)
    corners = torch.stack([first, first + 1, first + stride, first + stride + 1], dim=-1)
    above, below = mask * (1 - below), mask * below
    shares = torch.stack([above * (1 - right), above * right, below * (1 - right), below * right], dim=-1)
    return corners.view(-1, 4), shares.view(-1, 4)


def _limited(position: Tensor, end: int) -> Tensor:
    """Positions from -1 to `end`; on -1 itself, where untrained taps lie, the gradient passes as in torchvision."""
    if not torch.is_grad_enabled():
        return position.clamp_(-1, end)
    return torch.where(position < -1, -1.0, torch.where(position > end, float(end), position))
