"""L1 loss at the objects' cells."""

from __future__ import annotations

import pytest
import torch

from fairmot_pl.losses.box import cell_loss, check_box_loss


def test_is_a_mean_over_objects_and_channels() -> None:
    prediction = torch.zeros(1, 2, 2, 3)
    prediction[0, :, 1, 2] = torch.tensor([1.0, -2.0])  # cell 5
    target = torch.tensor([[[0.0, 0.0], [9.0, 9.0], [4.0, 0.0]]])
    index, mask = torch.tensor([[5, 5, 0]]), torch.tensor([[1, 0, 1]], dtype=torch.uint8)
    loss = cell_loss(prediction, target, index, mask)
    assert loss.item() == pytest.approx((1 + 2 + 4) / (2 * 2 + 1e-4), rel=1e-6)


def test_no_object_gives_zero_with_a_gradient() -> None:
    prediction = torch.randn(2, 4, 3, 3, requires_grad=True)
    slots = torch.zeros(2, 5, dtype=torch.int64)
    loss = cell_loss(prediction, torch.zeros(2, 5, 4), slots, slots.to(torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert prediction.grad is not None
    assert not prediction.grad.any()


def test_empty_slots_mean_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, target = (
        torch.randn(1, 4, 3, 3, generator=generator),
        torch.rand(1, 5, 4, generator=generator),
    )
    index, mask = torch.tensor([[1, 8, 0, 0, 0]]), torch.tensor([[1, 1, 0, 0, 0]])
    alone = cell_loss(prediction, target[:, :2], index[:, :2], mask[:, :2])
    assert cell_loss(prediction, target, index, mask).item() == pytest.approx(alone.item(), rel=1e-6)


def test_half_precision_is_compared_in_float32() -> None:
    prediction = torch.full((1, 2, 1, 1), 100.0, dtype=torch.bfloat16)
    target = torch.full((1, 1, 2), 100.2)  # bfloat16 has no number between 100 and 100.5
    slot = torch.zeros(1, 1, dtype=torch.int64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cell_loss(prediction, target, slot, slot + 1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.2, rel=1e-3)


def test_smooth_l1_is_a_mean_over_objects() -> None:
    prediction = torch.zeros(1, 2, 2, 3)
    prediction[0, :, 1, 2] = torch.tensor([0.5, -2.0])
    target = torch.zeros(1, 2, 2)
    index, mask = torch.tensor([[5, 5]]), torch.tensor([[1, 0]], dtype=torch.uint8)
    loss = cell_loss(prediction, target, index, mask, box_loss="smooth_l1")
    assert loss.item() == pytest.approx((0.5 * 0.5**2 + 2 - 0.5) / (1 + 1e-4), rel=1e-6)


def test_unknown_box_loss() -> None:
    with pytest.raises(ValueError, match="'l2'; allowed: 'l1', 'smooth_l1'"):
        check_box_loss("l2")
