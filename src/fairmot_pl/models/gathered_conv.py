"""Modulated deformable convolution on a CPU, for inference: gather the taps, then multiply once.

The four corners of every tap are rows of the map in channels-last order, so a tap is a weighted sum of four rows, which
`embedding_bag` forms straight from memory; mask and bilinear shares are its weights. What is gathered then meets the
kernel in one matrix product. Bands of cells keep the gathered taps in the cache. Features may be bfloat16, which halves
what is gathered; where the taps lie is computed in float32 or better all the same.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

KERNEL = 3
TAPS = KERNEL * KERNEL

BAND_BYTES = 2**22
"""Gathered values a band holds: 4 MB, which fits a core's share of the last cache."""


def gathered_deform_conv(features: Tensor, offset_mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What `torchvision.ops.deform_conv2d` with padding 1 gives, up to rounding; without gradients.

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
    result = features.new_empty(batch, height * width, len(bias))
    for image in range(batch):
        for start in range(0, height * width, band):
            part = slice(start, start + band)
            corners, shares = _corners(moves[image, part], cells[part], height, width)
            taps = F.embedding_bag(corners, rows[image], mode="sum", per_sample_weights=shares.to(rows.dtype))
            torch.addmm(bias, taps.view(-1, TAPS * channels), kernel, out=result[image, part])
    return result.view(batch, height, width, -1).permute(0, 3, 1, 2)


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
    y = (moves[:, 0 : 2 * TAPS : 2] + home_row).clamp_(-1, height)
    x = (moves[:, 1 : 2 * TAPS : 2] + home_column).clamp_(-1, width)
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
