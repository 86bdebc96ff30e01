"""Bring together what every process knows about broken images."""

from __future__ import annotations

import pytorch_lightning as pl

from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.sharding import gather


class CountBrokenImages(pl.Callback):
    """Adds up broken images over processes when an epoch ends, and logs `train/broken_images`, of all epochs so far."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count over all processes.

        Raises:
            ValueError: together they are more than `data.max_broken_share` allows.
        """
        datamodule = datamodule_of(trainer)
        broken = datamodule.broken_training
        broken.add([reason for part in gather(broken.reasons) for reason in part], len(datamodule.samples))
        pl_module.log("train/broken_images", float(len(broken.reasons)))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let every process know the broken frames of all, for the notes of the report.

        Raises:
            ValueError: together they are more than `data.max_broken_share` allows.
        """
        datamodule = datamodule_of(trainer)
        broken, total = datamodule.broken_validation, sum(map(len, datamodule.val_sequences))
        broken.add([reason for part in gather(broken.reasons) for reason in part], total)
