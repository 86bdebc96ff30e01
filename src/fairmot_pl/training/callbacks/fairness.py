"""Is the training fair? How strongly each task pulls at the shared part, and whether they pull the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from fairmot_pl.losses.task_gradients import TaskGradients, task_gradients
from fairmot_pl.training.module import FairMOTModule


class FairnessTelemetry(pl.Callback):
    """Every few steps logs the gradients of both tasks at the shared part, and what chance would tell right.

    - `train/grad_norm_det`, `train/grad_norm_reid`: lengths of the gradients of the raw losses;
    - `train/grad_cosine`: of the angle between them, where neither is 0;
    - `train/grad_share_reid`: re-ID's share of the summed lengths, after the weights of `train/weight/*`;
    - `train/identity_chance`: what a guess would have of `train/identity_accuracy`, where identities are classes.

    It looks on through hooks and takes two more backward passes through the shared part, so the training is the same
    with and without it. With accumulated gradients it looks at the first batch of a step; with several processes at
    the mean of their gradients; under automatic mixed precision the gradients are those of the precision used. A
    gradient that overflows half precision is not logged. Nothing is logged where no shared parameter learns.

    Args:
        every_n_steps: optimiser steps between two looks.
    """

    def __init__(self, *, every_n_steps: int = 50) -> None:
        if every_n_steps < 1:
            raise ValueError(f"callbacks.fairness.every_n_steps is {every_n_steps}; it must be 1 or more")
        self.every_n_steps = every_n_steps
        self._handles: list[RemovableHandle] = []
        self._features: Tensor | None = None
        self._ends: dict[str, Tensor] = {}
        self._found: TaskGradients | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Look on, if it is time."""
        assert isinstance(pl_module, FairMOTModule)
        self._release()
        if trainer.global_step % self.every_n_steps or batch_idx % trainer.accumulate_grad_batches:
            return
        model = pl_module.model
        if not model.shared_parameters():
            return
        scaler = getattr(trainer.precision_plugin, "scaler", None)

        def keep_features(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self._features = output

        def measure(module: nn.Module, inputs: Any, losses: Mapping[str, Tensor]) -> None:
            assert self._features is not None
            self._found = task_gradients(
                (losses["detection"], losses["reid"]),
                (self._ends["detection"], self._ends["reid"]),
                self._features,
                model.shared_parameters(),
                scale=scaler.get_scale() if scaler is not None else 1.0,
            )

        self._handles = [
            model.neck.register_forward_hook(keep_features),
            model.detection_head.register_forward_pre_hook(lambda _, inputs: self._keep_end("detection", inputs)),
            model.reid_head.register_forward_pre_hook(lambda _, inputs: self._keep_end("reid", inputs)),
            pl_module.loss.register_forward_hook(measure),
        ]

    def _keep_end(self, task: str, inputs: tuple[Tensor, ...]) -> None:
        self._ends[task] = inputs[0]

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log what was seen, now that the weights of this step are known."""
        assert isinstance(pl_module, FairMOTModule)
        found = self._found
        self._release()
        if found is None:
            return
        weighting, identity = pl_module.loss.weighting, pl_module.loss.identity
        values = {
            "train/grad_norm_det": found.detection,
            "train/grad_norm_reid": found.reid,
            "train/grad_cosine": found.cosine,
            "train/grad_share_reid": found.reid_share(weighting.weights),
            "train/identity_chance": math.nan if identity.chance is None else identity.chance,
        }
        values = {name: value for name, value in values.items() if math.isfinite(value)}
        for logger in trainer.loggers:  # at once, since the trainer's own rhythm of logging may be another
            logger.log_metrics(values, step=trainer.global_step)
        for name, value in values.items():
            pl_module.log(name, value, logger=False)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave no hook behind."""
        self._release()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave no hook behind."""
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._features, self._ends, self._found = [], None, {}, None
