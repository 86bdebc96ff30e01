"""Reading networks from files: the reference's releases, our checkpoints, and what is neither."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from fairmot_pl.models.fairmot import FairMOT, build_fairmot
from fairmot_pl.models.weights import CONFIG_KEYS, load_fairmot, to_reference_state_dict
from fairmot_pl.models.weights_file import WeightsError
from models.stored_figures import FIGURES, HEADS, check_stored_figures, look

State = dict[str, torch.Tensor]
Shapes = Mapping[str, tuple[int, ...]]


def save(path: Path, state: Mapping[str, torch.Tensor], **more: object) -> Path:
    torch.save({"epoch": 30, "state_dict": dict(state), **more}, path)
    return path


def save_checkpoint(path: Path, model: FairMOT, **changes: object) -> Path:
    """A checkpoint as Lightning writes one around a module that holds the network as `model`."""
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    content = {
        "epoch": 3,
        "state_dict": state | {"loss.identity.classifier.weight": torch.zeros(4, 4)},
        "hyper_parameters": {**model.config, "learning_rate": 1e-4, "pretrained": True},
        "pytorch-lightning_version": "2.6.0",
        "optimizer_states": [{"state": {}, "param_groups": []}],
        **changes,
    }
    torch.save(content, path)
    return path


@pytest.fixture(scope="session")
def reference_file(
    reference_shapes: Shapes,
    weights_by_rule: Callable[[Shapes], State],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A whole release: network, unused projections, ImageNet classifier, optimiser."""
    state = weights_by_rule(reference_shapes)
    state |= {"base.fc.weight": torch.zeros(()).expand(1000, 512, 1, 1), "base.fc.bias": torch.zeros(1000)}
    path = save(tmp_path_factory.mktemp("release") / "fairmot_dla34.pth", state, optimizer={"state": {}})
    yield path
    path.unlink()  # pytest would keep the 80 MB


@pytest.fixture(scope="session")
def reference_model(reference_file: Path) -> FairMOT:
    return load_fairmot(reference_file)


@pytest.mark.parametrize("name", ["model_dla34_small", "model_dla34"])
def test_outputs_of_the_reference(name: str, reference_model: FairMOT, golden: Callable[[str], Path]) -> None:
    middles: dict[str, torch.Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda *call, part=part: middles.update({part: call[2].detach().clone()}))
        for part, module in probed(reference_model).items()
    ]
    with np.load(golden(f"{name}.npz")) as arrays:
        maps = look(reference_model, arrays["input"])
        for hook in hooks:
            hook.remove()
        # Trunk first, so that a failure names the first layer that went astray.
        probes = [part for part in middles if f"probe_{part}_row" in arrays]
        assert len(probes) >= 7
        for part in probes:
            height, width = middles[part].shape[2:]
            row = middles[part][0, :, height // 2, width // 2].numpy()
            np.testing.assert_allclose(row, arrays[f"probe_{part}_row"], atol=1e-4, err_msg=part)
            spread = middles[part].std(correction=0).item()
            assert spread == pytest.approx(float(arrays[f"probe_{part}_std"]), rel=1e-3), part
        for theirs, ours in HEADS.items():
            np.testing.assert_allclose(getattr(maps, ours).numpy(), arrays[theirs], atol=1e-4, rtol=0, err_msg=theirs)


def probed(model: FairMOT) -> dict[str, torch.nn.Module]:
    """Layers of ours under the names that the golden files give them, in the order of the forward pass."""
    network, neck = model.backbone.network, model.neck
    trunk = {f"base_{name}": network[name] for name in ("base_layer", *(f"level{i}" for i in range(6)))}
    stages = {f"dla_up_ida_{i}_node_{i + 1}": stage.steps[-1].node for i, stage in enumerate(neck.stages)}
    return trunk | stages | {f"ida_up_node_{i + 1}": step.node for i, step in enumerate(neck.final.steps)}


def test_keys_are_those_of_the_reference(reference_shapes: Shapes, golden: Callable[[str], Path]) -> None:
    listing = json.loads(golden("model_dla34_keys.json").read_text())
    assert dict(reference_shapes) == {key: tuple(shape) for key, shape, _ in listing["keys"]}
    assert listing["n_tensors"] == 402
    assert sum(p.numel() for p in build_fairmot().parameters()) == listing["n_parameters"] - 41_728  # unused ones


def test_stored_figures_of_the_reference(reference_model: FairMOT) -> None:
    """The same comparison at a few cells, for a machine without the golden files."""
    check_stored_figures(reference_model, FIGURES / "model_dla34.json")


def test_report_of_a_release(reference_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="fairmot_pl"):
        model = load_fairmot(str(reference_file))
    report = model.load_report
    assert report is not None
    assert not model.training
    assert len(report.matched) == len(report.renamed) == 390
    assert set(report.matched) == set(model.state_dict()) - {"mean", "std"}
    assert {key.rsplit(".", 1)[0] for key in report.skipped} == {
        "base.fc",
        "base.level3.project.0",
        "base.level3.project.1",
        "base.level4.project.0",
        "base.level4.project.1",
    }
    assert report.skipped["base.fc.weight"] == "ImageNet classifier"
    assert report.renamed["ida_up.up_2.weight"] == "neck.final.steps.1.upsample.weight"
    assert report.renamed["hm.2.bias"] == "detection_head.heatmap.2.bias"
    (record,) = caplog.records
    assert record.getMessage() == report.summary()
    assert set(report.fresh) == {"mean", "std"}
    assert set(report.beside) == {"epoch", "optimizer"}
    assert report.layout == "dla_34"
    for part in (str(reference_file), "390 tensors", "14 skipped", "2 x ImageNet classifier", "2 not in the file"):
        assert part in report.summary()
    assert "\n" not in report.summary()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.path = Path()  # type: ignore[misc]  # what must not be possible


@pytest.mark.parametrize("dressing", ["bare", "replica", "legacy"])
def test_ways_to_save_a_release(dressing: str, reference_model: FairMOT, tmp_path: Path) -> None:
    state, path = to_reference_state_dict(reference_model), tmp_path / "weights.pth"
    if dressing == "bare":
        torch.save(state, path)
    elif dressing == "replica":
        save(path, {f"module.{key}": value for key, value in state.items()})
    else:  # as torch before 1.6 wrote it
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)
    again = to_reference_state_dict(load_fairmot(path))
    path.unlink()
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], value) for key, value in state.items())


