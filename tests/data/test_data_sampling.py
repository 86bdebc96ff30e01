from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fairmot_pl.data.sampling import EpochSampler


def test_an_epoch_is_a_permutation_of_its_own():
    sampler = EpochSampler(50, shuffle=True, seed=3)
    seen = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert drawn == list(sampler)
        assert {e for e, _ in drawn} == {epoch}
        assert sorted(i for _, i in drawn) == list(range(50))
        seen.append(tuple(i for _, i in drawn))
    assert len(set(seen)) == 3
    assert seen[0] != tuple(i for _, i in EpochSampler(50, shuffle=True, seed=4))


def test_without_shuffling_samples_come_in_order():
    assert list(EpochSampler(3, shuffle=False, seed=0, start_epoch=2)) == [(2, 0), (2, 1), (2, 2)]


@pytest.mark.parametrize(("length", "world_size"), [(10, 1), (10, 3), (10, 5), (2, 5), (1, 4), (7, 2)])
def test_ranks_share_one_permutation_and_are_equally_long(length, world_size):
    ranks = [
        [index for _, index in EpochSampler(length, shuffle=True, seed=1, rank=rank, world_size=world_size)]
        for rank in range(world_size)
    ]
    sampler = EpochSampler(length, shuffle=True, seed=1, rank=0, world_size=world_size)
    assert {len(rank) for rank in ranks} == {len(sampler)} == {-(-length // world_size)}
    together = [sequences[a] == sequences[b] for order in orders for a, b in zip(order, order[1:], strict=False)]
    assert sum(together) >= 17 - (world_size - 1)  # of 17 pairs; a block may begin within one
    samplers[0].set_epoch(1)
    assert [index for _, index in samplers[0]] != orders[0]


def test_what_is_left_of_a_sequence_is_a_smaller_group():
    sampler = EpochSampler(7, shuffle=True, seed=0, sequences=np.array([0, 0, 0, 0, 0, 1, 1]), group_size=3)
    assert sorted(index for _, index in sampler) == list(range(7))


def test_groups_need_sequences():
    with pytest.raises(ValueError, match="group_size is 2: it needs the sequence of each of the 7 samples"):
        EpochSampler(7, shuffle=True, seed=0, group_size=2)
