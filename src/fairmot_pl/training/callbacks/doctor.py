"""One line on how the training goes, after each validation."""

from __future__ import annotations

import logging
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger

from fairmot_pl.reporting.loss_doctor import diagnose
from fairmot_pl.reporting.metrics_log import merge_csv, read_metrics
from fairmot_pl.training.dashboard.board import boards

log = logging.getLogger(__name__)


class LossDoctor(pl.Callback):
    """Says what the logged curves mean: in the terminal, and as the text `train/doctor` on the boards.

    It reads the run's CSV file, so after a resume it knows what came before. A run without validation hears it when the
    training ends.

    Args:
        folder: the run's folder.
    """

    def __init__(self, *, folder: str) -> None:
        self.folder = Path(folder)
        self._said_at = -1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Speak after a validation that belongs to a training."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._speak(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Speak, if nothing has been said of the last step."""
        if self._said_at != trainer.global_step:
            self._speak(trainer)

    def _speak(self, trainer: pl.Trainer) -> None:
        self._said_at = trainer.global_step
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()
        path = merge_csv(self.folder)
        if path is None:
            return
        found = diagnose(read_metrics(path))
        (log.info if found.is_fine else log.warning)("doctor: %s", found.line)
        for board in boards(trainer.loggers):
            board.say("train/doctor", found.line, trainer.global_step)
