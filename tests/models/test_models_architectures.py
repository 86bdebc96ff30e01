"""Every architecture of the reference: names, outputs, both directions, gradients, statistics, faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fairmot_pl.codec.maps import BOX_CHANNELS
from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.models.heads import HEATMAP_PRIOR
from fairmot_pl.models.weights import load_fairmot, to_reference_state_dict
from fairmot_pl.models.weights_file import WeightsError
from models.conftest import ARCHITECTURES, shapes_of
from models.reference_forward import BODIES, forward
from models.stored_figures import FIGURES, HEADS, check_stored_figures, images_by_rule, look

State = dict[str, torch.Tensor]
Shapes = Mapping[str, tuple[int, ...]]
WRITTEN_DOWN = [arch for arch in ARCHITECTURES if arch.partition("_")[0] in BODIES]
SMALL = {"reid_dim": 16, "head_channels": 16}
HALF_LISTED = ("dlaconv_34",)  # the reference's key list of it is not at hand


def digest(shapes: Shapes) -> str:
    lines = sorted(f"{key} {'x'.join(map(str, shape))}" for key, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.fixture
def release(tmp_path: Path, weights_by_rule: Callable[..., State]) -> Callable[..., tuple[State, Path]]:
    """State dict of an architecture, filled by the rule, and the file that holds it; gone after the test."""
    path = tmp_path / "release.pth"

    def write(arch: str, shapes: Shapes) -> tuple[State, Path]:
        state = weights_by_rule(shapes, arch)
        torch.save({"epoch": 30, "state_dict": state}, path)
        return state, path

    yield write
    path.unlink(missing_ok=True)  # pytest would keep up to 130 MB


@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if arch not in ("dla_34", *HALF_LISTED)])
def test_names_and_shapes_are_the_references(arch: str, golden_names: dict[str, Any]) -> None:
    shapes = shapes_of(arch)
    wanted = golden_names[arch]
    assert len(shapes) == wanted["tensors"]
    assert digest(shapes) == wanted["sha256"]
    assert (
        sum(parameter.numel() for parameter in build_fairmot(**ARCHITECTURES[arch]).parameters())
        == (wanted["parameters"])
    )


def test_names_of_dla_with_what_is_never_used(reference_shapes: Shapes, golden_names: dict[str, Any]) -> None:
    assert digest(reference_shapes) == golden_names["dla_34"]["sha256"]


@pytest.fixture(scope="module")
def golden_names() -> dict[str, Any]:
    return json.loads((FIGURES / "reference_names.json").read_text())


def test_plain_dla_lacks_just_what_deforms() -> None:
    lacking = set(shapes_of("dla_34")) - set(shapes_of("dlaconv_34"))
    assert len(lacking) == 16 * 3
    assert all("conv_offset_mask" in key or key.endswith(".conv.bias") for key in lacking)
    assert set(shapes_of("dlaconv_34")) < set(shapes_of("dla_34"))


@pytest.mark.parametrize("arch", WRITTEN_DOWN)
def test_every_key_of_the_reference_is_accounted_for(
    arch: str, golden: Callable[[str], Path], hollow: Callable[[Shapes], State], tmp_path: Path
) -> None:
    listing = json.loads(golden(f"keys_{arch}.json").read_text())
    shapes = {key: tuple(shape) for key, shape, _ in listing["keys"]}
    path = tmp_path / "release.pth"
    torch.save({"state_dict": hollow(shapes)}, path)
    model = load_fairmot(path)
    report = model.load_report
    assert report is not None
    same = set(report.matched) - set(report.renamed.values())
    assert report.renamed.keys() | same | report.skipped.keys() == shapes.keys()
    assert set(report.matched) | set(report.fresh) == set(model.state_dict())


LTRB_128, WH_64 = {}, {"box_encoding": "wh", "reid_dim": 64}


@pytest.mark.parametrize(
    ("arch", "options", "batch", "height", "width"),
    [
        ("resdcn_18", WH_64, 2, 96, 64),
        ("resdcn_34", LTRB_128, 1, 64, 96),
        ("resdcn_50", WH_64, 1, 64, 64),
        ("resfpndcn_34", WH_64, 2, 64, 96),
        ("hrnet_18", WH_64, 2, 96, 64),
        ("hrnet_32", LTRB_128, 1, 64, 96),
        ("yolov5s", LTRB_128, 1, 64, 96),
        ("yolov5s", WH_64, 2, 96, 160),
    ],
)
def test_outputs_against_the_network_written_down(
    arch: str,
    options: dict[str, Any],
    batch: int,
    height: int,
    width: int,
    release: Callable[..., tuple[State, Path]],
) -> None:
    state, path = release(arch, shapes_of(arch, **options))
    model = load_fairmot(path)
    assert model.config.items() >= {**ARCHITECTURES[arch], **options}.items()
    images = images_by_rule(5, batch, height, width)
    maps, wanted = look(model, images), forward(arch, state, torch.from_numpy(images))
    channels = (1, BOX_CHANNELS[model.config["box_encoding"]], 2, model.config["reid_dim"])
    assert [tuple(output.shape) for output in maps] == [(batch, count, height // 4, width // 4) for count in channels]
    for theirs, ours in HEADS.items():
        output = getattr(maps, ours)
        assert output.isfinite().all()
        assert output.std() > 0.01
        tolerance = 1e-3 if arch.startswith("hrnet") else 1e-4
        torch.testing.assert_close(output, wanted[theirs], atol=tolerance, rtol=0, msg=theirs)
    back = to_reference_state_dict(model)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_outputs_of_the_reference(release: Callable[..., tuple[State, Path]], golden: Callable[[str], Path]) -> None:
    _, path = release("resdcn_18", shapes_of("resdcn_18"))
    model = load_fairmot(path)
    with np.load(golden("model_resdcn_18.npz")) as arrays:
        maps = look(model, arrays["input"])
        for theirs, ours in HEADS.items():
            np.testing.assert_allclose(getattr(maps, ours).numpy(), arrays[theirs], atol=1e-4, rtol=0, err_msg=theirs)


def test_stored_figures_of_the_reference(release: Callable[..., tuple[State, Path]]) -> None:
    _, path = release("resdcn_18", shapes_of("resdcn_18"))
    check_stored_figures(load_fairmot(path), FIGURES / "model_resdcn_18.json")


@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if arch not in WRITTEN_DOWN])
def test_plain_and_deformable_dla_come_back_bit_for_bit(arch: str, release: Callable[..., tuple[State, Path]]) -> None:
    state, path = release("dla_34", shapes_of(arch, **SMALL))
    model = load_fairmot(path)
    assert model.load_report is not None
    assert model.load_report.layout == arch
    back = to_reference_state_dict(model)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], state[key]) for key in state)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_parameter_learns(arch: str) -> None:
    """Distributed training stops at a parameter without a gradient."""
    torch.manual_seed(0)
    model = build_fairmot(**{**ARCHITECTURES[arch], **SMALL})
    maps = model(torch.rand(2, 3, 64, 64))
    sum(output.square().mean() for output in maps).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("arch", "momenta", "epsilon"),
    [
        ("dla_34", {0.1}, 1e-5),
        ("resdcn_18", {0.1}, 1e-5),
        ("resfpndcn_34", {0.1}, 1e-5),
        ("hrnet_18", {0.1, 0.01}, 1e-5),
        ("yolov5s", {0.03}, 1e-3),
    ],
)
def test_batch_statistics(arch: str, momenta: set[float], epsilon: float) -> None:
    norms = {
        name: module
        for name, module in build_fairmot(**ARCHITECTURES[arch]).named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    assert {norm.momentum for norm in norms.values()} == momenta
    assert {norm.eps for norm in norms.values()} == {epsilon}
    if arch == "hrnet_18":  # slow in stem and blocks, not between the branches
        between = {name for name, norm in norms.items() if norm.momentum == 0.1}
        assert between == {name for name in norms if ".transition" in name or ".fuse_layers." in name}


@pytest.mark.parametrize(
    ("arch", "spreads"),
    [
        ("dla_34", (False, False)),
        ("hrnet_18", (False, False)),
        ("resdcn_18", (True, True)),
        ("resfpndcn_34", (True, True)),
        ("yolov5s", (False, True)),
    ],
)
def test_initial_values_of_the_heads(arch: str, spreads: tuple[bool, bool]) -> None:
    torch.manual_seed(0)
    model = build_fairmot(**ARCHITECTURES[arch])
    for layers in (model.detection_head.size, model.detection_head.offset, model.reid_head.embedding):
        assert not any(layers[position].bias.any() for position in (0, 2))
        assert tuple(layers[position].weight.std().item() < 2e-3 for position in (0, 2)) == spreads
    heatmap = model.detection_head.heatmap
    assert heatmap[2].bias.tolist() == pytest.approx([HEATMAP_PRIOR])
    assert heatmap[0].weight.std() > 2e-3
    assert heatmap[2].weight.std() > 2e-3
    assert heatmap[0].bias.any()


@pytest.mark.parametrize(
    ("arch", "removed", "reshaped"),
    [
        ("dla_34", "dla_up.ida_1.node_2.conv.conv_offset_mask.bias", "ida_up.up_2.weight"),
        ("resdcn_18", "deconv_layers.7.running_var", "deconv_layers.9.weight"),
        ("resdcn_50", "layer1.0.conv3.weight", "layer3.5.bn3.weight"),
        ("resfpndcn_34", "smooth_layer2.actf.0.weight", "project_layer3.conv.bias"),
        ("hrnet_18", "stage2.0.branches.0.0.conv1.weight", "stage4.2.fuse_layers.3.1.1.0.weight"),
        ("hrnet_18", "transition1.0.0.weight", "conv2.weight"),
        ("yolov5s", "backbone.model.21.m.0.cv2.bn.running_mean", "backbone.model.0.conv.conv.weight"),
    ],
)
def test_one_key_off(arch: str, removed: str, reshaped: str, hollow: Callable[[Shapes], State], tmp_path: Path) -> None:
    shapes = shapes_of(arch)
    path = tmp_path / "odd.pth"
    faults = [
        ({key: shape for key, shape in shapes.items() if key != removed}, f"1 missing: {removed}"),
        ({**shapes, "reg.4.weight": (2, 2)}, "1 unknown: reg.4.weight"),
        ({**shapes, reshaped: (3, *shapes[reshaped])}, f"1 of another shape: {reshaped} (3, "),
    ]
    for state, message in faults:
        torch.save({"state_dict": hollow(state)}, path)
        with pytest.raises(WeightsError) as caught:
            load_fairmot(path)
        assert str(path) in str(caught.value)
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "change", "message"),
    [
        ("resdcn_18", {"layer3.2.conv1.weight": (256, 256, 3, 3)}, "layer3 has 3 blocks, as no ResNet has"),
        ("hrnet_18", {"stage2.0.branches.0.0.conv1.weight": (17, 17, 3, 3)}, "17 channels; only hrnet_w18, hrnet_w32"),
    ],
)
def test_trunks_of_no_known_size(
    arch: str, change: Shapes, message: str, hollow: Callable[[Shapes], State], tmp_path: Path
) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"state_dict": hollow({**shapes_of(arch), **change})}, path)
    with pytest.raises(WeightsError, match=message):
        load_fairmot(path)


def test_a_layer_that_the_reference_gave_up(hollow: Callable[[Shapes], State], tmp_path: Path) -> None:
    path = tmp_path / "all_hrnet_v2_w18.pth"
    torch.save({"state_dict": hollow({**shapes_of("hrnet_18"), "last_layer.0.weight": (64, 270, 1, 1)})}, path)
    report = load_fairmot(path).load_report
    assert report is not None
    assert report.skipped == {"last_layer.0.weight": "layer of an older version that the reference drops too"}
