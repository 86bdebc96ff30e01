"""Identity classification."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from fairmot_pl.codec.maps import HeadMaps, Targets, gather_cells
from fairmot_pl.losses.reid import IdentityLoss, IdentityOutcome, embedding_scale

DIM = 16


def run(loss: IdentityLoss, maps: HeadMaps, targets: Targets) -> IdentityOutcome:
    return loss(maps.embedding, targets.index, targets.mask, targets.identity)


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
    loss, maps, targets = IdentityLoss(DIM, 7), make_maps(), make_targets([6, -1, 0])
    outcome = run(loss, maps, targets)
    assert loss.classifier is not None
    vectors = gather_cells(maps.embedding, targets.index)[0, [0, 2]]
    logits = loss.classifier(vectors / vectors.norm(dim=1, keepdim=True) * math.sqrt(2) * math.log(6))
    assert outcome.objects == 2
    torch.testing.assert_close(outcome.loss, F.cross_entropy(logits, torch.tensor([6, 0])))
    assert outcome.accuracy.item() == (logits.argmax(1) == torch.tensor([6, 0])).float().mean().item()


@pytest.mark.parametrize("identities", [[], [-1], [-1, -1, -1]])
def test_nothing_known_gives_zero_with_gradients(
    identities: list[int], make_maps: Callable, make_targets: Callable
) -> None:
    loss, maps = IdentityLoss(DIM, 7), make_maps()
    outcome = run(loss, maps, make_targets(identities))
    outcome.loss.backward()
    assert (outcome.loss.item(), outcome.accuracy.item(), outcome.objects) == (0, 0, 0)
    for parameter in [maps.embedding, *loss.parameters()]:
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_empty_slots_are_no_identities(make_maps: Callable, make_targets: Callable) -> None:
    # Empty slots carry identity 0, which is a person.
    assert run(IdentityLoss(DIM, 7), make_maps(), make_targets([0, 3])).objects == 2


@pytest.mark.parametrize("num_identities", [1, 2])
def test_few_identities_stay_finite(num_identities: int, make_maps: Callable, make_targets: Callable) -> None:
    maps = make_maps()
    outcome = run(IdentityLoss(DIM, num_identities), maps, make_targets([0] * 4))
    outcome.loss.backward()
    assert outcome.loss.isfinite()
    assert maps.embedding.grad.isfinite().all()
    assert num_identities == 2 or outcome.accuracy == 1


def test_zero_embedding_stays_finite(make_targets: Callable) -> None:
    embedding = torch.zeros(2, DIM, 6, 8, requires_grad=True)
    targets = make_targets([1])
    loss = IdentityLoss(DIM, 7)(embedding, targets.index, targets.mask, targets.identity).loss
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
        run(IdentityLoss(DIM, num_identities), make_maps(), make_targets([-1, identity]))


def test_out_of_range_in_an_empty_slot_is_no_error(make_maps: Callable, make_targets: Callable) -> None:
    targets = make_targets([2])
    targets.identity[1, 4] = 900
    assert run(IdentityLoss(DIM, 7), make_maps(), targets).objects == 1


def test_negative_number_of_identities() -> None:
    with pytest.raises(ValueError, match="num_identities is -1"):
        IdentityLoss(DIM, -1)


def test_length_of_the_embedding_does_not_matter(make_maps: Callable, make_targets: Callable) -> None:
    loss, maps, targets = IdentityLoss(DIM, 7), make_maps(), make_targets([1, 2, 3])
    longer = maps._replace(embedding=maps.embedding * 100)
    torch.testing.assert_close(run(loss, longer, targets).loss, run(loss, maps, targets).loss)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_classifier_of_half_precision_is_applied_in_float32(
    dtype: torch.dtype, make_maps: Callable, make_targets: Callable
) -> None:
    rounded, exact = IdentityLoss(DIM, 7).to(dtype), IdentityLoss(DIM, 7)
    exact.load_state_dict(rounded.state_dict())
    maps, targets = make_maps(), make_targets([6, -1, 0])
    outcome = run(rounded, maps, targets)
    assert outcome.loss.dtype == torch.float32
    torch.testing.assert_close(outcome.loss, run(exact, maps, targets).loss)
    outcome.loss.backward()
    assert rounded.classifier is not None
    assert rounded.classifier.weight.grad is not None
    assert rounded.classifier.weight.grad.any()
