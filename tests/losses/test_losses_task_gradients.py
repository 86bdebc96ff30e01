"""Gradients of the two tasks where they are known beforehand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from fairmot_pl.losses.task_gradients import TaskGradients, task_gradients
from fairmot_pl.losses.weighting import WEIGHTINGS, build_weighting
from losses.toy import Toy


class Linear(nn.Module):
    """One shared 1 x 1 convolution whose gradients are the two vectors given."""

    def __init__(self, detection: list[float], reid: list[float]) -> None:
        super().__init__()
        self.shared = nn.Conv2d(1, len(detection), 1, bias=False)
        self.pulls = torch.tensor(detection), torch.tensor(reid)

    def measure(self, **options: float) -> TaskGradients:
        features = self.shared(torch.ones(1, 1, 1, 1))
        losses = [(features[0, :, 0, 0] * pull).sum() for pull in self.pulls]
        return task_gradients((losses[0], losses[1]), (features, features), features, [self.shared.weight], **options)


@pytest.mark.parametrize(
    ("detection", "reid", "cosine"),
    [
        ([3.0, 4.0], [6.0, 8.0], 1.0),
        ([3.0, 4.0], [-0.3, -0.4], -1.0),
        ([3.0, 4.0], [-4.0, 3.0], 0.0),
        ([1.0, 0.0], [1.0, 1.0], math.sqrt(0.5)),
        ([1e-4, 0.0], [1e4, 1e4], math.sqrt(0.5)),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_known_gradients(detection: list[float], reid: list[float], cosine: float, scale: float) -> None:
    found = Linear(detection, reid).measure(scale=scale)
    assert found.detection == pytest.approx(math.hypot(*detection), rel=1e-6)
    assert found.reid == pytest.approx(math.hypot(*reid), rel=1e-6)
    assert found.cosine == pytest.approx(cosine, abs=1e-6)


def test_a_silent_task_has_no_direction() -> None:
    found = Linear([3.0, 4.0], [0.0, 0.0]).measure()
    assert (found.detection, found.reid) == (5, 0)
    assert math.isnan(found.cosine)
    assert found.reid_share(torch.tensor([2.0, 1.0])) == 0


@pytest.mark.parametrize(
    ("weights", "share"),
    [([1.0, 1.0], 0.75), ([3.0, 1.0], 0.5), ([1.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([0.0, 0.0], math.nan)],
)
def test_the_share_is_that_of_weighted_lengths(weights: list[float], share: float) -> None:
    assert TaskGradients(1.0, 3.0, 0.0).reid_share(torch.tensor(weights)) == pytest.approx(share, nan_ok=True)


def measured(toy: Toy, name: str) -> tuple[TaskGradients, Tensor]:
    """What is seen in a step under a balance, and the total of that step."""
    weighting = build_weighting(name)
    features = toy.features()
    ends = weighting.branch(features, toy.shared())
    losses = toy.losses(*ends)
    found = task_gradients(losses, ends, features, toy.shared().parameters)
    return found, weighting(*losses)


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
@pytest.mark.parametrize("conflicting", [False, True], ids=["as drawn", "conflicting"])
def test_whatever_the_balance_does_the_raw_losses_are_seen(name: str, conflicting: bool) -> None:
    toy = Toy()
    if conflicting:
        toy.conflict()
    features = toy.features()
    plain = []
    for loss in toy.losses(features, features):
        parts = torch.autograd.grad(loss, toy.shared().parameters, retain_graph=True)
        plain.append(torch.cat([part.flatten() for part in parts]).double())
    found, _ = measured(toy, name)
    assert [found.detection, found.reid] == pytest.approx([float(part.norm()) for part in plain], rel=1e-6)
    cosine = float(plain[0] @ plain[1] / plain[0].norm() / plain[1].norm())
    assert found.cosine == pytest.approx(cosine, abs=1e-6)
    assert not conflicting or cosine < -0.5


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_looking_changes_no_gradient(name: str) -> None:
    looked, alone = Toy(), Toy()
    measured(looked, name)[1].backward()
    alone.backward(build_weighting(name))
    for mine, other in zip(looked.parameters(), alone.parameters(), strict=True):
        assert torch.equal(mine.grad, other.grad)
