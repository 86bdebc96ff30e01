"""Deformable convolution by gathering equals torchvision's kernel."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import deform_conv2d

from fairmot_pl.models import gathered_conv
from fairmot_pl.models.gathered_conv import TAPS, gathered_deform_conv


def arguments(batch: int, channels: int, out: int, height: int, width: int, reach: float) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    features = torch.randn(batch, channels, height, width, generator=random)
    offset_mask = torch.randn(batch, 3 * TAPS, height, width, generator=random) * reach
    weight, bias = torch.randn(out, channels, 3, 3, generator=random), torch.randn(out, generator=random)
    return features, offset_mask, weight, bias


def by_torchvision(
    features: torch.Tensor, moves: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    offset, mask = moves.split((2 * TAPS, TAPS), dim=1)
    return deform_conv2d(features, offset, weight, bias, padding=1, mask=mask.sigmoid())


@pytest.mark.parametrize(
    ("shape", "reach"),
    [
        pytest.param((1, 4, 6, 5, 7), 0.0, id="regular grid"),
        pytest.param((2, 4, 6, 5, 7), 1.5, id="a batch"),
        pytest.param((1, 3, 2, 1, 1), 1.0, id="one cell"),
        pytest.param((1, 3, 2, 4, 1), 3.0, id="one column"),
        pytest.param((1, 4, 6, 9, 8), 1e6, id="far outside"),
        pytest.param((1, 64, 8, 20, 30), 1.0, id="several bands"),
    ],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_torchvision(
    shape: tuple[int, int, int, int, int], reach: float, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered_conv, "BAND_BYTES", 100 * 9 * 64 * 4)
    features, moves, weight, bias = arguments(*shape, reach)
    got = gathered_deform_conv(features.to(memory_format=layout), moves.to(memory_format=layout), weight, bias)
    torch.testing.assert_close(got, by_torchvision(features, moves, weight, bias), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("reach", [0.0, 0.5, 3.0, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_equal_torchvisions(reach: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered_conv, "BAND_BYTES", 7 * 9 * 4 * 8)
    given = [tensor.to(dtype).requires_grad_() for tensor in arguments(2, 4, 6, 5, 7, reach)]
    pull = torch.randn(2, 6, 5, 7, dtype=dtype, generator=torch.Generator().manual_seed(1))
    found = [
        torch.autograd.grad((convolve(*given) * pull).sum(), given)
        for convolve in (gathered_deform_conv, by_torchvision)
    ]
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_gradients_are_computed_for_what_needs_them_alone() -> None:
    features, moves, weight, bias = arguments(1, 4, 6, 5, 7, 1.0)
    weight.requires_grad_()
    (got,) = torch.autograd.grad(gathered_deform_conv(features, moves, weight, bias).sum(), weight)
    (wanted,) = torch.autograd.grad(by_torchvision(features, moves, weight, bias).sum(), weight)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_whole_offsets_at_the_border_equal_torchvision() -> None:
    features, moves, weight, bias = arguments(1, 3, 4, 6, 5, 3.0)
    moves = moves.round()
    got = gathered_deform_conv(features, moves, weight, bias)
    torch.testing.assert_close(got, by_torchvision(features, moves, weight, bias), rtol=1e-5, atol=1e-5)


def test_a_broken_network_gives_nan_and_no_crash() -> None:
    features, moves, weight, bias = arguments(1, 3, 4, 6, 5, 1.0)
    moves[0, 0, 2, 3] = torch.nan
    broken = gathered_deform_conv(features, moves, weight, bias)
    assert broken[0, :, 2, 3].isnan().all()
    assert broken.isfinite().sum() == broken.numel() - broken.shape[1]


def test_bfloat16_rounds_the_features_and_not_where_they_are_taken() -> None:
    features, moves, weight, bias = arguments(2, 32, 8, 12, 16, 4.0)
    rounded = [tensor.bfloat16() for tensor in (features, weight, bias)]
    with torch.no_grad():
        got = gathered_deform_conv(rounded[0], moves, *rounded[1:])
    assert got.dtype == torch.bfloat16
    wanted = by_torchvision(rounded[0].float(), moves, *(tensor.float() for tensor in rounded[1:]))
    # taps, weights and the sum are rounded to 8 bits each; rounding offsets of 4 cells would show as 10 times that
    assert (got.float() - wanted).abs().max() < 0.02 * wanted.abs().max()
    coarse = gathered_deform_conv(rounded[0], moves.bfloat16().float(), *rounded[1:])
    assert (coarse.float() - wanted).square().mean() > 2 * (got.float() - wanted).square().mean()
