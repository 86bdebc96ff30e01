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
    batches = set()
    for shard in shards:
        order = list(shard.frame_order(batch_size))
        own = sum(map(len, shard.sequences))
        assert order[:own] == list(range(own))
        assert set(order[own:]) <= {own - 1}
        batches.add(-(-len(order) // batch_size))
    assert len(batches) == 1


def test_a_single_process_sees_every_frame_once():
    assert list(FrameOrder(7, 7, 4)) == list(range(7))


def test_more_processes_than_sequences():
    with pytest.raises(ValueError, match=r"1 validation sequences cannot be shared by 2 processes.*devices=1"):
        shard_sequences([sequence("a", 3)], 0, 2)
