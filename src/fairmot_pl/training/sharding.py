"""Whole validation sequences for each process: a tracker needs every frame of a video, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from torch.utils.data import Sampler

from fairmot_pl.structures import AnnotatedSequence


@dataclass(frozen=True)
class SequenceShard:
    """One process's sequences, and how many frames the busiest process has."""

    sequences: list[AnnotatedSequence]
    longest: int

    def frame_order(self, batch_size: int) -> FrameOrder:
        """Sampler over this process's frames."""
        return FrameOrder(sum(map(len, self.sequences)), self.longest, batch_size)


class FrameOrder(Sampler[int]):
    """Frames 0, 1, 2, ... and then the last one again until this process has as many batches as the busiest.

    Distributed validation runs in lockstep; a process without frames of its own would leave the others waiting.
    The repeated frames come after `length` and are to be ignored.
    """

    def __init__(self, length: int, longest: int, batch_size: int) -> None:
        self.length = length
        batches = -(-longest // batch_size)
        # the last batch of this process may be a short one, so fill it before adding whole ones
        self._total = length if -(-length // batch_size) == batches else batches * batch_size

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[int]:
        return (min(index, self.length - 1) for index in range(self._total))


def shard_sequences(sequences: Sequence[AnnotatedSequence], rank: int, world_size: int) -> SequenceShard:
    """Deal sequences out, longest first, each to the process with the fewest frames so far.

    Args:
        sequences: all validation sequences.
        rank: this process.
        world_size: number of processes.

    Raises:
        ValueError: there are fewer sequences than processes.
    """
    if sequences and len(sequences) < world_size:
        raise ValueError(
            f"{len(sequences)} validation sequences cannot be shared by {world_size} processes, which take whole ones; "
            f"use trainer.devices={len(sequences)} or fewer"
        )
    shares: list[list[int]] = [[] for _ in range(world_size)]
    loads = [0] * world_size
    for index in sorted(range(len(sequences)), key=lambda index: (-len(sequences[index]), index)):
        lightest = min(range(world_size), key=lambda rank: (loads[rank], rank))
        shares[lightest].append(index)
        loads[lightest] += len(sequences[index])
    return SequenceShard([sequences[index] for index in sorted(shares[rank])], max(loads, default=0))


def gather(mine: Any) -> list[Any]:
    """What every process holds, in rank order."""
    if not (dist.is_available() and dist.is_initialized()):
        return [mine]
    everybody: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everybody, mine)
    return everybody
