"""Balances between detection and re-ID."""

from __future__ import annotations

import math

import pytest
import torch

from fairmot_pl.losses.weighting import WEIGHTINGS, build_weighting


def scalars(detection: float = 2.0, reid: float = 5.0) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(detection, requires_grad=True), torch.tensor(reid, requires_grad=True)


def test_uncertainty_starts_as_the_reference() -> None:
    total, weights = build_weighting("uncertainty")(*scalars())
    assert weights["detection"].item() == pytest.approx(3.180, abs=5e-4)
    assert weights["reid"].item() == pytest.approx(1.429, abs=5e-4)
    assert total.item() == pytest.approx(3.17991 * 2 + 1.42883 * 5 - 1.45, abs=1e-3)


def test_uncertainty_learns_the_balance() -> None:
    # The minimum over s of (exp(-s) L + s) / 2 lies at s = ln L.
    weighting = build_weighting("uncertainty", {"detection": 0.0, "reid": 0.0})
    optimiser = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(100):
        optimiser.zero_grad()
        weighting(*scalars())[0].backward()
        optimiser.step()
    learned = [parameter.item() for parameter in weighting.parameters()]
    assert learned == pytest.approx([math.log(2), math.log(5)], abs=1e-3)


def test_uncertainty_without_identities_moves_detection_only() -> None:
    weighting = build_weighting("uncertainty")
    detection, reid = scalars(reid=0.0)
    total, weights = weighting(detection, reid, has_reid=False)
    total.backward()
    gradients = {name: parameter.grad for name, parameter in weighting.named_parameters()}
    assert all(gradient is not None for gradient in gradients.values())  # both join the graph
    assert gradients["detection_log_variance"].item() != 0
    assert gradients["reid_log_variance"].item() == 0
    assert weights["reid"].item() == 0
    assert total.item() == pytest.approx(0.5 * (math.exp(1.85) * 2 - 1.85), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 2 + 0.1 * 5), ({"reid": 1.0}, 7), ({"detection": 0.5, "reid": 0.0}, 1), ({"detection": 0}, 0.5)],
)
def test_fixed_multiplies(options: dict[str, float], expected: float) -> None:
    total, weights = build_weighting("fixed", options)(*scalars())
    assert total.item() == pytest.approx(expected)
    assert weights["reid"].item() == pytest.approx(options.get("reid", 0.1))
    assert weights["detection"].item() == options.get("detection", 1.0)


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_weights_are_the_gradients(name: str) -> None:
    detection, reid = scalars()
    total, weights = build_weighting(name)(detection, reid)
    total.backward()
    assert detection.grad is not None
    assert reid.grad is not None
    assert detection.grad.item() == pytest.approx(weights["detection"].item())
    assert reid.grad.item() == pytest.approx(weights["reid"].item())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fix", None, "'fix'; allowed: uncertainty, fixed"),
        ("fixed", {"id": 0.1}, "no option id; allowed: detection, reid"),
        ("uncertainty", {"s_det": 1.0}, "no option s_det; allowed: detection, reid"),
        ("fixed", {"reid": -0.1}, "reid is -0.1"),
        ("fixed", {"detection": math.inf}, "detection is inf"),
        ("uncertainty", {"reid": math.nan}, "reid is nan"),
    ],
)
def test_errors_name_what_is_allowed(name: str, options: dict[str, float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_weighting(name, options)
