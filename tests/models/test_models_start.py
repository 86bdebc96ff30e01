"""Networks started from other files: alike ones whole, detectors in part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from fairmot_pl.models.fairmot import FairMOT, build_fairmot
from fairmot_pl.models.start import OTHER_CLASSES, MismatchError, start_network
from fairmot_pl.models.weights import NO_REID, load_fairmot, to_reference_state_dict
from fairmot_pl.models.weights_file import WeightsError

State = dict[str, torch.Tensor]
LAST = {f"detection_head.{head}.2.{kind}" for head in ("heatmap", "size") for kind in ("weight", "bias")}
REID = {f"reid_head.embedding.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")}


def detector(**changes: Any) -> State:
    """What `ctdet_coco_dla_2x.pth` holds: DLA-34 with the heads hm (80), wh (2) and reg, and ImageNet's classifier."""
    model = build_fairmot(num_classes=80, box_encoding="wh", **changes)
    state = {key: value for key, value in to_reference_state_dict(model).items() if not key.startswith("id.")}
    for level, (wide, narrow) in {3: (128, 64), 4: (256, 128)}.items():
        state[f"base.level{level}.project.0.weight"] = torch.zeros(wide, narrow, 1, 1)
    return {**state, "base.fc.weight": torch.zeros(()).expand(1000, 512, 1, 1), "base.fc.bias": torch.zeros(1000)}


@pytest.fixture
def coco(tmp_path: Path) -> Callable[[Mapping[str, torch.Tensor]], Path]:
    path = tmp_path / "ctdet_coco_dla_2x.pth"

    def write(state: Mapping[str, torch.Tensor]) -> Path:
        torch.save({"epoch": 230, "state_dict": {f"module.{key}": value for key, value in state.items()}}, path)
        return path

    yield write
    path.unlink(missing_ok=True)


def hollow(state: State) -> State:
    """The same names and shapes, next to no room in a file."""
    return {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}


def normalising() -> FairMOT:
    model = build_fairmot(reid_dim=16)
    model.mean.fill_(0.4)
    model.std.fill_(0.2)
    return model


def test_a_detector_gives_all_but_what_is_about_classes_and_identities(
    coco: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    state = detector()
    model = normalising()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with caplog.at_level(logging.INFO, logger="fairmot_pl"):
        report = start_network(model, coco(state))
    after = model.state_dict()
    for theirs, ours in report.renamed.items():
        assert torch.equal(after[ours], state[theirs]), theirs
    assert {name for name, reason in report.fresh.items() if reason == OTHER_CLASSES} == LAST
    assert {name for name, reason in report.fresh.items() if reason == NO_REID} == REID
    assert all(torch.equal(after[name], before[name]) for name in LAST | REID)
    loaded = {"detection_head.heatmap.0.weight", "detection_head.size.0.bias", "detection_head.offset.2.weight"}
    assert loaded <= set(report.matched)
    assert set(report.matched) | set(report.fresh) == set(after)
    assert {key for key, reason in report.skipped.items() if reason == OTHER_CLASSES} == {
        *("hm.2.weight", "hm.2.bias", "wh.2.weight", "wh.2.bias")
    }
    assert not model.mean.any()  # as the reference: its images are never normalised
    assert (model.std == 1).all()
    (record,) = caplog.records
    for part in ("4 x a detector has no re-ID head", "4 x the last layer of a detector", "2 x ImageNet classifier"):
        assert part in record.getMessage()


def test_boxes_of_the_same_encoding_are_taken_too(coco: Callable[..., Path]) -> None:
    state = detector()
    model = build_fairmot(reid_dim=16, box_encoding="wh")
    report = start_network(model, coco(state))
    assert torch.equal(model.detection_head.size[2].weight, state["wh.2.weight"])
    assert {name for name, reason in report.fresh.items() if reason == OTHER_CLASSES} == {
        name for name in LAST if "heatmap" in name
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {k: v for k, v in state.items() if k != "reg.2.bias"}, "1 missing: reg.2.bias"),
        (lambda state: {k: v for k, v in state.items() if k != "hm.2.bias"}, "1 missing: hm.2.bias"),
        (lambda state: {**state, "hps.0.weight": torch.zeros(2)}, "1 unknown: hps.0.weight"),
        (lambda state: {**state, "wh.0.bias": torch.zeros(9)}, r"1 of another shape: wh.0.bias \(9,\)"),
    ],
)
def test_a_partial_match_that_nobody_asked_for(
    change: Callable[[State], State], message: str, coco: Callable[..., Path]
) -> None:
    with pytest.raises(WeightsError, match=message):
        start_network(build_fairmot(reid_dim=16), coco(hollow(change(detector()))))


