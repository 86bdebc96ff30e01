"""What a trainer holds, with its type: Lightning attaches it in places that a type checker does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytorch_lightning as pl
from pytorch_lightning.profilers import Profiler

if TYPE_CHECKING:
    from fairmot_pl.training.datamodule import FairMOTDataModule

_Callback = TypeVar("_Callback", bound=pl.Callback)


def datamodule_of(trainer: pl.Trainer) -> FairMOTDataModule:
    """The data module that a trainer was given last."""
    found: FairMOTDataModule = trainer.datamodule  # type: ignore[attr-defined]  # set by the data connector
    return found


def callback_of(trainer: pl.Trainer, kind: type[_Callback]) -> _Callback | None:
    """The first callback of some kind, if a trainer has one."""
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    return next((found for found in callbacks if isinstance(found, kind)), None)


def profiler_of(trainer: pl.Trainer) -> Profiler:
    """What a trainer keeps times with; Lightning's own that keeps none if it was not told."""
    found: Profiler = trainer.profiler  # type: ignore[attr-defined]  # set by a function that is handed the trainer
    return found
