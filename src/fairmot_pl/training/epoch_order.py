"""Which training samples are this process's, and in which order: of any epoch, and from where a stopped run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairmot_pl.data.sampling import EpochSampler


@dataclass(frozen=True, kw_only=True)
class EpochOrder:
    """The shuffled order of every epoch, as one of several processes has it.

    Args:
        lengths: images of each training sequence.
        seed: of shuffling.
        group_size: so many random frames of one sequence follow one another.
        rank: this process, from 0.
        world_size: processes in all.
    """

    lengths: Sequence[int]
    seed: int
    group_size: int = 1
    rank: int = 0
    world_size: int = 1

    def of_epoch(self, epoch: int, start: int = 0) -> EpochSampler:
        """A sampler that begins with an epoch, less its first `start` samples; later epochs are whole."""
        sampler = EpochSampler(
            sum(self.lengths),
            shuffle=True,
            seed=self.seed,
            rank=self.rank,
            world_size=self.world_size,
            start_epoch=epoch,
            start=start,
            sequences=np.repeat(np.arange(len(self.lengths)), self.lengths),
            group_size=self.group_size,
        )
        sampler.set_epoch(epoch)
        return sampler

    def resumed(self, fit_loop: Any, batch_size: int) -> EpochSampler:
        """A sampler that begins where a trainer's loop stands: in a resumed epoch, with what is not behind it yet.

        Args:
            fit_loop: of the trainer; its progress is typed too narrowly by Lightning.
            batch_size: samples a step.
        """
        # `restarting` is false of a checkpoint from the end of an epoch, and `current_epoch` still that one: what the
        # trainer sets later is too late for loader processes, which begin at once
        epoch, completed = fit_loop.epoch_progress.current.processed, fit_loop.epoch_progress.current.completed
        done = fit_loop.epoch_loop.batch_progress.current.processed * batch_size
        over = epoch > completed or done > len(self.of_epoch(epoch)) - batch_size
        return self.of_epoch(epoch, 0 if over else done)
