"""The two heads."""

from __future__ import annotations

import pytest
import torch

from fairmot_pl.models.heads import DetectionHead, ReIDHead


@pytest.fixture
def detection() -> DetectionHead:
    return DetectionHead(64, 256, num_classes=1, box_channels=4)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes_of_the_reference(detection: DetectionHead) -> None:
    assert count(detection.heatmap) == 147_969
    assert count(detection.size) == 148_740
    assert count(detection.offset) == 148_226
    assert count(ReIDHead(64, 256, reid_dim=128)) == 180_608


def test_initial_biases(detection: DetectionHead) -> None:
    assert detection.heatmap[-1].bias.tolist() == pytest.approx([-2.19])
    assert detection.heatmap[0].bias.any()
    for layers in (detection.size, detection.offset, ReIDHead(64, 256, reid_dim=8).embedding):
        assert not layers[0].bias.any()
        assert not layers[-1].bias.any()


def test_a_tenth_is_foreground_before_training(detection: DetectionHead) -> None:
    heatmap, _, _ = detection(torch.zeros(1, 64, 4, 4))
    assert heatmap.sigmoid().mean().item() == pytest.approx(0.1007, abs=0.02)


def test_shapes() -> None:
    features = torch.randn(2, 12, 5, 6)
    maps = DetectionHead(12, 20, num_classes=3, box_channels=2)(features)
    assert [tuple(output.shape) for output in maps] == [(2, 3, 5, 6), (2, 2, 5, 6), (2, 2, 5, 6)]
    assert ReIDHead(12, 20, reid_dim=7)(features).shape == (2, 7, 5, 6)


def test_weights_of_half_precision() -> None:
    features = torch.randn(1, 12, 5, 6, generator=torch.Generator().manual_seed(0))
    head = DetectionHead(12, 20, num_classes=1, box_channels=4)
    exact = head(features)
    rounded = head.bfloat16()(features.bfloat16())
    assert [output.dtype for output in rounded] == [torch.float32] * 3
    for output, wanted in zip(rounded, exact, strict=True):
        torch.testing.assert_close(output, wanted, rtol=0.02, atol=0.02)


def test_the_last_convolution_is_exact_under_autocast() -> None:
    features = torch.randn(1, 12, 5, 6, generator=torch.Generator().manual_seed(0))
    head = DetectionHead(12, 20, num_classes=1, box_channels=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = head(features)
        hidden = head.size[:-1](features)
    assert [output.dtype for output in outputs] == [torch.float32] * 3
    torch.testing.assert_close(outputs[1], head.size[-1](hidden.float()), rtol=0, atol=0)