@pytest.mark.parametrize(
    ("file", "network", "key"),
    [
        ({"head_channels": 64}, {}, "head_channels"),
        ({"deformable": False}, {}, "deformable"),
        ({}, {"backbone": "resnet18"}, "backbone"),
        ({}, {"neck": "deconv"}, "neck"),
    ],
)
def test_a_detector_built_otherwise(
    file: dict[str, Any], network: dict[str, Any], key: str, coco: Callable[..., Path]
) -> None:
    with pytest.raises(MismatchError) as caught:
        start_network(build_fairmot(reid_dim=16, **network), coco(hollow(detector(**file))))
    assert caught.value.key == key


def test_a_release_is_taken_whole_and_turns_normalisation_off(coco: Callable[..., Path]) -> None:
    given = build_fairmot(reid_dim=16)
    path = coco(to_reference_state_dict(given))
    model = normalising()
    report = start_network(model, path)
    assert set(report.fresh) == {"mean", "std"}
    assert all(torch.equal(value, given.state_dict()[key]) for key, value in model.state_dict().items())


def test_a_release_of_another_size_names_the_key(coco: Callable[..., Path]) -> None:
    path = coco(hollow(to_reference_state_dict(build_fairmot(reid_dim=512))))
    with pytest.raises(MismatchError, match="has reid_dim=512, the network to start has reid_dim=128"):
        start_network(build_fairmot(), path)


LIGHT = {"backbone": "yolov5s", "neck": "csp", "deformable": False, "head_channels": 64}


def yolov5s() -> State:
    """YOLOv5s itself: layers 0 to 17 are also the reference's, the others are its own."""
    torch.manual_seed(1)
    body = "backbone.model."
    state = {
        key.removeprefix("backbone."): value.half() if value.is_floating_point() else value
        for key, value in to_reference_state_dict(build_fairmot(**LIGHT)).items()
        if key.startswith(body) and int(key.removeprefix(body).split(".")[0]) < 18
    }
    own = {"model.18.conv.weight": (128, 128, 3, 3), "model.18.bn.weight": (128,), "model.24.anchors": (3, 3, 2)}
    return {**state, **{key: torch.ones(shape) for key, shape in own.items()}}


def test_yolov5_gives_its_layers_down_to_stride_8(tmp_path: Path) -> None:
    state, path = yolov5s(), tmp_path / "yolov5s.pth"
    torch.save(state, path)
    model = build_fairmot(**LIGHT)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    report = start_network(model, path)
    after = model.state_dict()
    assert set(report.skipped) == {"model.18.conv.weight", "model.18.bn.weight", "model.24.anchors"}
    for theirs, ours in report.renamed.items():
        assert torch.equal(after[ours], state[theirs.removeprefix("backbone.")].to(after[ours].dtype)), theirs
    assert set(report.matched) | set(report.fresh) == set(after)
    fresh = {name for name in report.fresh if name not in ("mean", "std")}
    assert {name.split(".")[0] for name in fresh} == {"neck", "detection_head", "reid_head"}
    assert all(name.startswith("neck.steps.2.") for name in fresh if name.startswith("neck."))
    assert all(torch.equal(after[name], before[name]) for name in fresh)
    with pytest.raises(WeightsError, match=r"YOLOv5, and no FairMOT release, .* model\.init_from=FILE"):
        load_fairmot(path)


@pytest.mark.parametrize(
    ("change", "network", "message"),
    [
        ({"model.0.conv.conv.weight": None}, {}, r"1 missing: backbone\.model\.0\.conv\.conv\.weight"),
        ({"model.9.cv4.conv.weight": (1,)}, {}, r"1 unknown: backbone\.model\.9\.cv4"),
        ({"model.7.conv.weight": (9, 256, 3, 3)}, {}, r"1 of another shape: backbone\.model\.7\.conv\.weight"),
        ({}, {"neck": "aggregation"}, "neck=csp, the network to start has neck=aggregation"),
    ],
)
def test_another_yolov5(change: dict[str, Any], network: dict[str, Any], message: str, tmp_path: Path) -> None:
    state = hollow(yolov5s())
    state |= {key: torch.zeros(()).expand(shape) for key, shape in change.items() if shape}
    path = tmp_path / "yolov5s.pth"
    torch.save({key: value for key, value in state.items() if change.get(key, ()) is not None}, path)
    with pytest.raises(WeightsError, match=message):
        start_network(build_fairmot(**{**LIGHT, **network}), path)