@pytest.mark.parametrize(
    "config",
    [
        {"box_encoding": "wh", "reid_dim": 512},
        {"reid_dim": 64, "head_channels": 32},
        {"num_classes": 5, "deformable": False, "reid_dim": 1},
    ],
)
def test_architecture_is_read_off_the_shapes(config: dict, tmp_path: Path) -> None:
    model = build_fairmot(**config)
    path = save(tmp_path / "weights.pth", to_reference_state_dict(model))
    loaded = load_fairmot(path)
    path.unlink()
    assert loaded.config == model.config
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "config",
    [
        {"backbone": "dla46_c", "reid_dim": 12, "box_encoding": "wh", "num_classes": 3, "head_channels": 16},
        {"backbone": "mobilenetv4_conv_small", "deformable": False},
    ],
)
def test_own_checkpoint_comes_back_bit_for_bit(config: dict, tmp_path: Path) -> None:
    model = build_fairmot(**config)
    with torch.no_grad():
        model.mean.copy_(torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1))
        model.std.fill_(0.2)
    model(torch.rand(2, 3, 64, 64))  # moves the running statistics
    loaded = load_fairmot(save_checkpoint(tmp_path / "last.ckpt", model))
    assert not loaded.training
    assert loaded.config == model.config
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in model.state_dict().items())
    assert loaded.load_report is not None
    assert loaded.load_report.renamed == {}
    assert loaded.load_report.skipped == {"loss.identity.classifier.weight": "used in training only"}


def test_a_checkpoint_from_before_there_were_necks(tmp_path: Path) -> None:
    model = build_fairmot(backbone="dla46_c", deformable=False)
    settings = {key: value for key, value in model.config.items() if key != "neck"}
    loaded = load_fairmot(save_checkpoint(tmp_path / "last.ckpt", model, hyper_parameters=settings))
    assert loaded.config == model.config


def test_a_tensor_that_is_there_twice(tmp_path: Path) -> None:
    path = save(tmp_path / "odd.pth", {"hm.2.bias": torch.zeros(1), "module.hm.2.bias": torch.ones(1)})
    with pytest.raises(WeightsError, match=r"holds hm.2.bias twice, with and without the prefix 'module.'"):
        load_fairmot(path)


