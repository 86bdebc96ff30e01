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
    """One process's sequences, and how long those of every process are."""

    sequences: list[AnnotatedSequence]
    lengths: list[list[int]]

    def frame_order(self, batch_size: int) -> FrameOrder:
        """Batches of this process's frames."""
        batches = max((sum(-(-length // batch_size) for length in share) for share in self.lengths), default=0)
        return FrameOrder([len(sequence) for sequence in self.sequences], batch_size, batches)


class FrameOrder(Sampler[list[int]]):
    """Batches of frames 0, 1, 2, ... and then the last frame again until this process has as many as the busiest.

    A batch holds frames of one sequence only, so that it is the same however sequences are dealt to processes.
    Distributed validation runs in lockstep; a process without frames of its own would leave the others waiting.
    The repeated frames come after all others and are to be ignored.

    Args:
        lengths: frames of each sequence.
        batch_size: frames a batch, at most.
        batches: how many batches there are to be.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, batches: int) -> None:
        self.lengths, self.batch_size = list(lengths), batch_size
        self._batches = batches

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        start, made = 0, 0
        for length in self.lengths:
            frames = range(start, start + length)
            for first in range(0, length, self.batch_size):
                yield list(frames[first : first + self.batch_size])
                made += 1
            start += length
        for _ in range(self._batches - made):
            yield [start - 1]


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
    lengths = [[len(sequences[index]) for index in share] for share in shares]
    return SequenceShard([sequences[index] for index in sorted(shares[rank])], lengths)


def gather(mine: Any) -> list[Any]:
    """What every process holds, in rank order."""
    if not (dist.is_available() and dist.is_initialized()):
        return [mine]
    everybody: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everybody, mine)
    return everybody
