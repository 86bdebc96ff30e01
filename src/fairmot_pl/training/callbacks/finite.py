"""A loss that is no number ends the run at once, with what caused it kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.files import write_text
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.module import FairMOTModule

log = logging.getLogger(__name__)

NAME = "nonfinite_batch"


class StopOnNonFiniteLoss(pl.Callback):
    """Looks at the losses of every training batch; the first that is NaN or infinite stops the run.

    What it leaves in the run's folder: `nonfinite_batch.npz`, the images `(B, 3, H, W)` and targets as plain arrays
    (`numpy.load` needs no pickle), and `nonfinite_batch.json` with step, losses, image files and where else numbers are
    not finite. Of several processes, each that meets such a loss writes files of its own.

    Args:
        folder: the run's folder.
    """

    def __init__(self, *, folder: str) -> None:
        self.folder = Path(folder)
        self._handle: RemovableHandle | None = None
        self._batch: tuple[Tensor, Targets] | None = None
        self._batch_idx = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look on from here."""
        assert isinstance(pl_module, FairMOTModule)

        def look(module: nn.Module, inputs: tuple[HeadMaps, Targets], losses: Mapping[str, Tensor]) -> None:
            values = torch.stack([loss.detach().float() for loss in losses.values()])
            if not bool(values.isfinite().all()):
                self._stop(trainer, pl_module, inputs[0], dict(zip(losses, values.tolist(), strict=True)))

        self._handle = pl_module.loss.register_forward_hook(look)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember which batch it is."""
        self._batch, self._batch_idx = batch, batch_idx

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave no hook behind."""
        self._release()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave no hook behind."""
        self._release()

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.remove()
        self._handle, self._batch = None, None

    def _stop(self, trainer: pl.Trainer, module: FairMOTModule, maps: HeadMaps, losses: Mapping[str, float]) -> None:
        """Keep the batch and raise.

        Raises:
            ValueError: always: which losses, at which step, where the batch is, and what to try.
        """
        assert self._batch is not None
        images, targets = self._batch
        suffix = f"_rank{trainer.global_rank}" if trainer.world_size > 1 else ""
        arrays, facts = self.folder / f"{NAME}{suffix}.npz", self.folder / f"{NAME}{suffix}.json"
        weights = [name for name, value in module.named_parameters() if not bool(value.isfinite().all())]
        outputs = [name for name, value in maps._asdict().items() if not bool(value.isfinite().all())]
        datamodule = datamodule_of(trainer)
        record = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "batch": self._batch_idx,
            "losses": {name: value if np.isfinite(value) else str(value) for name, value in losses.items()},
            "images": [str(path) for path in datamodule.training_images(self._batch_idx)],
            "images are finite": bool(images.isfinite().all()),
            "parameters not finite": weights,
            "network outputs not finite": outputs,
            "learning rates": [group["lr"] for group in trainer.optimizers[0].param_groups],
            "precision": str(trainer.precision),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        kept: dict[str, Any] = {name: _plain(value) for name, value in targets._asdict().items()}
        np.savez_compressed(arrays, images=_plain(images), **kept)
        write_text(facts, json.dumps(record, indent=2) + "\n")
        bad = ", ".join(f"{name} {value}" for name, value in losses.items() if not np.isfinite(value))
        raise ValueError(
            f"the loss is no finite number at step {trainer.global_step}: {bad}; {_origin(weights, outputs)}. "
            f"The batch is kept in {arrays}, its image files and losses in {facts}. Try a lower "
            "optimizer.learning_rate, optimizer.warmup_steps, trainer.gradient_clip_val=10"
            + ("" if str(trainer.precision).startswith("32") else ", or trainer.precision=32-true")
        )


def _plain(tensor: Tensor) -> np.ndarray:
    """A tensor as an array; pixels in [0, 1] that came from bytes go back to them without loss."""
    values = tensor.detach().float().cpu() if tensor.is_floating_point() else tensor.detach().cpu()
    if values.ndim == 4 and values.dtype == torch.float32:
        levels = (255 * values).round()
        if bool(levels.isfinite().all()) and torch.equal(levels / 255, values):
            return np.asarray(levels.to(torch.uint8))
    return np.asarray(values)


def _origin(weights: list[str], outputs: list[str]) -> str:
    """Where it began, in words."""
    if weights:
        return f"{len(weights)} parameters are not finite, such as {weights[0]}: an earlier step broke the network"
    if outputs:
        return f"the parameters are finite, the network's output ({', '.join(outputs)}) is not"
    return "parameters and network outputs are finite, so it arises in the loss"
