"""Progress for people: a bar with the loss of each task in a terminal, and one line an epoch in every log."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar

log = logging.getLogger(__name__)


class TaskProgressBar(RichProgressBar):
    """Lightning's rich bar; it shows the loss of each task and the last validation's HOTA."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """What stands behind the bar; the logger's version number is left out."""
        return {key: value for key, value in super().get_metrics(trainer, pl_module).items() if key != "v_num"}


class EpochLine(pl.Callback):
    """Logs one line after each epoch: losses, validation figures, and how long is left."""

    def __init__(self) -> None:
        self._started, self._first_step, self._validated = 0.0, 0, False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started, self._first_step = time.monotonic(), trainer.global_step

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember that this epoch has figures of its own."""
        self._validated = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the line."""
        if not trainer.is_global_zero:
            return
        figures = trainer.callback_metrics
        parts = [
            f"{name} {float(figures[name]):.3f}"
            for name in ("loss", "heatmap", "size", "offset", "reid")
            if name in figures
        ]
        if self._validated:
            parts += [
                f"{name} {100 * float(figures[f'val/{name}']):.1f}"
                for name in ("HOTA", "MOTA", "IDF1")
                if f"val/{name}" in figures
            ]
        self._validated = False
        done, total = trainer.current_epoch + 1, trainer.max_epochs
        line = f"epoch {done}" + (f"/{total}" if total and total > 0 else "") + f": {', '.join(parts)}"
        # by steps, not by epochs: a resumed run may have begun in the middle of one
        taken, left = trainer.global_step - self._first_step, trainer.estimated_stepping_batches - trainer.global_step
        if taken and 0 < left < math.inf:
            line += f"; about {_duration((time.monotonic() - self._started) / taken * left)} left"
        log.info(line)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
