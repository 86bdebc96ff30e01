"""The whole network on a GPU: what it finds and learns is what it finds and learns on a CPU."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from fairmot_pl.benchmarking.networks import a_module, noise_batch, noise_image, spread_offsets
from fairmot_pl.codec.maps import Targets
from fairmot_pl.inference.detector import Detector
from fairmot_pl.models.fairmot import FairMOT, build_fairmot

pytestmark = pytest.mark.gpu
SIZE = (96, 160)


@pytest.fixture(autouse=True)
def _whole_float32() -> Iterator[None]:
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = True


@pytest.fixture
def model() -> FairMOT:
    torch.manual_seed(0)
    model = build_fairmot(backbone="resnet18")
    spread_offsets(model)
    return model


@pytest.mark.parametrize(("options", "apart"), [({}, 1e-3), ({"compile": True}, 1e-3)], ids=["eager", "compiled"])
def test_float32_detects_what_a_cpu_does(model: FairMOT, options: dict[str, bool], apart: float) -> None:
    image = noise_image(SIZE)
    settings = {"input_size": SIZE, "score_threshold": 0.0, "precision": "float32", "k": 20}
    found = Detector(copy.deepcopy(model), device="cuda", **settings, **options)(image)
    wanted = Detector(model, device="cpu", **settings)(image)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=apart)
    best = slice(0, 3)
    np.testing.assert_allclose(found.boxes[best], wanted.boxes[best], atol=160 * apart)
    np.testing.assert_allclose(found.embeddings[best], wanted.embeddings[best], atol=10 * apart)


@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-3), ("bfloat16", 0.03)])
def test_losses_and_gradients_are_those_of_a_cpu(precision: str, apart: float) -> None:
    module = a_module(9, backbone="resnet18", head_channels=16)
    images, targets = noise_batch(SIZE, 2, 9)
    wanted = module.losses(images, targets)["total"]
    wanted.backward()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    module.zero_grad()
    module.cuda()
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        got = module.losses(images.cuda(), Targets(*(field.cuda() for field in targets)))["total"]
    got.backward()
    torch.testing.assert_close(got.cpu(), wanted, rtol=apart, atol=0)
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        if precision == "float32":
            mine, theirs = parameter.grad.cpu(), gradients[name]
            assert float((mine - theirs).norm()) <= 0.02 * float(theirs.norm()) + 1e-5, name


def test_norms_are_folded_with_the_rounding_that_convolutions_have_by_default(model: FairMOT) -> None:
    torch.backends.cudnn.allow_tf32 = True
    detector = Detector(model, input_size=SIZE, device="cuda")
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in detector.model.modules())
    assert {parameter.device.type for parameter in detector.model.parameters()} == {"cuda"}
