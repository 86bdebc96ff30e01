"""The network as a whole."""

from __future__ import annotations

import pytest
import torch

from fairmot_pl.codec.maps import BOX_CHANNELS, HeadMaps
from fairmot_pl.models import fairmot as fairmot_module
from fairmot_pl.models.backbone import Backbone, build_backbone
from fairmot_pl.models.fairmot import FairMOT, build_fairmot

SMALL = "dla46_c"


@pytest.mark.parametrize("backbone", ["dla34", "resnet18", "mobilenetv4_conv_small", "dla46_c"])
@pytest.mark.parametrize(("box_encoding", "deformable"), [("ltrb", True), ("wh", False)])
def test_every_parameter_learns(backbone: str, box_encoding: str, deformable: bool) -> None:
    torch.manual_seed(0)
    model = build_fairmot(
        backbone=backbone,
        reid_dim=24,
        box_encoding=box_encoding,
        deformable=deformable,
        num_classes=2,
        head_channels=32,
    )
    maps = model(torch.rand(2, 3, 64, 96))
    assert isinstance(maps, HeadMaps)
    channels = (2, BOX_CHANNELS[box_encoding], 2, 24)
    assert [tuple(output.shape) for output in maps] == [(2, count, 16, 24) for count in channels]
    sum(output.square().mean() for output in maps).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_size_of_the_default() -> None:
    # The reference counts 19 836 711: with the two projections of depth-2 trees whose output it throws away
    # (64 -> 128 and 128 -> 256: 1x1 weights and a batch norm's weight and bias). Ours has no dead parameters.
    unused = sum(narrow * wide + 2 * wide for narrow, wide in ((64, 128), (128, 256)))
    assert sum(parameter.numel() for parameter in build_fairmot().parameters()) == 19_836_711 - unused == 19_794_983


def test_eval_mode_gives_the_same_twice_and_images_apart() -> None:
    model = build_fairmot(backbone=SMALL).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        both, again, second = model(images), model(images), model(images[1:])
    for output, same, alone in zip(both, again, second, strict=True):
        assert torch.equal(output, same)
        torch.testing.assert_close(output[1:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("deformable", [True, False])
def test_autocast_on_a_cpu(deformable: bool) -> None:
    torch.manual_seed(0)
    model = build_fairmot(backbone=SMALL, reid_dim=16, deformable=deformable).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(images)
    for output, exact in zip(mixed, model(images), strict=True):
        assert (output.float() - exact).abs().max() < 0.05 * exact.abs().max() + 0.05
    # detections stay exact, embeddings are what half precision is for
    assert [output.dtype for output in mixed] == [torch.float32, torch.float32, torch.float32, torch.bfloat16]
    sum(output.float().square().mean() for output in mixed).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 64, 100), "64 x 100 pixels .* multiples of 32: .* 64 x 96"),
        ((1, 3, 65, 64), "65 x 64 pixels"),
        ((1, 3, 16, 64), "for example to 32 x 64"),
        ((1, 3, 0, 64), "0 x 64 pixels"),
        ((3, 64, 64), r"shape \(3, 64, 64\), expected \(B, 3, H, W\)"),
        ((1, 1, 64, 64), r"expected \(B, 3, H, W\)"),
        ((1, 64, 64, 3), r"expected \(B, 3, H, W\)"),
    ],
)
def test_wrong_images(shape: tuple[int, ...], message: str) -> None:
    model = build_fairmot(backbone=SMALL, deformable=False)
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(shape))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reid_dim": 0}, "reid_dim is 0"),
        ({"num_classes": 0}, "num_classes is 0"),
        ({"head_channels": -1}, "head_channels is -1"),
        ({"box_encoding": "xyxy"}, "box_encoding is 'xyxy'; allowed: 'ltrb', 'wh'"),
        ({"neck": "fpn"}, "neck is 'fpn'; allowed: aggregation, deconv"),
        ({"neck": "concat"}, "neck 'concat' has no 3x3 convolution .* use deformable=False"),
        ({"neck": "deconv", "backbone": "hrnet_w18_small"}, "most of which would learn nothing"),
        ({"backbone": "dla3"}, "nearest names: .*dla34"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_fairmot(**options)


def test_config_rebuilds_the_architecture() -> None:
    model = build_fairmot(
        backbone=SMALL, reid_dim=9, box_encoding="wh", deformable=False, num_classes=2, head_channels=11
    )
    again = build_fairmot(**model.config)
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    assert {key: value.shape for key, value in again.state_dict().items()} == shapes
    assert again.config == model.config
    assert all(isinstance(value, (str, int, bool)) for value in model.config.values())


@pytest.fixture
def normalising(monkeypatch: pytest.MonkeyPatch) -> FairMOT:
    """A network that says of itself that its trunk was pretrained."""

    def trained(name: str, *, pretrained: bool, branches: bool) -> Backbone:
        assert pretrained
        assert not branches
        return Backbone(build_backbone(name).network, name, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))

    monkeypatch.setattr(fairmot_module, "build_backbone", trained)
    return build_fairmot(backbone=SMALL, deformable=False, pretrained=True).eval()


def test_normalisation_is_part_of_the_network(normalising: FairMOT) -> None:
    images = torch.rand(1, 3, 64, 64)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))
    untouched = build_fairmot(**normalising.config, pretrained=True).eval()
    untouched.load_state_dict(normalising.state_dict())
    untouched.mean.zero_()
    untouched.std.fill_(1)
    with torch.no_grad():
        for output, expected in zip(normalising(images), untouched((images - mean) / std), strict=True):
            assert torch.equal(output, expected)


def test_normalisation_survives_a_state_dict(normalising: FairMOT, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    plain = build_fairmot(**normalising.config)
    assert not plain.mean.any()
    assert (plain.std == 1).all()
    plain.load_state_dict(normalising.state_dict())
    assert plain.mean.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert plain.std.flatten().tolist() == pytest.approx([0.2, 0.3, 0.4])
