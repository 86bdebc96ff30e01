"""Necks: iterative deep aggregation and its alternatives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fairmot_pl.models.backbone import build_backbone
from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.models.necks import NECKS, WITHOUT_DEFORMABLE, build_neck, check_neck
from fairmot_pl.models.necks.aggregation import AggregationNeck, IterativeAggregation, bilinear_kernel, upsampling
from fairmot_pl.models.necks.concatenation import ConcatenationNeck
from fairmot_pl.models.necks.deconvolution import DeconvolutionNeck, PyramidDeconvolutionNeck


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


CHANNELS = (8, 12, 16, 20)
STRIDES = (4, 8, 16, 32)


def maps_of(height: int, width: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, channels, height // stride, width // stride, generator=generator)
        for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "deformable"),
    [(name, choice) for name in NECKS for choice in (True, False) if not (choice and name in WITHOUT_DEFORMABLE)],
)
def test_every_neck_gives_one_map_at_stride_4(name: str, deformable: bool) -> None:
    neck = NECKS[name](CHANNELS, **({} if name in WITHOUT_DEFORMABLE else {"deformable": deformable}))
    output = neck([each.requires_grad_() for each in maps_of(64, 96)])
    assert output.shape == (2, neck.out_channels, 16, 24)
    output.square().sum().backward()
    assert all(parameter.grad is not None for parameter in neck.parameters())
    assert any("offset_mask" in key for key in neck.state_dict()) == deformable


def test_deconvolution_reads_the_coarsest_map_alone() -> None:
    neck = DeconvolutionNeck(CHANNELS, deformable=False).eval()
    maps = maps_of(64, 64)
    others = [*(torch.zeros_like(each) for each in maps[:-1]), maps[-1]]
    assert torch.equal(neck(maps), neck(others))


@pytest.mark.parametrize("level", range(4))
def test_pyramid_reads_every_map(level: int) -> None:
    neck = PyramidDeconvolutionNeck(CHANNELS, deformable=False).eval()
    maps = maps_of(64, 64)
    changed = [each + (number == level) for number, each in enumerate(maps)]
    assert not torch.equal(neck(maps), neck(changed))


def test_concatenation_keeps_the_finest_map_and_resizes_the_others() -> None:
    neck = ConcatenationNeck(CHANNELS)
    maps = maps_of(64, 96)
    output = neck(maps)
    assert neck.out_channels == sum(CHANNELS)
    assert torch.equal(output[:, :8], maps[0])
    # bilinear without aligned corners: half-way between two cells of stride 8 lies at 1/4 and 3/4
    coarse = output[:, 8:20]
    torch.testing.assert_close(coarse[..., 1:2, 0], 0.75 * maps[1][..., 0:1, 0] + 0.25 * maps[1][..., 1:2, 0])
    flat = neck([torch.full_like(each, 3.0) for each in maps])
    torch.testing.assert_close(flat, torch.full_like(flat, 3.0))


@pytest.mark.parametrize(
    ("name", "deformable", "message"),
    [
        ("fpn", False, "neck is 'fpn'; allowed: aggregation, deconv, deconv_fpn, concat, csp"),
        ("concat", True, "neck 'concat' has no 3x3 convolution that could be deformable; use deformable=False"),
        ("csp", True, "neck 'csp' has no 3x3 convolution"),
    ],
)
def test_necks_that_cannot_be_had(name: str, deformable: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_neck(name, deformable=deformable)


def test_a_neck_that_would_leave_branches_without_a_use() -> None:
    backbone = build_backbone("hrnet_w18_small")
    with pytest.raises(ValueError, match="'deconv' reads the map at stride 32 alone, and backbone 'hrnet_w18_small'"):
        build_neck("deconv", backbone, deformable=False)


@pytest.mark.parametrize("name", ["aggregation", "deconv_fpn", "csp"])
def test_hrnet_learns_in_all_its_parts_under_other_necks(name: str) -> None:
    backbone = build_backbone("hrnet_w18_small")
    neck = build_neck(name, backbone, deformable=False)
    neck(backbone(torch.rand(2, 3, 64, 64))).square().sum().backward()
    assert [key for key, parameter in backbone.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"backbone": "resnet18"}, "neck.final.steps.1.node.conv.weight"),
        ({"backbone": "resnet18", "neck": "deconv"}, "neck.steps.2.upsample.weight"),
        ({"backbone": "resnet18", "neck": "deconv_fpn"}, "neck.smooths.2.conv.weight"),
        ({"backbone": "yolov5s", "neck": "csp", "deformable": False}, "neck.steps.2.merge.join.conv.weight"),
        ({"backbone": "hrnet_w18_small", "neck": "concat", "deformable": False}, None),
    ],
)
def test_the_last_weight_that_both_tasks_share(choice, name):
    model = build_fairmot(**choice)
    weight = model.last_shared_weight()
    assert next((key for key, value in model.named_parameters() if value is weight), None) == name
    model.neck.requires_grad_(False)
    assert model.last_shared_weight() is None
