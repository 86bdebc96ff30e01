"""Triton kernels of the deformable convolution: nine taps a cell, each the bilinear mean of four corners.

Rows are features `(B h w, channels)`; moves `(B h w, 27)` are float32 offsets (dy, dx of each tap) and mask logits;
taps are `(B h w, 9 channels)`. A program holds `BLOCK` cells and one tap.
"""

import triton
import triton.language as tl


@triton.jit
def place(moves, cell, held, tap, height, width):
    """Upper left corner of a tap in cells, its shares of the lower row and the right column, and its mask."""
    at = moves + cell * 27
    y = tl.load(at + 2 * tap, mask=held, other=0.0) + (cell // width % height + tap // 3 - 1)
    x = tl.load(at + 2 * tap + 1, mask=held, other=0.0) + (cell % width + tap % 3 - 1)
    top, left = tl.floor(y), tl.floor(x)
    return top, left, y - top, x - left, tl.sigmoid(tl.load(at + 18 + tap, mask=held, other=0.0))


@triton.jit
def corner(cell, held, row, column, height, width):
    """Index of a corner among all cells of the batch, and whether it lies on the map; NaN lies nowhere."""
    on_map = held & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    index = cell // (height * width) * (height * width) + (row * width + column).to(tl.int64)
    return index, on_map


@triton.jit
def values(rows, index, on_map, channel, channels):
    """`(BLOCK, DEPTH)` float32 features of corners; 0 outside the map."""
    held = on_map[:, None] & (channel < channels)[None, :]
    return tl.load(rows + index[:, None] * channels + channel[None, :], mask=held, other=0.0).to(tl.float32)


@triton.jit
def sample(rows, moves, taps, cells, height, width, channels, BLOCK: tl.constexpr, DEPTH: tl.constexpr):
    """Read what one tap of `BLOCK` cells reads, `DEPTH` channels at a time."""
    tap = tl.program_id(0)
    cell = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    held = cell < cells
    top, left, below, right, mask = place(moves, cell, held, tap, height, width)
    a, on_a = corner(cell, held, top, left, height, width)
    b, on_b = corner(cell, held, top, left + 1, height, width)
    c, on_c = corner(cell, held, top + 1, left, height, width)
    d, on_d = corner(cell, held, top + 1, left + 1, height, width)
    for start in range(0, channels, DEPTH):
        channel = start + tl.arange(0, DEPTH)
        upper = (1 - right)[:, None] * values(rows, a, on_a, channel, channels)
        upper += right[:, None] * values(rows, b, on_b, channel, channels)
        lower = (1 - right)[:, None] * values(rows, c, on_c, channel, channels)
        lower += right[:, None] * values(rows, d, on_d, channel, channels)
        total = (mask * (1 - below))[:, None] * upper + (mask * below)[:, None] * lower
        into = taps + (cell * 9 + tap)[:, None] * channels + channel[None, :]
        tl.store(into, total, mask=held[:, None] & (channel < channels)[None, :])


@triton.jit
def spread(of_rows, index, on_map, channel, channels, share, gradient):
    """Add a corner's share of the gradient to its cell."""
    held = on_map[:, None] & (channel < channels)[None, :]
    tl.atomic_add(
        of_rows + index[:, None] * channels + channel[None, :], share[:, None] * gradient, mask=held, sem="relaxed"
    )


@triton.jit
def scatter(
    of_taps,
    rows,
    moves,
    of_rows,
    of_moves,
    cells,
    height,
    width,
    channels,
    BLOCK: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Give the gradient of one tap of `BLOCK` cells back to the features, the offsets and the mask."""
    tap = tl.program_id(0)
    cell = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    held = cell < cells
    top, left, below, right, mask = place(moves, cell, held, tap, height, width)
    a, on_a = corner(cell, held, top, left, height, width)
    b, on_b = corner(cell, held, top, left + 1, height, width)
    c, on_c = corner(cell, held, top + 1, left, height, width)
    d, on_d = corner(cell, held, top + 1, left + 1, height, width)
    # products of the tap's gradient with each corner's features
    of_a, of_b = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    of_c, of_d = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    for start in range(0, channels, DEPTH):
        channel = start + tl.arange(0, DEPTH)
        at = of_taps + (cell * 9 + tap)[:, None] * channels + channel[None, :]
        gradient = tl.load(at, mask=held[:, None] & (channel < channels)[None, :], other=0.0).to(tl.float32)
        of_a += tl.sum(gradient * values(rows, a, on_a, channel, channels), axis=1)
        of_b += tl.sum(gradient * values(rows, b, on_b, channel, channels), axis=1)
        of_c += tl.sum(gradient * values(rows, c, on_c, channel, channels), axis=1)
        of_d += tl.sum(gradient * values(rows, d, on_d, channel, channels), axis=1)
        spread(of_rows, a, on_a, channel, channels, mask * (1 - below) * (1 - right), gradient)
        spread(of_rows, b, on_b, channel, channels, mask * (1 - below) * right, gradient)
        spread(of_rows, c, on_c, channel, channels, mask * below * (1 - right), gradient)
        spread(of_rows, d, on_d, channel, channels, mask * below * right, gradient)
    upper, lower = (1 - right) * of_a + right * of_b, (1 - right) * of_c + right * of_d
    value = (1 - below) * upper + below * lower
    into = of_moves + cell * 27
    tl.store(into + 2 * tap, mask * (lower - upper), mask=held)
    tl.store(into + 2 * tap + 1, mask * ((1 - below) * (of_b - of_a) + below * (of_d - of_c)), mask=held)
    tl.store(into + 18 + tap, mask * (1 - mask) * value, mask=held)
