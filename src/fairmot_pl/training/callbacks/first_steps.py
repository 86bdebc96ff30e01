"""The beginning of a run, kept so exactly that a repetition can be told where it parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.reporting.run_records import CAPSULE_NAME, read_record
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.capsule import batch_record, update_capsule
from fairmot_pl.training.module import FairMOTModule

RECORDED_STEPS = 20
"""Optimiser steps whose losses are kept bit by bit."""


class RecordFirstSteps(pl.Callback):
    """Writes the first batch and the losses of the first steps into a capsule that has been begun.

    Losses are brought from the device once, after the last of these steps, so that none of them waits for another.
    A run that is stopped before then keeps what there was, and goes on with it when it is resumed. Of several
    processes the first records its own.

    Args:
        folder: of the run; without a capsule in it, nothing is recorded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: RemovableHandle | None = None
        self._before: list[dict[str, Any]] = []
        self._places: list[dict[str, int]] = []
        self._losses: list[Tensor] = []
        self._names: list[str] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look on from here, unless the first steps are over."""
        capsule = read_record(self.folder, CAPSULE_NAME) if trainer.is_global_zero else {}
        if not capsule or trainer.global_step >= RECORDED_STEPS:
            return
        assert isinstance(pl_module, FairMOTModule)
        self._before = [step for step in capsule.get("steps", []) if step["step"] < trainer.global_step]
        self._places, self._losses = [], []

        def keep(module: nn.Module, inputs: tuple[HeadMaps, Targets], losses: Mapping[str, Tensor]) -> None:
            self._names = list(losses)
            self._losses.append(torch.stack([loss.detach() for loss in losses.values()]).cpu().double())

        self._handle = pl_module.loss.register_forward_hook(keep)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Record the very first batch; stop looking on once the first steps are over."""
        if self._handle is None:
            return
        if trainer.global_step >= RECORDED_STEPS:
            self._finish()
            return
        if trainer.global_step == trainer.current_epoch == batch_idx == 0:
            update_capsule(self.folder, first_batch=batch_record(datamodule_of(trainer), *batch))
        self._places.append({"step": trainer.global_step, "epoch": trainer.current_epoch, "batch": batch_idx})

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what there is."""
        self._finish()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Keep what there is."""
        self._finish()

    def _finish(self) -> None:
        if self._handle is None:
            return
        self._handle.remove()
        self._handle = None
        values = torch.stack(self._losses).tolist() if self._losses else []
        found = [
            # a batch that an error ended has a place and no losses
            {**place, **{name: value.hex() for name, value in zip(self._names, losses, strict=True)}}
            for place, losses in zip(self._places, values, strict=False)
        ]
        update_capsule(self.folder, steps=[*self._before, *found])
