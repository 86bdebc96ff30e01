"""Ways to learn identities."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from fairmot_pl.codec.maps import HeadMaps, Targets, gather_cells
from fairmot_pl.losses.identity import IDENTITY_LOSSES, build_identity_loss, classes
from fairmot_pl.losses.identity.base import IdentityLoss, IdentityOutcome, embedding_scale
from fairmot_pl.losses.identity.cross_entropy import CrossEntropy
from fairmot_pl.losses.identity.focal import Focal
from fairmot_pl.losses.identity.margin_softmax import MarginSoftmax
from fairmot_pl.losses.identity.triplet import Triplet

DIM = 16


def run(loss: IdentityLoss, maps: HeadMaps, targets: Targets) -> IdentityOutcome:
    return loss(maps.embedding, targets)


@pytest.mark.parametrize(
    ("identities", "scale"),
    [
        (14455, 13.5464),  # the reference's default training set
        (60, 5.766508754255592),
        (4, math.sqrt(2) * math.log(3)),
        (3, math.sqrt(2) * math.log(2)),
        (2, math.sqrt(2) * math.log(2)),  # the formula gives 0 here, and fails below
        (1, math.sqrt(2) * math.log(2)),
        (0, math.sqrt(2) * math.log(2)),
    ],
)
def test_embedding_scale(identities: int, scale: float) -> None:
    assert embedding_scale(identities) == pytest.approx(scale, rel=1e-5)


def test_is_cross_entropy_over_the_known(make_maps: Callable, make_targets: Callable) -> None:
    loss, maps, targets = CrossEntropy(DIM, 7), make_maps(), make_targets([6, -1, 0])
    outcome = run(loss, maps, targets)
    assert loss.classifier is not None
    vectors = gather_cells(maps.embedding, targets.index)[0, [0, 2]]
    logits = loss.classifier(vectors / vectors.norm(dim=1, keepdim=True) * math.sqrt(2) * math.log(6))
    assert outcome.objects == 2
    torch.testing.assert_close(outcome.loss, F.cross_entropy(logits, torch.tensor([6, 0])))
    assert outcome.accuracy.item() == (logits.argmax(1) == torch.tensor([6, 0])).float().mean().item()


@pytest.mark.parametrize("kind", sorted(IDENTITY_LOSSES))
@pytest.mark.parametrize("identities", [[], [-1], [-1, -1, -1]])
def test_nothing_known_gives_zero_with_gradients(
    identities: list[int], kind: str, make_maps: Callable, make_targets: Callable
) -> None:
    loss, maps = build_identity_loss(kind, reid_dim=DIM, num_identities=7), make_maps()
    outcome = run(loss, maps, make_targets(identities))
    outcome.loss.backward()
    assert (outcome.loss.item(), outcome.accuracy.item(), outcome.objects) == (0, 0, 0)
    for parameter in [maps.embedding, *loss.parameters()]:
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_empty_slots_are_no_identities(make_maps: Callable, make_targets: Callable) -> None:
    # Empty slots carry identity 0, which is a person.
    assert run(CrossEntropy(DIM, 7), make_maps(), make_targets([0, 3])).objects == 2


@pytest.mark.parametrize("num_identities", [1, 2])
def test_few_identities_stay_finite(num_identities: int, make_maps: Callable, make_targets: Callable) -> None:
    maps = make_maps()
    outcome = run(CrossEntropy(DIM, num_identities), maps, make_targets([0] * 4))
    outcome.loss.backward()
    assert outcome.loss.isfinite()
    assert maps.embedding.grad.isfinite().all()
    assert num_identities == 2 or outcome.accuracy == 1


def test_zero_embedding_stays_finite(make_targets: Callable) -> None:
    embedding = torch.zeros(2, DIM, 6, 8, requires_grad=True)
    targets = make_targets([1])
    loss = CrossEntropy(DIM, 7)(embedding, targets).loss
    loss.backward()
    assert loss.isfinite()
    assert embedding.grad is not None
    assert embedding.grad.isfinite().all()


@pytest.mark.parametrize(
    ("num_identities", "identity", "message"),
    [
        (7, 7, "identity 7; num_identities=7 allows -1 to 6"),
        (7, 900, "identity 900"),
        (0, 0, r"identity 0; num_identities=0 allows only -1 \(detection only\)"),
    ],
)
def test_identity_out_of_range(
    num_identities: int, identity: int, message: str, make_maps: Callable, make_targets: Callable
) -> None:
    with pytest.raises(ValueError, match=message):
        run(CrossEntropy(DIM, num_identities), make_maps(), make_targets([-1, identity]))


def test_out_of_range_in_an_empty_slot_is_no_error(make_maps: Callable, make_targets: Callable) -> None:
    targets = make_targets([2])
    targets.identity[1, 4] = 900
    assert run(CrossEntropy(DIM, 7), make_maps(), targets).objects == 1


def test_negative_number_of_identities() -> None:
    with pytest.raises(ValueError, match="num_identities is -1"):
        CrossEntropy(DIM, -1)


@pytest.mark.parametrize("kind", sorted(IDENTITY_LOSSES))
def test_length_of_the_embedding_does_not_matter(kind: str, make_maps: Callable, make_targets: Callable) -> None:
    loss, maps, targets = (
        build_identity_loss(kind, reid_dim=DIM, num_identities=7),
        make_maps(),
        make_targets([1, 2, 3, 1]),
    )
    longer = maps._replace(embedding=maps.embedding * 100)
    torch.testing.assert_close(run(loss, longer, targets).loss, run(loss, maps, targets).loss)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_classifier_of_half_precision_is_applied_in_float32(
    dtype: torch.dtype, make_maps: Callable, make_targets: Callable
) -> None:
    rounded, exact = CrossEntropy(DIM, 7).to(dtype), CrossEntropy(DIM, 7)
    exact.load_state_dict(rounded.state_dict())
    maps, targets = make_maps(), make_targets([6, -1, 0])
    outcome = run(rounded, maps, targets)
    assert outcome.loss.dtype == torch.float32
    torch.testing.assert_close(outcome.loss, run(exact, maps, targets).loss)
    outcome.loss.backward()
    assert rounded.classifier is not None
    assert rounded.classifier.weight.grad is not None
    assert rounded.classifier.weight.grad.any()


def learn_from(loss: IdentityLoss, vectors: torch.Tensor, identity: torch.Tensor) -> dict[str, torch.Tensor]:
    """Loss, count of those told right, and gradients of a criterion."""
    leaf = vectors.clone().requires_grad_()
    loss.zero_grad()
    verdict = loss.criterion(leaf, identity)
    verdict.loss.backward()
    gradients = {name: parameter.grad for name, parameter in loss.named_parameters()}
    return {"loss": verdict.loss.detach(), "right": verdict.right, "vectors": leaf.grad, **gradients}


def plain_formula(loss: IdentityLoss, vectors: torch.Tensor, identity: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same with all logits at once and autograd."""
    leaf = vectors.clone().requires_grad_()
    loss.zero_grad()
    weight, bias = loss.classifier.weight, loss.classifier.bias
    target = F.one_hot(identity, len(weight)).float()
    if isinstance(loss, MarginSoftmax):
        logits = loss.scale * F.normalize(leaf) @ F.normalize(weight).T
        asked = logits - loss.scale * loss.margin * target
    else:
        asked = logits = F.linear(F.normalize(leaf) * loss.scale, weight, bias)
    if isinstance(loss, Focal):
        p = logits.sigmoid()
        balance = loss.alpha * target + (1 - loss.alpha) * (1 - target)
        told = p * target + (1 - p) * (1 - target)
        cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        total = (balance * (1 - told) ** loss.gamma * cross).sum()
    else:
        total = F.cross_entropy(asked, identity, reduction="sum", label_smoothing=loss.label_smoothing)
    total.backward()
    gradients = {name: parameter.grad for name, parameter in loss.named_parameters()}
    right = (logits.argmax(1) == identity).sum().float()
    return {"loss": total.detach(), "right": right, "vectors": leaf.grad, **gradients}


