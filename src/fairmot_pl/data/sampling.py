"""Which sample comes when: a function of seed and epoch alone, so that any run can be repeated or resumed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Yield `(epoch, index)` for one of several processes.

    All ranks draw the same order and take every `world_size`-th group of it, a group being one sample unless
    `group_size` says otherwise. Where the length does not divide, the order starts over (of groups, the rank's own), so
    that all ranks have equally many samples.

    Args:
        length: samples in the data set.
        shuffle: whether each epoch has its own order; if not, samples come in theirs.
        seed: with the epoch, what the order depends on.
        rank: this process, from 0.
        world_size: processes in all.
        start_epoch: the epoch to begin with, for a resumed run.
        start: samples per rank of `start_epoch` that were already seen; later epochs are whole.
        sequences: `(length,)` which sequence each sample is of; needed for groups.
        group_size: so many samples of one sequence, drawn at random from it, follow one another; what is left over of
            each sequence comes last.
    """

    def __init__(
        self,
        length: int,
        *,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        start_epoch: int = 0,
        start: int = 0,
        sequences: NDArray[np.int64] | None = None,
        group_size: int = 1,
    ) -> None:
        if length < 1:
            raise ValueError(f"length is {length}: there is no sample to draw; check the data set's sources")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is {rank}; with world_size={world_size} it runs from 0 to {world_size - 1}")
        self.length, self.shuffle, self.seed = length, shuffle, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = self.start_epoch = start_epoch
        self.sequences, self.group_size = sequences, group_size
        if not 0 <= start <= len(self):
            raise ValueError(f"start is {start}; an epoch has {len(self)} samples per rank")
        if group_size > 1 and (sequences is None or len(sequences) != length):
            raise ValueError(f"group_size is {group_size}: it needs the sequence of each of the {length} samples")
        self.start = start

    def __len__(self) -> int:
        """Samples per rank of a whole epoch, also where a resumed one yields fewer, as trainers expect."""
        blocks = -(-self.length // self.group_size)
        return -(-blocks // self.world_size) * self.group_size if self.world_size > 1 else self.length

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration yields."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = self._order()
        if self.group_size == 1:
            mine = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        else:
            blocks = np.split(order, np.arange(self.group_size, self.length, self.group_size))
            mine = np.resize(np.concatenate(blocks[self.rank :: self.world_size] or [order]), len(self))
        skipped = self.start if self.epoch == self.start_epoch else 0
        epoch = self.epoch
        return ((epoch, index) for index in mine[skipped:].tolist())

    def _order(self) -> NDArray[np.int64]:
        """All samples in the order of this epoch."""
        if not self.shuffle:
            return np.arange(self.length)
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.length)
        if self.group_size == 1 or self.sequences is None:
            return order
        order = order[np.argsort(self.sequences[order], kind="stable")]  # shuffled within each sequence
        sequence = self.sequences[order]
        place = np.arange(self.length) - np.searchsorted(sequence, sequence)
        starts = np.flatnonzero(place % self.group_size == 0)
        groups = np.split(order, starts[1:])
        shuffled = [groups[group] for group in rng.permutation(len(groups))]
        return np.concatenate(sorted(shuffled, key=lambda group: len(group) < self.group_size))  # whole ones in step
