"""Iterative deep aggregation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fairmot_pl.models.necks.aggregation import AggregationNeck, IterativeAggregation, bilinear_kernel, upsampling


@pytest.mark.parametrize(
    ("factor", "profile"),
    [
        (2, [0.25, 0.75, 0.75, 0.25]),
        (4, [0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125]),
    ],
)
def test_bilinear_profile(factor: int, profile: list[float]) -> None:
    torch.testing.assert_close(bilinear_kernel(factor), torch.outer(torch.tensor(profile), torch.tensor(profile)))


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_starts_bilinear_and_keeps_channels_apart(factor: int) -> None:
    flat = torch.tensor([1.0, -2.0, 5.0]).view(1, 3, 1, 1).expand(1, 3, 6, 7)
    enlarged = upsampling(3, factor)(flat)
    assert enlarged.shape == (1, 3, 6 * factor, 7 * factor)
    inside = enlarged[:, :, factor:-factor, factor:-factor]
    torch.testing.assert_close(inside, flat[:, :, :1, :1].expand_as(inside))


class Add(nn.Module):
    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        return coarse + fine


def test_each_step_builds_on_the_one_before() -> None:
    merging = IterativeAggregation(1, [1, 1, 1], [2, 2, 2], deformable=False)
    merging.steps = nn.ModuleList(Add() for _ in range(3))
    results = merging([torch.tensor(float(value)) for value in (1, 10, 100, 1000)])
    assert [result.item() for result in results] == [1, 11, 111, 1111]


@pytest.mark.parametrize("deformable", [True, False])
@pytest.mark.parametrize("channels", [(8, 16, 32, 64), (8, 8, 12, 20), (24, 8, 16, 4)])
def test_any_widths_give_one_map_at_stride_4(channels: tuple[int, ...], deformable: bool) -> None:
    neck = AggregationNeck(channels, deformable=deformable)
    maps = [torch.randn(2, width, 64 // s, 96 // s) for width, s in zip(channels, (4, 8, 16, 32), strict=True)]
    output = neck(maps)
    assert output.shape == (2, channels[0], 16, 24)
    assert neck.out_channels == channels[0]
    output.square().sum().backward()
    assert all(parameter.grad is not None for parameter in neck.parameters())


def test_reference_layout_has_sixteen_units() -> None:
    neck = AggregationNeck((64, 128, 256, 512), deformable=True)
    assert [len(stage.steps) for stage in neck.stages] == [1, 2, 3]
    assert sum(name.endswith("offset_mask.weight") for name in neck.state_dict()) == 16
    assert sum(p.numel() for p in neck.stages.parameters()) == 3_515_012
    assert sum(p.numel() for p in neck.final.parameters()) == 425_324
