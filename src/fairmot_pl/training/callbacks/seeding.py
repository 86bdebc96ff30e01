"""What is random within a training step is a function of seed, epoch and batch, as samples are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch


class SeedEveryBatch(pl.Callback):
    """Seeds torch before every training batch, for networks that drop units or layers at random.

    Without it, a resumed run would drop others than one that was not stopped, and so would one with other loader
    processes or validations, which draw from the same generator.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the generators of all devices afresh."""
        words = (self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
