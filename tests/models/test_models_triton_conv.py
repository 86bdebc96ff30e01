"""The deformable convolution in Triton; without a GPU its kernels are interpreted, slowly, in their own process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torchvision.ops import deform_conv2d

from fairmot_pl.models.deform_conv import DeformConv, triton_works

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")


def test_kernels_interpreted_on_the_cpu() -> None:
    pytest.importorskip("triton")
    chosen = ["-m", "gpu", "-k", "odd or channels or nan or deterministic or tried"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *chosen, __file__]
    ran = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "passed" in ran.stdout


@pytest.mark.skipif(INTERPRETED, reason="works there")
def test_where_triton_does_not_work_one_line_says_why(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("triton")
    assert [triton_works(torch.device("cpu"), torch.bfloat16) for _ in range(2)] == [False, False]
    (line,) = caplog.messages
    assert "torchvision's kernel, which is slower: Triton does not work on cpu in bfloat16 (" in line
    assert "\n" not in line


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_kernels_are_tried_in_each_precision(dtype: torch.dtype) -> None:
    from fairmot_pl.models.triton_conv import try_kernels

    try_kernels(DEVICE, dtype)


def given(batch: int, channels: int, out: int, height: int, width: int, spread: float) -> list[Tensor]:
    random = torch.Generator().manual_seed(channels)
    shapes = ((batch, channels, height, width), (batch, 27, height, width), (out, channels, 3, 3), (out,))
    made = [torch.randn(shape, generator=random) for shape in shapes]
    made[1] *= spread
    return [tensor.to(DEVICE).requires_grad_() for tensor in made]


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("shape", "spread"),
    [((2, 5, 3, 4, 5), 1.5), ((1, 70, 2, 3, 4), 4.0), ((1, 8, 8, 5, 7), 0.0), ((2, 3, 4, 3, 3), 50.0)],
    ids=["odd", "more channels than a program holds", "on the grid", "far outside"],
)
def test_as_torchvision(shape: tuple[int, int, int, int, int], spread: float) -> None:
    from fairmot_pl.models.triton_conv import triton_deform_conv

    learned = given(*shape, spread)
    features, moves, weight, bias = learned
    wanted = deform_conv2d(features, moves[:, :18], weight, bias, padding=1, mask=moves[:, 18:].sigmoid())
    got = triton_deform_conv(*learned)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
    direction = torch.randn_like(wanted)
    gradients = [torch.autograd.grad(out, learned, direction) for out in (got, wanted)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_a_broken_network_says_nan() -> None:
    from fairmot_pl.models.triton_conv import triton_deform_conv

    features, moves, weight, bias = given(1, 2, 2, 4, 4, 1.0)
    with torch.no_grad():
        moves[0, 0, 1, 1] = torch.nan
        out = triton_deform_conv(features, moves, weight, bias)
    assert out[0, :, 1, 1].isnan().all()
    assert out.isnan().sum() == 2


@pytest.mark.gpu
def test_no_deterministic_gradient_is_promised() -> None:
    from fairmot_pl.models.triton_conv import triton_deform_conv

    out = triton_deform_conv(*given(1, 2, 2, 4, 4, 1.0))
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(RuntimeError, match=r"model\.deformable=false"):
            out.sum().backward(retain_graph=True)
        torch.use_deterministic_algorithms(True, warn_only=True)
        with pytest.warns(UserWarning, match="no deterministic form on CUDA"):
            out.sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.gpu
def test_layer_keeps_half_precision() -> None:
    assert triton_works(DEVICE, torch.bfloat16)
    torch.manual_seed(0)
    layer = DeformConv(64, 32).to(DEVICE)
    torch.nn.init.normal_(layer.offset_mask.weight, std=0.02)
    features = torch.randn(2, 64, 19, 34, device=DEVICE)
    exact = layer(features)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        rough = layer(features.bfloat16())
    assert rough.dtype == torch.bfloat16
    assert float((rough - exact).norm() / exact.norm()) < 0.01
    rough.sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())