def test_a_new_network_has_no_report() -> None:
    assert build_fairmot(backbone="dla46_c").load_report is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"backbone": "dla46_c"}, "backbone is 'dla46_c' and neck 'aggregation'"),
        ({"backbone": "resnet18"}, "resnet18, .* with neck 'deconv'"),
        ({"neck": "deconv"}, "backbone is 'dla34' and neck 'deconv'"),
    ],
)
def test_reference_cannot_express_every_network(config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_reference_state_dict(build_fairmot(**config))


def test_reference_cannot_normalise() -> None:
    normalising = build_fairmot()
    normalising.std.fill_(0.2)
    with pytest.raises(ValueError, match="normalises"):
        to_reference_state_dict(normalising)


def without(prefix: str) -> Callable[[State], State]:
    return lambda state: {key: value for key, value in state.items() if not key.startswith(prefix)}


def reshaped(key: str, *shape: int) -> Callable[[State], State]:
    return lambda state: {**state, key: torch.zeros(()).expand(shape)}


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            without("id."),
            ["no id.2.weight", "no FairMOT release", "hm, wh, reg and id", "model.init_from=FILE"],
        ),  # a detector such as CenterNet
        (without("id.2.weight"), ["1 missing: id.2.weight"]),
        (without("hm.0.weight"), ["1 missing: hm.0.weight"]),
        (
            without("base.level2.root"),
            ["6 missing: base.level2.root.conv.weight", "base.level2.root.bn.weight"],
        ),
        (without("base."), ["missing: base.base_layer.0.weight", "and 216 more"]),
        (without("ida_up.up_2"), ["1 missing: ida_up.up_2.weight"]),
        (reshaped("dla_up.ida_0.proj_1.conv.bias", 255), ["1 of another shape", "(255,) instead of (256,)"]),
        (reshaped("id.2.bias", 64), ["id.2.bias (64,) instead of (128,)"]),
        (reshaped("wh.2.weight", 3, 256, 1, 1), ["impossible shape", "wh.2.weight has 3 channels"]),
        (reshaped("hm.2.weight"), ["impossible shape"]),
        (reshaped("last_layer.0.weight", 4, 4), ["1 unknown: last_layer.0.weight"]),
        (
            without("dla_up.ida_1.node_2.conv.conv_offset_mask"),
            ["2 missing: dla_up.ida_1.node_2.conv.conv_offset_mask"],
        ),
    ],
)
def test_releases_that_do_not_fit(
    change: Callable[[State], State],
    messages: list[str],
    reference_shapes: Shapes,
    hollow: Callable[[Shapes], State],
    tmp_path: Path,
) -> None:
    path = save(tmp_path / "odd.pth", change(hollow(reference_shapes)))
    with pytest.raises(WeightsError) as caught:
        load_fairmot(path)
    for part in [str(path), *messages]:
        assert part in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "no state_dict of tensors"),
        ({"state_dict": {"a": 1}}, "no state_dict of tensors"),
        ({"state_dict": None, "hyper_parameters": {}}, "no state_dict of tensors"),
        ({"epoch": 3}, "no state_dict of tensors"),
        ({}, "no state_dict of tensors"),
        ([1, 2], "holds a list"),
        (torch.zeros(3), "holds a Tensor"),
        ({"fc.weight": torch.zeros(3)}, "no FairMOT release: it has none of the names .*it starts with fc.weight"),
        ({"base.x": torch.zeros(3)}, "no wh.2.weight: .* no checkpoint of this package"),
        (
            {"state_dict": {"model.x": torch.zeros(1)}, "hyper_parameters": {"lr": 1}},
            "lack backbone, reid_dim",
        ),
        ({"state_dict": {"model.x": torch.zeros(1)}, "hyper_parameters": 3}, "hyper_parameters lack"),
    ],
)
def test_foreign_files(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_fairmot(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("backbone", "dla999", "cannot be built: timm knows no backbone"),
        ("reid_dim", "many", "cannot be built"),
        ("reid_dim", 13, "reid_head.embedding.2.weight .* instead of"),
        ("deformable", True, "missing: neck.stages"),
    ],
)
def test_checkpoints_that_contradict_themselves(setting: str, value: object, message: str, tmp_path: Path) -> None:
    model = build_fairmot(backbone="dla46_c", deformable=False, reid_dim=4, head_channels=8)
    assert set(CONFIG_KEYS) == set(model.config)
    path = save_checkpoint(tmp_path / "odd.ckpt", model, hyper_parameters={**model.config, setting: value})
    with pytest.raises(WeightsError, match=message) as caught:
        load_fairmot(path)
    assert str(path) in str(caught.value)
