"""Modulated deformable convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fairmot_pl.models.deform_conv import DeformConv, conv3x3

OFFSETS, MASKS = slice(0, 18), slice(18, 27)
FULL = 30.0
"""Mask logit whose sigmoid is 1 in float32."""


@pytest.fixture
def layer() -> DeformConv:
    torch.manual_seed(0)
    layer = DeformConv(5, 7)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(2, 5, 9, 11, generator=torch.Generator().manual_seed(1))


def plain(layer: DeformConv, features: torch.Tensor) -> torch.Tensor:
    """The same weights on the regular grid."""
    return F.conv2d(features, layer.weight, padding=1)


def test_untrained_is_half_a_convolution(layer: DeformConv, features: torch.Tensor) -> None:
    wanted = 0.5 * plain(layer, features) + layer.bias[:, None, None]
    torch.testing.assert_close(layer(features), wanted, rtol=1e-5, atol=1e-6)


def test_full_mask_is_a_convolution(layer: DeformConv, features: torch.Tensor) -> None:
    torch.nn.init.constant_(layer.offset_mask.bias[MASKS], FULL)
    wanted = plain(layer, features) + layer.bias[:, None, None]
    torch.testing.assert_close(layer(features), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dy", "dx"), [(0, 1), (1, 0), (-2, 0), (0, -1), (1, 2)])
def test_offsets_are_dy_then_dx(layer: DeformConv, features: torch.Tensor, dy: int, dx: int) -> None:
    with torch.no_grad():
        layer.offset_mask.bias[MASKS] = FULL
        layer.offset_mask.bias[OFFSETS] = torch.tensor([dy, dx] * 9, dtype=torch.float32)
    moved = plain(layer, torch.roll(features, (-dy, -dx), dims=(2, 3))) + layer.bias[:, None, None]
    inside = (..., slice(3, -3), slice(3, -3))
    torch.testing.assert_close(layer(features)[inside], moved[inside], rtol=1e-5, atol=1e-5)


def test_one_tap_can_be_masked(layer: DeformConv, features: torch.Tensor) -> None:
    with torch.no_grad():
        layer.offset_mask.bias[MASKS] = FULL
        layer.offset_mask.bias[18 + 5] = -FULL  # the tap at row 1, column 2
        output = layer(features) - layer.bias[:, None, None]
        layer.weight[:, :, 1, 2] = 0
    torch.testing.assert_close(output, plain(layer, features), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_samples_in_float32(layer: DeformConv, features: torch.Tensor, dtype: torch.dtype) -> None:
    torch.nn.init.normal_(layer.offset_mask.weight, std=0.1)
    rounded = features.to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        output = layer(rounded)
    assert output.dtype == dtype
    torch.testing.assert_close(output, layer(rounded.float()).to(dtype), rtol=0, atol=0)
    output.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


def test_inference_in_bfloat16_is_near_to_float32(layer: DeformConv, features: torch.Tensor) -> None:
    torch.nn.init.normal_(layer.offset_mask.weight, std=0.5)
    wanted = layer(features)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(features.bfloat16())
    assert output.dtype == torch.bfloat16
    assert (output.float() - wanted).abs().max() < 0.05 * wanted.abs().max()


def test_double_stays_double(layer: DeformConv, features: torch.Tensor) -> None:
    expected = layer(features)
    output = layer.double()(features.double())
    assert output.dtype == torch.float64
    torch.testing.assert_close(output.float(), expected, rtol=1e-5, atol=1e-5)


def test_initial_values() -> None:
    layer = DeformConv(8, 4)
    bound = (8 * 9) ** -0.5
    assert not layer.offset_mask.weight.any()
    assert not layer.offset_mask.bias.any()
    assert not layer.bias.any()
    assert layer.weight.abs().max() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_plain_variant_is_an_ordinary_convolution(features: torch.Tensor) -> None:
    plain_layer = conv3x3(5, 7, deformable=False)
    assert isinstance(plain_layer, torch.nn.Conv2d)
    assert plain_layer.bias is None
    assert plain_layer(features).shape == (2, 7, 9, 11)
