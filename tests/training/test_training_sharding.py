"""Whole sequences for each process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation
from fairmot_pl.training.sharding import FrameOrder, shard_sequences


def sequence(name, length):
    frames = tuple(
        FrameAnnotation(
            image_path=Path("x.jpg"),
            frame=number,
            image_size=(8, 8),
            boxes=np.zeros((0, 4)),
            identities=[],
            classes=[],
            visibility=[],
        )
        for number in range(1, length + 1)
    )
    return AnnotatedSequence(name=name, frames=frames, frame_rate=30)


@pytest.mark.parametrize("lengths", [[5], [3, 9, 4], [7, 7, 7, 7, 1], [1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_every_sequence_is_dealt_once_and_batches_are_equally_many(lengths, world_size, batch_size):
    if len(lengths) < world_size:
        return
    sequences = [sequence(str(index), length) for index, length in enumerate(lengths)]
    shards = [shard_sequences(sequences, rank, world_size) for rank in range(world_size)]
    dealt = sorted(found.name for shard in shards for found in shard.sequences)
    assert dealt == sorted(found.name for found in sequences)
    orders = [list(shard.frame_order(batch_size)) for shard in shards]
    for shard, order in zip(shards, orders, strict=True):
        own = sum(map(len, shard.sequences))
        frames = [frame for batch in order for frame in batch]
        assert frames[:own] == list(range(own))
        assert set(frames[own:]) <= {own - 1}
        assert len(shard.frame_order(batch_size)) == len(order)
    assert len(set(map(len, orders))) == 1


def test_batches_keep_to_one_sequence():
    assert list(FrameOrder([3, 2], 2, 3)) == [[0, 1], [2], [3, 4]]


def test_a_process_with_less_to_do_repeats_its_last_frame():
    assert list(FrameOrder([3], 2, 4)) == [[0, 1], [2], [2], [2]]


def test_more_processes_than_sequences():
    with pytest.raises(ValueError, match=r"1 validation sequences cannot be shared by 2 processes.*devices=1"):
        shard_sequences([sequence("a", 3)], 0, 2)
