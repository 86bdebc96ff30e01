"""Exponential moving average of the weights, quick to forget the random start."""

from __future__ import annotations

import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Validates and keeps averaged weights; training itself goes on with its own.

    The decay grows with the number n of updates, min(decay, (1 + n) / (10 + n)), so that after a few hundred steps
    nothing of the first weights is left in the average.

    Args:
        decay: share of the past that every step keeps, once warmed up.
    """

    def __init__(self, decay: float) -> None:
        def blend(averages: list[Tensor], current: list[Tensor], updates: Tensor | int) -> None:
            if not averages[0].is_floating_point():  # counters of batch normalisation
                for average, value in zip(averages, current, strict=True):
                    average.copy_(value)
                return
            count = float(updates)
            kept = min(decay, (1 + count) / (10 + count))
            torch._foreach_lerp_(averages, current, 1 - kept)

        super().__init__(use_buffers=True, multi_avg_fn=blend)
