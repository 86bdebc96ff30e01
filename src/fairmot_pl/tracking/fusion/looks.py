"""What a similarity of embeddings says: how the same person and how different people resemble one another here.

Networks, cameras and clothes differ, so both distributions are learned on the way, from pairs of which the places alone
leave no doubt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.tracking.fusion.settings import FusionSettings

Array = NDArray[np.float64]

_SAME, _DIFFERENT = (0.8, 0.12), (0.5, 0.12)
"""Mean and deviation before anything is learned."""

_WEIGHT = 50.0
"""Pairs that those figures count as."""

_SECONDS = 10.0
"""Time in which what was learned is forgotten."""

_LEAST = 0.05
"""No distribution is narrower."""


class Looks:
    """Two normal distributions of similarity, learned from the stream."""

    def __init__(self) -> None:
        self._prior = np.array([_moments(*_SAME), _moments(*_DIFFERENT)]) * _WEIGHT
        self._sums = self._prior.copy()

    def log_ratio(self, similarity: Array, clear: Array, settings: FusionSettings) -> Array:
        """What similarities say for "the same person".

        Beyond either mean more similarity, or less, says nothing more. With some probability the embedding shows
        something else, the more so the less of the person is clear; that bounds what can speak against a pair.

        Args:
            similarity: `(P,)` cosines.
            clear: `(P,)` share of the detection that nobody covers.
            settings: doubt and ceiling.
        """
        (same, same_width), (different, different_width) = self.distributions
        inside = np.clip(similarity, min(different, same), max(different, same))
        ratio = np.log(different_width / same_width)
        ratio = ratio - 0.5 * np.square((inside - same) / same_width)
        ratio = ratio + 0.5 * np.square((inside - different) / different_width)
        shown = (1 - settings.look_doubt) * clear
        with np.errstate(divide="ignore"):
            bounded: Array = np.log(shown * np.exp(np.minimum(ratio, settings.look_ceiling)) + 1 - shown)
        return bounded

    @property
    def distributions(self) -> Array:
        """`(2, 2)` mean and deviation of the similarity of the same person, and of different people."""
        count, total, squares = self._sums.T
        mean = total / count
        width = np.sqrt(np.maximum(squares / count - mean * mean, _LEAST**2))
        return np.stack([mean, width], axis=1)

    def learn(self, same: Array, different: Array, seconds: float) -> None:
        """Take similarities of pairs that are surely one person, or two; forget some of the old."""
        keep = np.exp(-seconds / _SECONDS)
        self._sums = keep * self._sums + (1 - keep) * self._prior
        for row, values in enumerate((same, different)):
            self._sums[row] += len(values), values.sum(), np.square(values).sum()


def _moments(mean: float, width: float) -> tuple[float, float, float]:
    return 1.0, mean, mean * mean + width * width
