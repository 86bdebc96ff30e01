"""The order of training samples, and where a resumed run finds its place in it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fairmot_pl.training.epoch_order import EpochOrder

ORDER = EpochOrder(lengths=[5, 3, 2], seed=1)


def loop(epoch: int, completed: int, batches: int):
    """What of Lightning's training loop says how far it is."""
    return SimpleNamespace(
        epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=epoch, completed=completed)),
        epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(current=SimpleNamespace(processed=batches))),
    )


@pytest.mark.parametrize(
    ("epoch", "completed", "batches", "start"),
    [
        pytest.param(0, 0, 0, 0, id="a new run"),
        pytest.param(2, 2, 1, 4, id="within an epoch"),
        pytest.param(2, 2, 2, 0, id="all whole batches of an epoch are behind it"),
        pytest.param(2, 1, 1, 0, id="an epoch has ended and is not counted yet"),
    ],
)
def test_a_run_goes_on_with_the_next_sample(epoch, completed, batches, start):
    whole = list(ORDER.of_epoch(epoch))
    assert sorted(index for _, index in whole) == list(range(10))
    assert list(ORDER.resumed(loop(epoch, completed, batches), batch_size=4)) == whole[start:]


def test_the_epoch_after_is_whole_and_another():
    sampler = ORDER.resumed(loop(2, 2, 1), batch_size=4)
    sampler.set_epoch(3)
    assert list(sampler) == list(ORDER.of_epoch(3))
    assert [index for _, index in sampler] != [index for _, index in ORDER.of_epoch(2)]


def test_processes_share_an_epoch():
    orders = [EpochOrder(lengths=[5, 3, 2], seed=1, rank=rank, world_size=2) for rank in (0, 1)]
    shares = [[index for _, index in order.of_epoch(4)] for order in orders]
    assert sorted(shares[0] + shares[1]) == list(range(10))
