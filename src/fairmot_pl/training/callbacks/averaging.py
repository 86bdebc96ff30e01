"""Exponential moving average of the weights, quick to forget the random start."""

from __future__ import annotations

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
        def blend(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
            count = float(updates)
            kept = min(decay, (1 + count) / (10 + count))
            return average * kept + current * (1 - kept)

        super().__init__(use_buffers=True, avg_fn=blend)
