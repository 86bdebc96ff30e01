"""The whole loss, against the reference and at its edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.losses.fairmot_loss import FairMOTLoss
from fairmot_pl.losses.identity import IDENTITY_LOSSES
from fairmot_pl.losses.weighting import WEIGHTINGS

DIM = 16
REFERENCE_WEIGHTING = {"uncertainty": "uncertainty", "fix": "fixed"}
REFERENCE_BOX_LOSS = {"l1": "l1", "sl1": "smooth_l1"}
REFERENCE_IDENTITY = {"ce": "cross_entropy", "focal": "focal"}
REFERENCE_HEADS = {"heatmap": "hm", "size": "wh", "offset": "reg", "embedding": "id"}


def golden_case(arrays: Mapping[str, np.ndarray], case: str) -> tuple[FairMOTLoss, HeadMaps, Targets]:
    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(arrays[f"{case}__{name}"])

    weight, bias = tensor("cls_weight"), tensor("cls_bias")
    loss = FairMOTLoss(
        reid_dim=weight.shape[1],
        num_identities=weight.shape[0],
        weighting=REFERENCE_WEIGHTING[str(arrays[f"{case}__multi_loss"])],
        box_loss=REFERENCE_BOX_LOSS[str(arrays[f"{case}__reg_loss"])],
        identity=REFERENCE_IDENTITY[str(arrays[f"{case}__id_loss_kind"])],
    )
    assert loss.identity.classifier is not None
    loss.identity.classifier.load_state_dict({"weight": weight, "bias": bias})
    maps = HeadMaps(**{ours: tensor(f"out_{theirs}").requires_grad_() for ours, theirs in REFERENCE_HEADS.items()})
    targets = Targets(
        heatmap=tensor("tgt_hm"),
        size=tensor("tgt_wh"),
        offset=tensor("tgt_reg"),
        index=tensor("tgt_ind"),
        mask=tensor("tgt_reg_mask"),
        identity=tensor("tgt_ids"),
    )
    return loss, maps, targets


@pytest.mark.parametrize("case", ["ltrb", "wh", "fix", "sl1", "focal"])
def test_losses_and_gradients_of_the_reference(case: str, golden: Callable[[str], Path]) -> None:
    with np.load(golden("losses.npz")) as arrays:
        loss, maps, targets = golden_case(arrays, case)
        parts = loss(maps, targets)
        for ours, theirs in {
            "heatmap": "hm",
            "size": "wh",
            "offset": "off",
            "reid": "id",
            "total": "total",
        }.items():
            assert parts[ours].item() == pytest.approx(float(arrays[f"{case}__loss_{theirs}"]), rel=1e-5)
        parts["total"].backward()
        assert loss.identity.classifier is not None
        gradients = {f"grad_{theirs}": getattr(maps, ours).grad for ours, theirs in REFERENCE_HEADS.items()}
        gradients["grad_cls_weight"] = loss.identity.classifier.weight.grad
        gradients["grad_cls_bias"] = loss.identity.classifier.bias.grad
        if loss.weighting.state_dict():
            gradients["grad_s"] = torch.stack([parameter.grad for parameter in loss.weighting.parameters()])
        for name, gradient in gradients.items():
            wanted = torch.from_numpy(arrays[f"{case}__{name}"])
            torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-6, check_dtype=False, msg=name)


def test_parts_add_up(make_maps: Callable, make_targets: Callable) -> None:
    loss = FairMOTLoss(
        reid_dim=DIM,
        num_identities=9,
        heatmap_weight=2.0,
        size_weight=0.3,
        offset_weight=0.7,
        weighting="fixed",
        weighting_options={"detection": 0.5, "reid": 4.0},
    )
    parts = {name: value.item() for name, value in loss(make_maps(), make_targets([0, 8, -1])).items()}
    detection = 2 * parts["heatmap"] + 0.3 * parts["size"] + 0.7 * parts["offset"]
    assert parts["detection"] == pytest.approx(detection, rel=1e-6)
    assert parts["total"] == pytest.approx(0.5 * detection + 4 * parts["reid"], rel=1e-6)
    assert loss.weighting.weights.tolist() == [0.5, 4.0]


@pytest.mark.parametrize("identity", sorted(IDENTITY_LOSSES))
@pytest.mark.parametrize("weighting", sorted(WEIGHTINGS))
@pytest.mark.parametrize(
    ("num_identities", "identities"),
    [
        pytest.param(7, [], id="no object"),
        pytest.param(7, [-1, -1, -1], id="all identities unknown"),
        pytest.param(7, [4, -1], id="some known"),
        pytest.param(1, [0, 0], id="one identity"),
        pytest.param(2, [0, 1], id="two identities"),
        pytest.param(0, [-1, -1], id="detection only"),
        pytest.param(0, [], id="detection only, no object"),
    ],
)
def test_finite_with_every_gradient_attached(
    weighting: str,
    identity: str,
    num_identities: int,
    identities: list[int],
    make_maps: Callable,
    make_targets: Callable,
) -> None:
    loss = FairMOTLoss(reid_dim=DIM, num_identities=num_identities, weighting=weighting, identity=identity)
    maps = make_maps()
    parts = loss(maps, make_targets(identities))
    parts["total"].backward()
    assert all(value.isfinite() and value.ndim == 0 for value in parts.values())
    for tensor in [*maps, *loss.parameters()]:
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
    assert not parts["identity_accuracy"].requires_grad
    assert loss.weighting.weights.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing_but_the_input(
    dtype: torch.dtype, make_maps: Callable, make_targets: Callable
) -> None:
    loss, targets = FairMOTLoss(reid_dim=DIM, num_identities=7), make_targets([0, 6, -1])
    rounded = make_maps(dtype=dtype)
    with torch.autocast("cpu", dtype=dtype):
        mixed = loss(rounded, targets)
    exact = loss(HeadMaps(*(tensor.float() for tensor in rounded)), targets)
    for name, value in mixed.items():
        assert value.dtype == torch.float32, name
        torch.testing.assert_close(value, exact[name], rtol=1e-6, atol=0, msg=name)
    mixed["total"].backward()
    assert all(tensor.grad.isfinite().all() for tensor in rounded)


@pytest.mark.parametrize("weighting", sorted(WEIGHTINGS))
def test_state_dict_holds_classifier_and_balance(weighting: str, make_maps: Callable, make_targets: Callable) -> None:
    options = {"reid_dim": DIM, "num_identities": 7, "weighting": weighting}
    trained, fresh = FairMOTLoss(**options), FairMOTLoss(**options)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.3)
    assert any("classifier" in name for name in trained.state_dict())
    fresh.load_state_dict(trained.state_dict(), strict=True)
    maps, targets = make_maps(), make_targets([1, 2, 3])
    assert fresh(maps, targets)["total"] == trained(maps, targets)["total"]


def test_several_classes(make_maps: Callable, make_targets: Callable) -> None:
    loss = FairMOTLoss(reid_dim=DIM, num_identities=7, num_classes=3)
    assert loss(make_maps(classes=3), make_targets([1], classes=3))["total"].isfinite()


@pytest.mark.parametrize(
    ("maps_options", "targets_options", "message"),
    [
        ({"box_channels": 2}, {}, "2 channels in the network and 4 in the targets"),
        ({"classes": 3}, {}, "num_classes is 1"),
        ({"classes": 3}, {"classes": 3}, "num_classes is 1"),
    ],
)
def test_maps_and_targets_must_fit(
    maps_options: dict, targets_options: dict, message: str, make_maps: Callable, make_targets: Callable
) -> None:
    with pytest.raises(ValueError, match=message):
        FairMOTLoss(reid_dim=DIM, num_identities=7)(make_maps(**maps_options), make_targets([1], **targets_options))


def test_unknown_weighting() -> None:
    with pytest.raises(ValueError, match="'gradient'; allowed: uncertainty, fixed, gradnorm, mgda_ub, dwa, pcgrad"):
        FairMOTLoss(reid_dim=DIM, num_identities=7, weighting="gradient")
