"""The people that a fusion tracker believes in, as a table with a column per property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.tracking.columns import Columns
from fairmot_pl.tracking.fusion.motion import SIZE, boxes_of

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(kw_only=True)
class Beliefs(Columns):
    """T tracks, oldest first.

    Args:
        ids: `(T,)` from 1; below 0, another for each track, until it is reported.
        state: `(T, 2, 4)` along x and y: centre, size and their speeds, in pixels and seconds.
        spread: `(T, 2, 4, 4)` its covariance.
        embeddings: `(T, D)` moving average of what was seen, unit length.
        person: `(T,)` log-odds of being a person at all.
        here: `(T,)` probability of still being where expected; 1 when just seen.
        sightings: `(T,)` how often it was seen.
        unseen: `(T,)` seconds since it was seen.
        born: `(T,)` when it was seen first, in seconds of the engine.
        proven: `(T,)` whether it may be reported.
        scores: `(T,)` score of the last detection.
        classes: `(T,)` never change.
    """

    state: Array
    spread: Array
    embeddings: NDArray[np.float32]
    person: Array
    here: Array
    sightings: Index
    unseen: Array
    born: Array
    proven: NDArray[np.bool_]
    scores: NDArray[np.float32]
    classes: Index

    @property
    def boxes(self) -> Array:
        """`(T, 4)` xyxy in image pixels."""
        return boxes_of(self.state)

    @property
    def heights(self) -> Array:
        """`(T,)` pixels."""
        return self.state[:, 1, SIZE]

    @property
    def believed(self) -> Array:
        """`(T,)` probability of being a person and there."""
        return self.here * chance(self.person)


_LEAST_ODDS = -700.0
"""Log-odds under which a probability is not told from 0."""


def chance(log_odds: Array) -> Array:
    """Probability of log-odds."""
    probability: Array = 1 / (1 + np.exp(-np.maximum(log_odds, _LEAST_ODDS)))
    return probability
