"""The deformable convolution on a GPU: Triton against torchvision, results and time.

    python benchmarks/deform_kernels.py

Prints the largest difference of outputs and gradients over their scale, in float32 and bfloat16, for odd shapes and far
offsets, then milliseconds of forward and backward at the shapes of DLA-34's neck (12 images of 608 x 1088).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import deform_conv2d

from fairmot_pl.models import triton_conv, triton_kernels
from fairmot_pl.models.triton_conv import triton_deform_conv

ODD = ((2, 6, 5, 7, 9, 1.5), (3, 70, 8, 5, 6, 4.0), (1, 64, 64, 33, 40, 0.0), (2, 128, 32, 20, 31, 30.0))
NECK = ((12, 64, 64, 152, 272), (12, 128, 64, 76, 136), (12, 256, 256, 38, 68))


def torchvision_conv(features: Tensor, moves: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return deform_conv2d(features, moves[:, :18], weight, bias, padding=1, mask=moves[:, 18:].sigmoid())


def inputs(batch: int, channels: int, out: int, height: int, width: int, spread: float) -> list[Tensor]:
    shapes = ((batch, channels, height, width), (batch, 27, height, width), (out, channels, 3, 3), (out,))
    made = [torch.randn(shape, device="cuda") for shape in shapes]
    made[1] *= spread
    return made


def results(convolve: Callable[..., Tensor], given: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    learned = [tensor.clone().requires_grad_() for tensor in given]
    features, moves, weight, bias = learned
    out = convolve(features.to(dtype), moves, weight.to(dtype), bias.to(dtype)).float()
    direction = torch.randn(out.shape, device="cuda", generator=torch.Generator("cuda").manual_seed(1))
    return [out.detach(), *torch.autograd.grad(out, learned, direction)]


def milliseconds(call: Callable[[], object], laps: int = 20) -> float:
    times = []
    for lap in range(laps + 3):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        if lap >= 3:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


def main() -> None:
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False
    print(torch.cuda.get_device_name(), torch.__version__)
    for shape in ODD:
        given = inputs(*shape)
        wanted = results(torchvision_conv, given, torch.float32)
        for dtype in (torch.float32, torch.bfloat16):
            got = results(triton_deform_conv, given, dtype)
            off = [float((a - b).norm() / b.norm().clamp(min=1e-9)) for a, b in zip(got, wanted, strict=True)]
            print(shape, dtype, "out, features, moves, weight, bias:", " ".join(f"{value:.1e}" for value in off))
    for shape in NECK:
        given = inputs(*shape, 1.0)
        layout = given[0].contiguous(memory_format=torch.channels_last)
        for name, convolve, dtype in (
            ("torchvision float32", torchvision_conv, torch.float32),
            ("triton float32", triton_deform_conv, torch.float32),
            ("triton bfloat16", triton_deform_conv, torch.bfloat16),
        ):
            features = layout if convolve is triton_deform_conv else given[0]
            learned = [features.to(dtype).requires_grad_(), given[1].clone().requires_grad_()]
            learned += [tensor.to(dtype).requires_grad_() for tensor in given[2:]]
            out = convolve(*learned)
            direction = torch.randn_like(out)
            forward = milliseconds(partial(convolve, *learned))
            backward = milliseconds(partial(torch.autograd.grad, out, learned, direction, True))
            print(shape, f"{name}: forward {forward:.2f} ms, backward {backward:.2f} ms")
        print_blocks(given[0].bfloat16(), given[1])


def print_blocks(features: Tensor, offset_mask: Tensor) -> None:
    """Milliseconds of the two kernels by how many cells and warps a program has."""
    rows, moves = (tensor.permute(0, 2, 3, 1).contiguous() for tensor in (features, offset_mask))
    some = next(triton_conv._bands(rows))
    rows, moves = rows[some], moves[some]
    taps = rows.new_empty(rows.shape[:3].numel(), 9 * rows.shape[3])
    of_rows, of_moves = torch.zeros_like(rows, dtype=torch.float32), torch.empty_like(moves)

    def run(kernel: Any, block: int, warps: int, *tensors: Tensor) -> float:
        launch = kernel[9, -(-len(taps) // block)]
        return milliseconds(
            lambda: launch(*tensors, len(taps), *rows.shape[1:], BLOCK=block, DEPTH=64, num_warps=warps), 10
        )

    for block in (16, 32, 64, 128):
        for warps in (2, 4, 8):
            there = run(triton_kernels.sample, block, warps, rows, moves, taps)
            back = run(triton_kernels.scatter, block, warps, taps, rows, moves, of_rows, of_moves)
            print(f"  {len(rows)} images, block {block}, {warps} warps: sample {there:.3f} ms, scatter {back:.3f} ms")


if __name__ == "__main__":
    main()
