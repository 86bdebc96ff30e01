from __future__ import annotations

from itertools import pairwise

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
    together = [index for step in zip(*ranks, strict=True) for index in step]
    order = [index for _, index in EpochSampler(length, shuffle=True, seed=1)]
    assert together == (order * world_size)[: len(together)]


@pytest.mark.parametrize("start", [0, 1, 7, 10])
def test_a_resumed_epoch_goes_on_where_it_stopped(start):
    whole = EpochSampler(20, shuffle=True, seed=5, rank=1, world_size=2)
    resumed = EpochSampler(20, shuffle=True, seed=5, rank=1, world_size=2, start_epoch=4, start=start)
    for epoch, skipped in ((4, start), (5, 0)):
        whole.set_epoch(epoch)
        resumed.set_epoch(epoch)
        assert list(resumed) == list(whole)[skipped:]
        assert len(resumed) == 10


def test_a_loader_passes_the_keys_on():
    class Keys(torch.utils.data.Dataset):
        def __getitem__(self, key):
            return torch.tensor(key)

    loader = DataLoader(Keys(), batch_size=4, sampler=EpochSampler(10, shuffle=True, seed=0), drop_last=True)
    batches = list(loader)
    assert len(batches) == len(loader) == 2
    assert batches[0].shape == (4, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "length is 0: there is no sample to draw"),
        ({"rank": 2, "world_size": 2}, "rank is 2; with world_size=2 it runs from 0 to 1"),
        ({"start": 6, "world_size": 2}, "start is 6; an epoch has 5 samples per rank"),
        ({"start": -1}, "start is -1"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EpochSampler(**{"length": 10, "shuffle": True, "seed": 0, **options})


@pytest.mark.parametrize("world_size", [1, 2])
def test_groups_hold_frames_of_one_sequence(world_size):
    sequences = np.repeat(np.arange(5), [8, 8, 6, 8, 4])
    settings = {"shuffle": True, "seed": 1, "world_size": world_size, "sequences": sequences, "group_size": 2}
    samplers = [EpochSampler(34, rank=rank, **settings) for rank in range(world_size)]
    orders = [[index for _, index in sampler] for sampler in samplers]
    assert {index for order in orders for index in order} == set(range(34))
    fellows = [sequences[a] == sequences[b] for order in orders for a, b in pairwise(order)]
    assert all(sequences[a] == sequences[b] for order in orders for a, b in zip(order[::2], order[1::2], strict=True))
    assert sum(fellows) >= 17
    samplers[0].set_epoch(1)
    assert [index for _, index in samplers[0]] != orders[0]


@pytest.mark.parametrize("world_size", [1, 2])
def test_what_is_left_of_a_sequence_comes_last(world_size):
    sequences = np.repeat(np.arange(4), [5, 8, 3, 7])
    settings = {"shuffle": True, "seed": 0, "world_size": world_size, "sequences": sequences, "group_size": 3}
    orders = [[index for _, index in EpochSampler(23, rank=rank, **settings)] for rank in range(world_size)]
    assert {index for order in orders for index in order} == set(range(23))
    whole = 1 + 2 + 1 + 2
    for rank, order in enumerate(orders):
        groups = [sequences[order[start : start + 3]] for start in range(0, len(order), 3)]
        full = len(range(rank, whole, world_size))
        assert all(len(set(group)) == 1 for group in groups[:full])


def test_groups_need_sequences():
    with pytest.raises(ValueError, match="group_size is 2: it needs the sequence of each of the 7 samples"):
        EpochSampler(7, shuffle=True, seed=0, group_size=2)
