"""One file, `last.ckpt`, from which a run goes on as if it had never stopped."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

log = logging.getLogger(__name__)


class ResumePoint(pl.Callback):
    """Keeps `last.ckpt` and turns Ctrl-C into a stop between two steps.

    The file is written after every epoch, every `every_n_steps` steps, before the last step of an epoch (so that a
    validation cut short costs one step, not the epoch), and on Ctrl-C. A second Ctrl-C stops at once.

    Args:
        folder: the run's folder; the file is `checkpoints/last.ckpt` in it.
        every_n_steps: also write after so many steps; 0 for never.
    """

    def __init__(self, *, folder: str, every_n_steps: int = 1000) -> None:
        self.path = Path(folder) / "checkpoints" / "last.ckpt"
        self.every_n_steps = every_n_steps
        self.interrupted = False
        self._before: Any = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to Ctrl-C from here on."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        log.warning("Ctrl-C: the run stops after this step and can be resumed; press it again to stop at once")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write when it is time, and stop here if asked to."""
        # asking all processes is a collective, so not at every step
        stop = (trainer.world_size == 1 or batch_idx % 10 == 0) and self._anybody_interrupted(trainer)
        left = trainer.num_training_batches - (batch_idx + 1)
        gradients_pending = (batch_idx + 1) % trainer.accumulate_grad_batches != 0
        if left == 0 or gradients_pending:  # the epoch's end has its own hook; half a gradient is not kept
            return
        due = bool(self.every_n_steps) and trainer.global_step % self.every_n_steps == 0
        if stop or due or left <= trainer.accumulate_grad_batches:
            self._save(trainer)
        if stop:
            raise KeyboardInterrupt

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Validation needs no saving: stop here if asked to."""
        if trainer.state.fn == "fit" and self._anybody_interrupted(trainer):
            raise KeyboardInterrupt

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what the epoch ended with, and stop here if asked to."""
        self._save(trainer)
        if self._anybody_interrupted(trainer):
            raise KeyboardInterrupt

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give Ctrl-C back."""
        self._release()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Give Ctrl-C back."""
        self._release()

    def _release(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _anybody_interrupted(self, trainer: pl.Trainer) -> bool:
        """Whether any process was asked to stop; all of them must stop at the same step."""
        if trainer.world_size == 1:
            return self.interrupted
        return not trainer.strategy.reduce_boolean_decision(not self.interrupted, all=True)

    def _save(self, trainer: pl.Trainer) -> None:
        try:
            trainer.save_checkpoint(self.path, weights_only=False)
        except OSError as error:
            raise OSError(
                f"{self.path} could not be written: {error.strerror or error}; free space and resume"
            ) from error
