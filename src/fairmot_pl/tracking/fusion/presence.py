"""Whether a track is a person at all, and whether that person is still where expected.

Scores answer the first question. Of the second, misses tell the less the less visible the person should be: who is
hidden behind somebody is there although nobody sees them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.tracking.fusion.overlap import hidden_share
from fairmot_pl.tracking.fusion.settings import FusionSettings
from fairmot_pl.tracking.fusion.table import Beliefs

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_SURE = 9.2
"""Log-odds beyond which no sighting makes a person more of one."""

_REGULAR = 0.2
"""Log-odds that being seen again adds: chance detections do not come back to one place."""

_SETBACK = -0.25
"""Least that one sighting adds: a low score mostly means that a person is half hidden."""

_ROUTINE = 3
"""Sightings from which on a track tells how often people are detected."""

_FRESH = 0.2
"""Seconds unseen up to which a miss counts for that."""

_WEIGHT = 100.0
"""Frames of one person that the expected rate of detection counts as."""

_SECONDS = 10.0
"""Time in which what was learned is forgotten."""

_LEAST_CHANCE = 0.02
"""Nobody is so well hidden that they are never detected."""


class Presence:
    """How often visible people are detected, learned from the stream."""

    def __init__(self, rate: float) -> None:
        self._prior = np.array([rate, 1 - rate]) * _WEIGHT
        self._counts = self._prior.copy()

    @property
    def rate(self) -> float:
        """Probability that a visible person is detected."""
        return float(self._counts[0] / self._counts.sum())

    def see(self, tracks: Beliefs, rows: Index, score_odds: Array) -> None:
        """Tracks `rows` `(P,)` were seen with scores of log-odds `(P,)`."""
        self._counts[0] += (tracks.sightings[rows] >= _ROUTINE - 1).sum()
        gain = np.maximum(score_odds + _REGULAR, _SETBACK)
        tracks.person[rows] = np.minimum(tracks.person[rows] + gain, _SURE)
        tracks.here[rows], tracks.unseen[rows] = 1.0, 0.0
        tracks.sightings[rows] += 1
        tracks.proven[rows] = True

    def miss(self, tracks: Beliefs, missed: Mask, seconds: float, settings: FusionSettings) -> None:
        """Tracks `missed` `(T,)` were not seen after some time; forget some of the old rates."""
        rows = np.flatnonzero(missed)
        self._counts[1] += ((tracks.sightings[rows] >= _ROUTINE) & (tracks.unseen[rows] < _FRESH)).sum()
        keep = np.exp(-seconds / _SECONDS)
        self._counts = keep * self._counts + (1 - keep) * self._prior
        if not len(rows):
            return
        boxes = tracks.boxes
        hidden = hidden_share(boxes[rows], boxes[tracks.believed > 0.5])
        seen = self.rate * np.maximum(1 - hidden, _LEAST_CHANCE)
        here = tracks.here[rows] * np.exp(-seconds / settings.stay_seconds)
        tracks.here[rows] = here * (1 - seen) / (1 - here * seen)
        tracks.unseen[rows] += seconds
        tentative = rows[~tracks.proven[rows]]
        tracks.person[tentative] += np.log1p(-seen[~tracks.proven[rows]])