CLASSIFIERS = [
    pytest.param("cross_entropy", {}, id="cross entropy"),
    pytest.param("cross_entropy", {"label_smoothing": 0.2}, id="cross entropy, smoothed"),
    pytest.param("focal", {}, id="focal"),
    pytest.param("focal", {"gamma": 0.0, "alpha": 0.4}, id="focal without focus"),
    pytest.param("margin_softmax", {}, id="margin softmax"),
    pytest.param("margin_softmax", {"label_smoothing": 0.1, "margin": 0.1, "scale": 12.0}, id="margin, smoothed"),
]


@pytest.mark.parametrize("part", [1, 8 * 5, 10**6], ids=["a class at a time", "some parts", "one part"])
@pytest.mark.parametrize(("kind", "options"), CLASSIFIERS)
def test_in_parts_equals_the_plain_formula(
    kind: str, options: dict[str, float], part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "PART", part)
    torch.manual_seed(0)
    loss = build_identity_loss(kind, options, reid_dim=DIM, num_identities=23)
    vectors, identity = torch.randn(8, DIM), torch.tensor([0, 22, 5, 5, 7, 13, 14, 1])
    found, wanted = learn_from(loss, vectors, identity), plain_formula(loss, vectors, identity)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize(("objects", "count"), [(300, 10**6), (1, 10**6), (0, 5), (10**7, 3), (7, 0)])
