"""Keep what the network says about validation sequences, one after the other, for trackers to come."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl

from fairmot_pl.inference.cache import RecordedFrame, write_recording
from fairmot_pl.structures import FrameOutput
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.recordings import RecordedBatch, places_of
from fairmot_pl.training.sharding import gather

log = logging.getLogger(__name__)


class RecordOutputs(pl.Callback):
    """Writes a sequence into the data module's cache of outputs as soon as its last frame is through.

    Sequences that come from the cache are left as they are; without a cache nothing happens.

    Attributes:
        use: in words, how many sequences came from the cache and how many were put there; empty without one.
    """

    def __init__(self) -> None:
        self.use = ""
        self._lengths: list[int] = []
        self._frames: dict[int, list[RecordedFrame]] = {}
        self._written: set[int] = set()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget what a validation before has left."""
        self._lengths = [len(sequence) for sequence in datamodule_of(trainer).val_shard().sequences]
        self._frames, self._written = {}, set()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: list[FrameOutput],  # type: ignore[override]  # what our module's step returns
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the outputs of a batch of frames of one sequence."""
        recordings = datamodule_of(trainer).recordings
        if recordings is None or isinstance(batch, RecordedBatch):
            return
        for (index, frame), output, broken in zip(places_of(batch), outputs, batch.broken, strict=True):
            if index in self._written:  # the filling-up of `FrameOrder`
                return
            held = self._frames.setdefault(index, [])
            held.append(RecordedFrame(frame, output, broken))
            if len(held) == self._lengths[index]:
                write_recording(recordings.entries[index], held)
                self._written.add(index)
                del self._frames[index]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say where outputs came from and where they went."""
        recordings = datamodule_of(trainer).recordings
        found = sum(recordings.sound) if recordings else 0
        gathered = gather((found, len(self._written)))
        replayed, written = (sum(counts) for counts in zip(*gathered, strict=True))
        if recordings is None:
            return
        self.use = f"{replayed} sequences replayed from, {written} written to {recordings.cache.entries}"
        if trainer.is_global_zero:
            log.info("network outputs: %s", self.use)
