"""Images per second and peak memory: is the machine kept busy?"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch

from fairmot_pl.data.frames import FrameSample


class Throughput(pl.Callback):
    """Logs `train/images_per_second` (all processes together) and `train/peak_memory_gb` every few steps.

    After each validation it logs `val/frames_per_second` of this process: loading, network and tracker.

    Args:
        every_n_steps: steps between two figures; the first is left out, since it warms up.
    """

    def __init__(self, *, every_n_steps: int = 50) -> None:
        self.every_n_steps = every_n_steps
        self._images, self._since = 0, 0.0
        self._frames, self._validating_since, self._validating_until = 0, 0.0, 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting afresh, so that validation time does not count."""
        self._images, self._since = 0, 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count this batch and log when it is time."""
        if not self._since:
            self._since = time.perf_counter()
            return
        self._images += len(batch[0]) * trainer.world_size
        if (batch_idx + 1) % self.every_n_steps == 0:
            pl_module.log("train/images_per_second", self._images / (time.perf_counter() - self._since))
            pl_module.log("train/peak_memory_gb", _peak_memory_gb(trainer.strategy.root_device))

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting frames afresh."""
        self._frames, self._validating_since = 0, 0.0

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: FrameSample,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the frames of all batches but the first, which waits for the loaders."""
        self._validating_until = time.perf_counter()
        if self._validating_since:
            self._frames += len(batch.image)
        else:
            self._validating_since = self._validating_until

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the speed, where there was more than one batch."""
        if self._frames and not trainer.sanity_checking:
            seconds = self._validating_until - self._validating_since
            pl_module.log("val/frames_per_second", self._frames / seconds)


def _peak_memory_gb(device: torch.device) -> float:
    """Peak memory of this process on its device, in GB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    if sys.platform == "win32":
        return math.nan  # its standard library does not tell
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