def test_parts_are_small_and_cover_every_class_once(objects: int, count: int) -> None:
    found = list(classes.parts(objects, count))
    assert all(part.stop - part.start == 1 or objects * (part.stop - part.start) <= classes.PART for part in found)
    assert [0, *(part.stop for part in found)] == [*(part.start for part in found), count]


@pytest.mark.parametrize("kind", ["cross_entropy", "focal", "margin_softmax"])
def test_huge_logits_stay_finite(kind: str) -> None:
    loss = build_identity_loss(kind, reid_dim=DIM, num_identities=5)
    with torch.no_grad():
        loss.classifier.weight.mul_(1e4)
    found = learn_from(loss, torch.randn(3, DIM), torch.tensor([0, 1, 4]))
    assert all(value.isfinite().all() for value in found.values())


def test_a_margin_asks_for_more() -> None:
    torch.manual_seed(0)
    vectors, identity = torch.randn(6, DIM), torch.arange(6)
    easy, hard = (MarginSoftmax(DIM, 6, margin=margin) for margin in (0.0, 0.35))
    hard.load_state_dict(easy.state_dict())
    assert hard.criterion(vectors, identity).loss > easy.criterion(vectors, identity).loss


def test_triplets_by_hand() -> None:
    angles = torch.tensor([0.0, 0.4, 1.0, 1.5, 4.0])  # two people, and one who is alone
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1) * 7
    identity = torch.tensor([3, 3, 5, 5, 9])

    def chord(first: float, second: float) -> float:
        return 2 * math.sin(abs(first - second) / 2)

    wanted = [
        max(0.0, chord(0.0, 0.4) - chord(0.0, 1.0) + 0.3),
        max(0.0, chord(0.4, 0.0) - chord(0.4, 1.0) + 0.3),
        max(0.0, chord(1.0, 1.5) - chord(1.0, 0.4) + 0.3),
        max(0.0, chord(1.5, 1.0) - chord(1.5, 0.4) + 0.3),
    ]
    verdict = Triplet(2, 10).criterion(vectors, identity)
    assert verdict.objects == 4
    assert verdict.loss.item() == pytest.approx(sum(wanted), abs=1e-5)
    assert verdict.right == 4


@pytest.mark.parametrize("identities", [[1], [1, 2, 3], [4, 4, 4]], ids=["one", "no fellow", "no stranger"])
def test_triplets_without_a_pair_learn_nothing(identities: list[int]) -> None:
    leaf = torch.randn(len(identities), DIM, requires_grad=True)
    verdict = Triplet(DIM, 7).criterion(leaf, torch.tensor(identities))
    verdict.loss.backward()
    assert (verdict.loss.item(), verdict.objects) == (0, 0)
    assert not leaf.grad.any()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("arcface", {}, "'arcface'; allowed: cross_entropy, focal, triplet, margin_softmax"),
        ("triplet", {"scale": 1.0}, "'triplet' has no option scale; allowed: margin"),
        ("cross_entropy", {"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ("focal", {"alpha": 1.0}, "alpha is 1.0"),
        ("focal", {"gamma": -1.0}, "gamma is -1.0"),
        ("margin_softmax", {"scale": 0.0}, "scale is 0.0"),
        ("margin_softmax", {"margin": 2.0}, "margin is 2.0"),
        ("triplet", {"margin": -0.1}, "margin is -0.1"),
    ],
)
def test_options_out_of_range(kind: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_identity_loss(kind, options, reid_dim=DIM, num_identities=3)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal", "margin_softmax"])
def test_backward_within_autocast(kind: str, make_maps: Callable, make_targets: Callable) -> None:
    loss = build_identity_loss(kind, reid_dim=DIM, num_identities=7)
    maps, targets = make_maps(), make_targets([6, 6, 0, 1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run(loss, maps, targets).loss.backward()
    inside = maps.embedding.grad.clone()
    maps.embedding.grad = None
    run(loss, maps, targets).loss.backward()
    torch.testing.assert_close(inside, maps.embedding.grad, rtol=1e-5, atol=1e-7)
