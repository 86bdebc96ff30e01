"""Balances between detection and re-ID: each against the mathematics of its paper."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from fairmot_pl.losses.weighting import WEIGHTINGS, build_weighting
from fairmot_pl.losses.weighting.base import Weighting
from fairmot_pl.losses.weighting.mgda_ub import min_norm_share
from losses.toy import Toy, shared_gradient


def scalars(detection: float = 2.0, reid: float = 5.0) -> tuple[Tensor, Tensor]:
    return torch.tensor(float(detection), requires_grad=True), torch.tensor(float(reid), requires_grad=True)


@pytest.fixture
def plain() -> SimpleNamespace:
    """Gradients of each task alone: of the shared parameters, at the shared map, of the heads."""
    toy, found = Toy(), SimpleNamespace(shared=[], at_map=[], heads=[], last=[])
    features = toy.features()
    for loss, head in zip(toy.losses(features, features), (toy.detection, toy.reid), strict=True):
        shared = torch.autograd.grad(loss, toy.shared().parameters, retain_graph=True)
        found.shared.append(torch.cat([part.flatten() for part in shared]))
        found.at_map.append(torch.autograd.grad(loss, features, retain_graph=True)[0].flatten())
        found.heads.append(torch.autograd.grad(loss, head.weight, retain_graph=True)[0])
        found.last.append(torch.autograd.grad(loss, toy.last.weight, retain_graph=True)[0])
    return found


def test_uncertainty_starts_as_the_reference() -> None:
    weighting = build_weighting("uncertainty")
    total = weighting(*scalars())
    assert weighting.weights.tolist() == pytest.approx([3.180, 1.429], abs=5e-4)
    assert total.item() == pytest.approx(3.17991 * 2 + 1.42883 * 5 - 1.45, abs=1e-3)


def test_uncertainty_learns_the_balance() -> None:
    # The minimum over s of (exp(-s) L + s) / 2 lies at s = ln L.
    weighting = build_weighting("uncertainty", {"detection": 0.0, "reid": 0.0})
    optimiser = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(100):
        optimiser.zero_grad()
        weighting(*scalars()).backward()
        optimiser.step()
    learned = [parameter.item() for parameter in weighting.parameters()]
    assert learned == pytest.approx([math.log(2), math.log(5)], abs=1e-3)


def test_uncertainty_without_identities_moves_detection_only() -> None:
    weighting = build_weighting("uncertainty")
    detection, reid = scalars(reid=0.0)
    total = weighting(detection, reid, has_reid=False)
    total.backward()
    gradients = {name: parameter.grad for name, parameter in weighting.named_parameters()}
    assert all(gradient is not None for gradient in gradients.values())  # both join the graph
    assert gradients["detection_log_variance"].item() != 0
    assert gradients["reid_log_variance"].item() == 0
    assert weighting.weights[1] == 0
    assert total.item() == pytest.approx(0.5 * (math.exp(1.85) * 2 - 1.85), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 2 + 0.1 * 5), ({"reid": 1.0}, 7), ({"detection": 0.5, "reid": 0.0}, 1), ({"detection": 0}, 0.5)],
)
def test_fixed_multiplies(options: dict[str, float], expected: float) -> None:
    weighting = build_weighting("fixed", options)
    assert weighting(*scalars()).item() == pytest.approx(expected)
    assert weighting.weights.tolist() == pytest.approx([options.get("detection", 1.0), options.get("reid", 0.1)])


@pytest.mark.parametrize("name", ["uncertainty", "fixed", "gradnorm", "dwa"])
def test_weights_of_losses_are_their_gradients(name: str) -> None:
    detection, reid = scalars()
    weighting = build_weighting(name)
    weighting(detection, reid).backward()
    assert [detection.grad.item(), reid.grad.item()] == pytest.approx(weighting.weights.tolist())


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_weights_tell_what_the_shared_part_learned_from(name: str, plain: SimpleNamespace) -> None:
    toy, weighting = Toy(), build_weighting(name)
    toy.backward(weighting)
    detection, reid = weighting.weights
    torch.testing.assert_close(
        shared_gradient(toy), detection * plain.shared[0] + reid * plain.shared[1], rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("name", ["mgda_ub", "pcgrad"])
def test_heads_learn_from_their_own_task_unweighted(name: str, plain: SimpleNamespace) -> None:
    toy = Toy()
    toy.backward(build_weighting(name))
    torch.testing.assert_close(toy.detection.weight.grad, plain.heads[0])
    torch.testing.assert_close(toy.reid.weight.grad, plain.heads[1])


def test_mgda_share_is_the_shortest_combination(plain: SimpleNamespace) -> None:
    d, r = plain.at_map
    numeric = minimize_scalar(lambda a: float((a * d + (1 - a) * r).norm()), bounds=(0, 1), method="bounded").x
    weighting = build_weighting("mgda_ub")
    Toy().backward(weighting)
    assert weighting.weights[0].item() == pytest.approx(numeric, abs=1e-4)
    assert weighting.weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("d", "r", "share"),
    [
        pytest.param([1.0, 0.0], [0.0, 1.0], 0.5, id="right angle, equal length"),
        pytest.param([2.0, 0.0], [0.0, 1.0], 0.2, id="right angle: inverse to the squared lengths"),
        pytest.param([1.0, 0.0], [3.0, 1.0], 1.0, id="the shorter one alone"),
        pytest.param([3.0, 1.0], [1.0, 0.0], 0.0, id="the shorter one alone, mirrored"),
        pytest.param([1.0, 0.0], [-1.0, 0.0], 0.5, id="opposed: they cancel"),
        pytest.param([1.0, 1.0], [1.0, 1.0], 0.5, id="equal: any share will do"),
    ],
)
def test_mgda_closed_form(d: list[float], r: list[float], share: float) -> None:
    first, second = torch.tensor(d), torch.tensor(r)
    assert min_norm_share(first @ first, first @ second, second @ second).item() == pytest.approx(share)


@pytest.mark.parametrize("conflicting", [False, True], ids=["as drawn", "conflicting"])
def test_pcgrad_is_algorithm_1(conflicting: bool) -> None:
    toy = Toy()
    if conflicting:
        toy.conflict()
    features = toy.features()
    gradients = []
    for loss in toy.losses(features, features):
        parts = torch.autograd.grad(loss, toy.shared().parameters, retain_graph=True)
        gradients.append(torch.cat([part.flatten() for part in parts]))
    projected = []
    for mine, other in (gradients, gradients[::-1]):
        conflict = torch.minimum(mine @ other, torch.zeros(()))
        projected.append(mine - conflict / (other @ other) * other)
    toy.backward(build_weighting("pcgrad"))
    torch.testing.assert_close(shared_gradient(toy), projected[0] + projected[1], rtol=1e-4, atol=1e-6)
    if conflicting:
        assert gradients[0] @ gradients[1] < 0
        assert shared_gradient(toy) @ gradients[0] >= -1e-6  # no task gets worse, to first order
        assert shared_gradient(toy) @ gradients[1] >= -1e-6


def test_gradnorm_moves_along_equation_2(plain: SimpleNamespace) -> None:
    alpha, rate = 0.7, 0.1
    weighting = build_weighting("gradnorm", {"alpha": alpha, "learning_rate": rate})
    toy = Toy()
    toy.backward(weighting)  # notes where the losses start
    weighting.slope.zero_()
    weighting.seen.zero_()
    weighting.start.mul_(torch.tensor([1.5, 0.8]))
    weighting.factors.copy_(torch.tensor([1.4, 0.6]))
    toy.backward(weighting)

    factors = torch.tensor([1.4, 0.6], requires_grad=True)
    lengths = factors * torch.stack([gradient.norm() for gradient in plain.last])
    pace = weighting.losses / weighting.start
    wanted = (lengths.mean() * (pace / pace.mean()) ** alpha).detach()
    (lengths - wanted).abs().sum().backward()
    slope = factors.grad / lengths.mean().detach()
    torch.testing.assert_close(weighting.slope, slope, rtol=1e-4, atol=1e-6)

    weighting.before_step()
    moved = factors.detach() - rate * slope
    torch.testing.assert_close(weighting.factors, 2 * moved / moved.sum(), rtol=1e-4, atol=1e-6)


def test_gradnorm_evens_out_the_gradients() -> None:
    weighting, toy = build_weighting("gradnorm", {"alpha": 0.0}), Toy()
    for _ in range(200):  # the network stands still, the weights settle
        toy.backward(weighting)
        weighting.before_step()
    features = toy.features()
    lengths = [
        (factor * torch.autograd.grad(loss, toy.last.weight, retain_graph=True)[0]).norm().item()
        for factor, loss in zip(weighting.factors, toy.losses(features, features), strict=True)
    ]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.15)
    assert weighting.factors.sum().item() == pytest.approx(2)


def test_gradnorm_counts_an_accumulated_step_once() -> None:
    once, twice = build_weighting("gradnorm"), build_weighting("gradnorm")
    Toy().backward(once)
    for _ in range(2):
        Toy().backward(twice)
    for weighting in (once, twice):
        weighting.before_step()
    torch.testing.assert_close(once.factors, twice.factors)


@pytest.mark.parametrize("name", ["gradnorm", "mgda_ub", "pcgrad"])
def test_the_scale_of_a_gradient_scaler_changes_no_balance(name: str) -> None:
    alone, scaled = build_weighting(name), build_weighting(name)
    Toy().backward(alone)
    Toy().backward(scaled, scale=1024.0)
    for weighting in (alone, scaled):
        weighting.before_step()
    torch.testing.assert_close(alone.weights, scaled.weights)
    for key, value in alone.state_dict().items():
        torch.testing.assert_close(scaled.state_dict()[key], value)


@pytest.mark.parametrize("name", ["gradnorm", "mgda_ub", "pcgrad"])
def test_a_silent_task_leaves_the_other_alone(name: str, plain: SimpleNamespace) -> None:
    toy, weighting = Toy(), build_weighting(name)
    before = {key: value.clone() for key, value in weighting.state_dict().items()}
    detection, reid = toy.losses(*weighting.branch(toy.features(), toy.shared()))
    weighting(detection, reid * 0, has_reid=False).backward()
    torch.testing.assert_close(shared_gradient(toy), plain.shared[0])
    weighting.before_step()
    for key, value in weighting.state_dict().items():
        torch.testing.assert_close(value, before[key])


def epochs_of_dwa(weighting: Weighting, losses: list[tuple[float, float]]) -> list[list[float]]:
    seen = []
    for epoch, (detection, reid) in enumerate(losses):
        weighting.start_epoch(epoch)
        for noise in (-0.5, 0.5):  # the mean of an epoch counts
            weighting(*scalars(detection + noise, reid + noise))
        seen.append(weighting.weights.tolist())
    return seen


def test_dwa_is_equation_7() -> None:
    seen = epochs_of_dwa(build_weighting("dwa", {"temperature": 0.5}), [(4, 8), (2, 6), (1, 6), (1, 3)])
    assert seen[0] == seen[1] == [1, 1]
    for weights, pace in zip(seen[2:], [(2 / 4, 6 / 8), (1 / 2, 6 / 6)], strict=True):
        powers = [math.exp(each / 0.5) for each in pace]
        assert weights == pytest.approx([2 * power / sum(powers) for power in powers], rel=1e-6)


def test_dwa_goes_on_where_it_was_stopped() -> None:
    losses = [(4.0, 8.0), (2.0, 6.0), (1.0, 6.0)]
    whole, stopped, resumed = (build_weighting("dwa") for _ in range(3))
    epochs_of_dwa(whole, losses)
    epochs_of_dwa(stopped, losses[:2])
    resumed.load_state_dict(stopped.state_dict())
    resumed.start_epoch(1)  # the epoch in which it was stopped is said again
    resumed.start_epoch(2)
    resumed(*scalars(*losses[2]))
    assert resumed.weights.tolist() == pytest.approx(whole.weights.tolist())


def test_dwa_does_not_count_batches_without_identities() -> None:
    weighting = build_weighting("dwa")
    weighting.start_epoch(0)
    weighting(*scalars(2, 6))
    weighting(*scalars(4, 0), has_reid=False)
    weighting.start_epoch(1)
    assert weighting.history[0].tolist() == [3, 6]


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_half_precision_maps(name: str) -> None:
    toy, weighting = Toy(), build_weighting(name)
    for_detection, for_reid = weighting.branch(toy.features().bfloat16(), toy.shared())
    weighting(*toy.losses(for_detection.float(), for_reid.float())).backward()
    assert shared_gradient(toy).isfinite().all()
    assert shared_gradient(toy).any()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fix", None, "'fix'; allowed: uncertainty, fixed, gradnorm, mgda_ub, dwa, pcgrad"),
        ("fixed", {"id": 0.1}, "no option id; allowed: detection, reid"),
        ("uncertainty", {"s_det": 1.0}, "no option s_det; allowed: detection, reid"),
        ("mgda_ub", {"alpha": 1.0}, "no option alpha; allowed: none"),
        ("fixed", {"reid": -0.1}, "reid is -0.1"),
        ("fixed", {"detection": math.inf}, "detection is inf"),
        ("uncertainty", {"reid": math.nan}, "reid is nan"),
        ("gradnorm", {"alpha": -1.0}, "alpha is -1.0"),
        ("gradnorm", {"learning_rate": 0.0}, "learning_rate is 0.0"),
        ("dwa", {"temperature": 0.0}, "temperature is 0.0"),
        ("pcgrad", {"reid": 0.0}, "reid is 0.0"),
    ],
)
def test_errors_name_what_is_allowed(name: str, options: dict[str, float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_weighting(name, options)


@pytest.mark.parametrize("frozen", ["first", "last", "both"])
@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_frozen_layers(name: str, frozen: str) -> None:
    toy, weighting = Toy(), build_weighting(name)
    layers = {"first": [toy.first], "last": [toy.last], "both": [toy.first, toy.last]}[frozen]
    for layer in layers:
        layer.requires_grad_(False)
    toy.backward(weighting)
    weighting.before_step()
    assert toy.detection.weight.grad.isfinite().all()
    assert weighting.weights.isfinite().all()


@pytest.mark.parametrize("name", ["dwa", "gradnorm"])
def test_a_loss_that_is_not_finite_is_forgotten(name: str) -> None:
    spoiled, clean = build_weighting(name), build_weighting(name)
    spoiled.start_epoch(0)
    clean.start_epoch(0)
    spoiled(*scalars(math.inf, 3))
    clean.start_epoch(0)
    for epoch in range(1, 4):
        for weighting in (spoiled, clean):
            weighting(*scalars(4 / epoch, 3))
            weighting.start_epoch(epoch)
    assert all(value.isfinite().all() for value in spoiled.state_dict().values())
    assert spoiled.weights.isfinite().all()
