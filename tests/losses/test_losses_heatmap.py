"""Focal loss of the heatmap."""

from __future__ import annotations

import math

import pytest
import torch

from fairmot_pl.losses.heatmap import CLAMP, heatmap_loss


def by_hand(logits: torch.Tensor, target: torch.Tensor) -> float:
    """The definition, cell by cell."""
    total, centres = 0.0, 0
    for logit, wanted in zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True):
        p = min(max(1 / (1 + math.exp(-logit)), CLAMP), 1 - CLAMP)
        if wanted == 1:
            total -= (1 - p) ** 2 * math.log(p)
            centres += 1
        else:
            total -= (1 - wanted) ** 4 * p**2 * math.log(1 - p)
    return total / max(centres, 1)


@pytest.mark.parametrize("centres", [0, 1, 3])
def test_is_the_definition(centres: int) -> None:
    generator = torch.Generator().manual_seed(centres)
    logits = torch.randn(2, 1, 4, 5, generator=generator) * 3
    target = torch.rand(2, 1, 4, 5, generator=generator) * 0.99
    target.view(-1)[:centres] = 1
    assert heatmap_loss(logits, target).item() == pytest.approx(by_hand(logits, target), rel=1e-5)


def test_divides_by_cells_with_a_centre() -> None:
    # The background is certain here, so that only the centres count.
    logits, target = torch.full((1, 1, 3, 3), -30.0), torch.zeros(1, 1, 3, 3)
    logits[0, 0, 0, :2] = 0
    target[0, 0, 0, 0] = 1
    one = heatmap_loss(logits, target).item()
    assert one == pytest.approx(0.25 * math.log(2) * 2, rel=1e-3)  # a missed centre and a false alarm
    target[0, 0, 0, 1] = 1
    assert heatmap_loss(logits, target).item() == pytest.approx(0.25 * math.log(2), rel=1e-3)


@pytest.mark.parametrize("logit", [-1e4, -30.0, 30.0, 1e4])
@pytest.mark.parametrize("wanted", [0.0, 1.0])
def test_finite_at_certainty(logit: float, wanted: float) -> None:
    logits = torch.full((1, 1, 2, 2), logit, requires_grad=True)
    loss = heatmap_loss(logits, torch.full((1, 1, 2, 2), wanted))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_cost_no_precision(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (torch.randn(1, 1, 20, 20, generator=generator) * 4).to(dtype)
    target = torch.rand(1, 1, 20, 20, generator=generator)
    target[0, 0, 3, 4] = 1
    with torch.autocast("cpu", dtype=dtype):
        loss = heatmap_loss(logits, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(heatmap_loss(logits.float(), target).item(), rel=1e-6)
