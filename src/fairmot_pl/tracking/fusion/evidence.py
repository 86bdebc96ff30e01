"""What a frame says for each pair of a track and a detection: place, look and score as log-likelihood ratios."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import Detections
from fairmot_pl.tracking.costs import cosine_distance_of
from fairmot_pl.tracking.fusion import motion
from fairmot_pl.tracking.fusion.camera import CameraShift
from fairmot_pl.tracking.fusion.looks import Looks
from fairmot_pl.tracking.fusion.overlap import hidden_share
from fairmot_pl.tracking.fusion.settings import FusionSettings
from fairmot_pl.tracking.fusion.table import Beliefs, chance
from fairmot_pl.tracking.pairs import around, every

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_REACH = 3.0
"""Deviations beyond which a pair is not looked at; its evidence would be negative."""

_SIZES = (0.5, 0.8)
"""Spread of the widths and heights of people beside a person, in its heights: what chance has to hit."""

_NEWCOMER = 0.05
"""Share of the detections of people that are not tracked yet."""

_RETURN = 0.05
"""Someone who is probably gone may return; the evidence against that is bounded."""

_CLEAR = 3.0
"""Log-ratio to the next best pair from which on places alone leave no doubt."""

_VISIBLE = 0.7
"""Share of a detection that must be uncovered for its look to be learned from."""


class Evidence(NamedTuple):
    """Of P pairs that are near: which, how they fit, and the log-ratio by places alone and by everything."""

    rows: Index
    columns: Index
    fit: motion.Fit
    similarity: Array
    place: Array
    total: Array


class Sight(NamedTuple):
    """M detections of a frame: edges `(M, 2, 2)`, log-odds of being a person by score, uncovered share."""

    detections: Detections
    edges: Array
    odds: Array
    clear: Array

    def select(self, which: NDArray[np.bool_]) -> Sight:
        """Only those that the mask picks."""
        return Sight(self.detections.select(which), self.edges[which], self.odds[which], self.clear[which])


class Scales:
    """Weighs the evidence of one frame after the other.

    What it learns on the way: where detections of people are at all, how the camera jolts, and how alike looks are.

    Args:
        settings: what is assumed.
    """

    def __init__(self, settings: FusionSettings) -> None:
        self._settings = settings
        self._looks, self._camera = Looks(), CameraShift(settings.camera_jolt)
        self._extent = np.array([np.inf, np.inf, -np.inf, -np.inf])

    def sight(self, detections: Detections) -> Sight:
        """What is known of the detections of a frame before anybody is compared with them."""
        boxes = detections.boxes.astype(np.float64)
        odds = (detections.scores.astype(np.float64) - self._settings.person_score) / self._settings.score_softness
        likely = boxes[odds > 0]
        if len(likely):
            self._extent[:2] = np.minimum(self._extent[:2], likely[:, :2].min(axis=0))
            self._extent[2:] = np.maximum(self._extent[2:], likely[:, 2:].max(axis=0))
        return Sight(detections, motion.edges_of(boxes), odds, 1 - hidden_share(boxes, likely))

    def weigh(self, tracks: Beliefs, sight: Sight, seconds: float) -> Evidence:
        """The log-ratio of "this detection continues that track" to "it is somebody new, or nothing".

        Where the camera jolts, the tracks are steadied on the way: their places are those in the present image after.
        """
        settings = self._settings
        if settings.camera_jolt:
            tracks.state[..., motion.CENTRE] += self._camera.expect()
        rows, columns = self._near(tracks, sight)
        similarity, look = self._resemble(tracks, sight, rows, columns)
        if settings.camera_jolt:
            tracks.state[..., motion.CENTRE] += self._steady(tracks, sight, rows, columns, look, seconds)
        found = self._fit(tracks, sight, rows, columns)
        height = tracks.heights
        chance_hit = np.log(np.maximum(self._extent[2:] - self._extent[:2], motion.LEAST)).sum()
        chance_hit = chance_hit + 2 * np.log(height) + np.log(_SIZES).sum() - np.log(max(tracks.believed.sum(), 1))
        person = chance(sight.odds)
        expected = np.maximum(chance(tracks.person) * np.maximum(tracks.here, _RETURN), 1e-3)
        place = found.loglik + (chance_hit + np.log(expected))[rows]
        place = place - np.log((1 - person + _NEWCOMER) / np.maximum(person, 1e-12))[columns]
        return Evidence(rows, columns, found, similarity, place, place + look)

    def learn_looks(self, tracks: Beliefs, sight: Sight, evidence: Evidence, pair: Index, seconds: float) -> None:
        """Learn from matches that places alone leave no doubt of how alike one person looks, and two.

        Args:
            tracks: as they were weighed.
            sight: the detections.
            evidence: of all pairs.
            pair: `(P,)` which of them were matched.
            seconds: since the last frame.
        """
        theirs = sight.detections.embeddings
        rows, columns = evidence.rows[pair], evidence.columns[pair]
        rival = evidence.place.copy()
        rival[pair] = -np.inf
        next_best = np.maximum(
            _best(rival, evidence.rows, len(tracks))[rows], _best(rival, evidence.columns, len(theirs))[columns]
        )
        sure = (evidence.place[pair] - next_best > _CLEAR) & (sight.clear[columns] > _VISIBLE) & tracks.proven[rows]
        other = np.roll(columns, 1)
        different = np.einsum("pd,pd->p", tracks.embeddings[rows], theirs[other]) if len(rows) > 1 else np.zeros(0)
        self._looks.learn(evidence.similarity[pair][sure], different.astype(np.float64), seconds)

    def _near(self, tracks: Beliefs, sight: Sight) -> tuple[Index, Index]:
        """Pairs of one class that motion does not rule out."""
        settings, height = self._settings, tracks.heights
        variance = (
            tracks.spread[..., 0, 0] + np.square(np.hypot(settings.jump_size, settings.edge_noise) * height)[:, None]
        )
        reach = _REACH * np.sqrt(variance + self._camera.variance(float(np.median(height))))
        rows, columns = every(len(tracks), len(sight.edges)) or around(
            tracks.state[..., motion.CENTRE], reach, sight.edges.mean(axis=2)
        )
        same = tracks.classes[rows] == sight.detections.classes[columns]
        return rows[same], columns[same]

    def _fit(self, tracks: Beliefs, sight: Sight, rows: Index, columns: Index, extra: float = 0.0) -> motion.Fit:
        return motion.fit(tracks.state[rows], tracks.spread[rows], sight.edges[columns], self._settings, extra)

    def _resemble(self, tracks: Beliefs, sight: Sight, rows: Index, columns: Index) -> tuple[Array, Array]:
        """Cosine and log-ratio by looks of the pairs."""
        mine, theirs = tracks.embeddings, sight.detections.embeddings
        if not theirs.shape[1]:
            return np.zeros(len(rows)), np.zeros(len(rows))
        similarity = 1 - cosine_distance_of(mine, theirs, rows, columns)
        return similarity, self._looks.log_ratio(similarity, sight.clear[columns], self._settings)

    def _steady(self, tracks: Beliefs, sight: Sight, rows: Index, columns: Index, look: Array, seconds: float) -> Array:
        """The shift of the image, from pairs that are each other's best."""
        sure = (chance(tracks.person) > 0.5) & (tracks.unseen < 0.2)
        if not sure.any():
            return np.zeros(2)
        height = float(np.median(tracks.heights[sure]))
        used = sure[rows] & (sight.odds[columns] > -1)
        rows, columns, look = rows[used], columns[used], look[used]
        found = self._fit(tracks, sight, rows, columns, self._camera.variance(height))
        weight = found.loglik + look + np.log(chance(sight.odds[columns]))
        best = (weight >= _best(weight, rows, len(tracks))[rows]) & (
            weight >= _best(weight, columns, len(sight.odds))[columns]
        )
        best &= found.jumped < 0.5
        if not best.any():
            return np.zeros(2)
        rows, trust, offset = rows[best], found.trust[best], found.offset[best]
        offset = (trust * offset).sum(axis=2) / trust.sum(axis=2)
        variance = tracks.spread[rows][..., 0, 0] + np.square(self._settings.edge_noise * tracks.heights[rows])[:, None]
        return self._camera.find(offset, variance, height, seconds)


def _best(values: Array, where: Index, count: int) -> Array:
    """`(count,)` the largest value of each group."""
    best = np.full(count, -np.inf)
    np.maximum.at(best, where, values)
    return best
