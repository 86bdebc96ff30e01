"""The line after each epoch: how long is left, also of a run resumed in the middle of one."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace

import pytest

from fairmot_pl.training.callbacks import progress
from fairmot_pl.training.callbacks.progress import EpochLine


@pytest.mark.parametrize(
    ("first_step", "step", "total", "said"),
    [
        (0, 100, 400, "; about 2 min 0 s left"),  # 40 s for 100 steps
        (90, 100, 400, "; about 20 min 0 s left"),  # resumed: the epoch's last 10 steps took those 40 s
        (0, 400, 400, ""),
        (400, 400, 500, ""),  # nothing was measured yet
        (0, 100, math.inf, ""),
    ],
)
def test_what_is_left_goes_by_steps(first_step, step, total, said, monkeypatch, caplog):
    clock = iter([1000.0, 1040.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    trainer = SimpleNamespace(
        global_step=first_step,
        is_global_zero=True,
        callback_metrics={"loss": 1.0},
        current_epoch=0,
        max_epochs=4,
        estimated_stepping_batches=total,
    )
    line = EpochLine()
    line.on_train_start(trainer, None)
    trainer.global_step = step
    with caplog.at_level(logging.INFO):
        line.on_train_epoch_end(trainer, None)
    assert caplog.messages == [f"epoch 1/4: loss 1.000{said}"]
