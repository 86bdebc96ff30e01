"""Frame by frame: predict, steady the image, weigh the evidence for every pair, match, learn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking.assignment import assign
from fairmot_pl.tracking.costs import cosine_distance_of, unit_length
from fairmot_pl.tracking.fusion import motion
from fairmot_pl.tracking.fusion.camera import CameraShift
from fairmot_pl.tracking.fusion.looks import Looks
from fairmot_pl.tracking.fusion.overlap import hidden_share
from fairmot_pl.tracking.fusion.presence import Presence
from fairmot_pl.tracking.fusion.settings import FusionSettings
from fairmot_pl.tracking.fusion.table import Beliefs, chance
from fairmot_pl.tracking.fusion.telling import tell_tracks
from fairmot_pl.tracking.pairs import Pairs, nearby
from fairmot_pl.tracking.trace import FrameTrace

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

_UNEVEN = 1.5
"""So many times the usual interval may pass between two frames."""

_GONE = 0.02
"""Probability of being a person under which a track ends."""

_FARTHEST, _LARGEST = 1e9, 1e40
"""Nobody is so many times their size away, nor has so many pixels."""

_CLEAR = 3.0
"""Log-ratio to the next best pair from which on places alone leave no doubt."""

_VISIBLE = 0.7
"""Share of a detection that must be uncovered for its look to be learned from."""

_NEAR = 1 / 3
"""Shift in widths, or heights, under which two boxes of one size overlap by half (IoU)."""


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


class FusionEngine:
    """Tracks by evidence. Not used directly: `OnlineTracker(association="fusion")` checks what goes in.

    Args:
        settings: what is assumed.
        interval: seconds between frames, usually; whoever was seen is remembered until the next one in any case.

    Attributes:
        tracks: everybody believed in, also those not reported.
    """

    def __init__(self, settings: FusionSettings, interval: float) -> None:
        self._settings = settings
        self._memory = max(settings.memory_seconds, _UNEVEN * interval)
        self._first, self._next_id = True, 1
        self._now, self._births = 0.0, 0
        self._looks, self._presence = Looks(), Presence(settings.detection_rate)
        self._camera = CameraShift(settings.camera_jolt)
        self._extent = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self.tracks = self._born(self._sight(Detections.empty()))

    def step(
        self, detections: Detections, seconds: float, affine: Array | None, trace: FrameTrace | None = None
    ) -> Tracks:
        """The tracks of the next frame.

        Args:
            detections: M of them, best first, with extent; embeddings of unit length, or none (D = 0).
            seconds: since the last frame.
            affine: `(2, 3)` motion of the image since, if it is known.
            trace: takes down what is seen, if there is one.
        """
        self._now += seconds
        sight = self._sight(detections)
        self._move(seconds, affine)
        free = self._continue(sight, seconds, trace)
        starts = free & (chance(sight.odds) > self._settings.birth_belief)
        if starts.any():
            born = self._born(sight.select(starts))
            if trace is not None:
                trace.births(np.flatnonzero(starts), born.ids)
            self.tracks = self.tracks.join(born)
        self._first = False
        return self._report(trace)

    def _continue(self, sight: Sight, seconds: float, trace: FrameTrace | None) -> NDArray[np.bool_]:
        """Match, learn from the matches and from the misses; `(M,)` which detections are left over."""
        evidence = self._weigh(sight, seconds) if len(self.tracks) else None
        if trace is not None:
            person = chance(sight.odds)
            tell_tracks(trace, self.tracks, sight.detections, person, now=self._now, settings=self._settings)
        free = np.ones(len(sight.odds), bool)
        if evidence is None:
            return free
        pairs = Pairs(evidence.rows, evidence.columns, -evidence.total)
        matches = assign(pairs, 0.0)
        missed = np.ones(len(self.tracks), bool)
        if trace is not None:
            parts = {"place": evidence.place, "look": evidence.total - evidence.place}
            trace.stage("evidence", missed.copy(), free.copy(), pairs, 0.0, matches, parts)
        missed[matches[:, 0]] = free[matches[:, 1]] = False
        self._learn(sight, evidence, matches, seconds)
        self._presence.miss(self.tracks, missed, seconds, self._settings)
        self.tracks = self.tracks.keep(chance(self.tracks.person) >= _GONE)
        return free

    def _sight(self, detections: Detections) -> Sight:
        boxes = detections.boxes.astype(np.float64)
        odds = (detections.scores.astype(np.float64) - self._settings.person_score) / self._settings.score_softness
        likely = boxes[odds > 0]
        if len(likely):
            self._extent[:2] = np.minimum(self._extent[:2], likely[:, :2].min(axis=0))
            self._extent[2:] = np.maximum(self._extent[2:], likely[:, 2:].max(axis=0))
        return Sight(detections, motion.edges_of(boxes), odds, 1 - hidden_share(boxes, likely))

    def _move(self, seconds: float, affine: Array | None) -> None:
        """Predict, and let go of those who were lost for too long or are out of any image."""
        tracks = self.tracks.keep(self.tracks.unseen + seconds <= self._memory)
        tracks.state, tracks.spread = motion.predict(tracks.state, tracks.spread, seconds, self._settings)
        if affine is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                tracks.state, tracks.spread = motion.map_affine(tracks.state, tracks.spread, affine)
        centre, size = tracks.state[..., motion.CENTRE], tracks.state[..., motion.SIZE]
        there = (np.abs(centre) < _FARTHEST * size) & (size < _LARGEST)
        self.tracks = tracks.keep(there.all(axis=1))

    def _near(self, sight: Sight) -> tuple[Index, Index]:
        """Pairs of one class that motion does not rule out."""
        tracks, settings = self.tracks, self._settings
        height = tracks.heights
        variance = (
            tracks.spread[..., 0, 0] + np.square(np.hypot(settings.jump_size, settings.edge_noise) * height)[:, None]
        )
        reach = _REACH * np.sqrt(variance + self._camera.variance(float(np.median(height))))
        middle = tracks.state[..., motion.CENTRE]
        rows, columns = nearby(middle - reach, middle + reach, sight.edges.mean(axis=2))
        same = tracks.classes[rows] == sight.detections.classes[columns]
        return rows[same], columns[same]

    def _fit(self, sight: Sight, rows: Index, columns: Index, extra: float = 0.0) -> motion.Fit:
        tracks = self.tracks
        return motion.fit(tracks.state[rows], tracks.spread[rows], sight.edges[columns], self._settings, extra)

    def _weigh(self, sight: Sight, seconds: float) -> Evidence:
        """The log-ratio of "this detection continues that track" to "it is somebody new, or nothing"."""
        tracks, settings = self.tracks, self._settings
        if settings.camera_jolt:
            tracks.state[..., motion.CENTRE] += self._camera.expect()
        rows, columns = self._near(sight)
        similarity, look = self._resemble(sight, rows, columns)
        if settings.camera_jolt:
            tracks.state[..., motion.CENTRE] += self._steady(sight, rows, columns, look, seconds)
        found = self._fit(sight, rows, columns)
        height = tracks.heights
        chance_hit = np.log(np.maximum(self._extent[2:] - self._extent[:2], motion.LEAST)).sum()
        chance_hit = chance_hit + 2 * np.log(height) + np.log(_SIZES).sum() - np.log(max(tracks.believed.sum(), 1))
        person = chance(sight.odds)
        expected = np.maximum(chance(tracks.person) * np.maximum(tracks.here, _RETURN), 1e-3)
        place = found.loglik + (chance_hit + np.log(expected))[rows]
        place = place - np.log((1 - person + _NEWCOMER) / np.maximum(person, 1e-12))[columns]
        return Evidence(rows, columns, found, similarity, place, place + look)

    def _resemble(self, sight: Sight, rows: Index, columns: Index) -> tuple[Array, Array]:
        """Cosine and log-ratio by looks of the pairs."""
        mine, theirs = self.tracks.embeddings, sight.detections.embeddings
        if not theirs.shape[1]:
            return np.zeros(len(rows)), np.zeros(len(rows))
        similarity = 1 - cosine_distance_of(mine, theirs, rows, columns)
        return similarity, self._looks.log_ratio(similarity, sight.clear[columns], self._settings)

    def _steady(self, sight: Sight, rows: Index, columns: Index, look: Array, seconds: float) -> Array:
        """The shift of the image, from pairs that are each other's best."""
        tracks = self.tracks
        sure = (chance(tracks.person) > 0.5) & (tracks.unseen < 0.2)
        if not sure.any():
            return np.zeros(2)
        height = float(np.median(tracks.heights[sure]))
        used = sure[rows] & (sight.odds[columns] > -1)
        rows, columns, look = rows[used], columns[used], look[used]
        found = self._fit(sight, rows, columns, self._camera.variance(height))
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

    def _learn(self, sight: Sight, evidence: Evidence, matches: Index, seconds: float) -> None:
        """Continue the matched tracks, and learn from them what people look like."""
        tracks, settings = self.tracks, self._settings
        if not len(matches):
            return
        rows, columns = matches.T
        where = np.full((len(tracks),), -1)
        where[rows] = columns
        pair = np.flatnonzero(where[evidence.rows] == evidence.columns)  # ascending rows
        rows, columns = evidence.rows[pair], evidence.columns[pair]
        found = motion.Fit(*(part[pair] for part in evidence.fit))
        tracks.state[rows], tracks.spread[rows] = motion.correct(
            tracks.state[rows], tracks.spread[rows], found, settings
        )
        if sight.detections.embeddings.shape[1]:
            self._learn_looks(sight, evidence, pair, seconds)
        self._presence.see(tracks, rows, sight.odds[columns])
        tracks.scores[rows] = sight.detections.scores[columns]

    def _learn_looks(self, sight: Sight, evidence: Evidence, pair: Index, seconds: float) -> None:
        tracks, theirs = self.tracks, sight.detections.embeddings
        rows, columns = evidence.rows[pair], evidence.columns[pair]
        rival = evidence.place.copy()
        rival[pair] = -np.inf
        next_best = np.maximum(
            _best(rival, evidence.rows, len(tracks))[rows], _best(rival, evidence.columns, len(theirs))[columns]
        )
        clear = sight.clear[columns]
        sure = (evidence.place[pair] - next_best > _CLEAR) & (clear > _VISIBLE) & tracks.proven[rows]
        other = np.roll(columns, 1)
        different = np.einsum("pd,pd->p", tracks.embeddings[rows], theirs[other]) if len(rows) > 1 else np.zeros(0)
        self._looks.learn(evidence.similarity[pair][sure], different.astype(np.float64), seconds)
        share = np.maximum(1 - self._settings.look_momentum, 1 / (tracks.sightings[rows] + 1)) * clear
        blend = (1 - share)[:, None] * tracks.embeddings[rows] + share[:, None] * theirs[columns]
        tracks.embeddings[rows] = unit_length(blend.astype(np.float32))

    def _born(self, sight: Sight) -> Beliefs:
        """A track for each detection, reported from the next sighting on, in the first frame at once."""
        count = len(sight.odds)
        state, spread = motion.initiate(sight.edges, self._settings)
        doubt = 0.0 if self._first else np.log(2.0)
        self._births += count
        return Beliefs(
            ids=np.arange(count) - self._births,
            state=state,
            spread=spread,
            embeddings=sight.detections.embeddings,
            person=sight.odds - doubt,
            here=np.ones(count),
            sightings=np.ones(count, np.int64),
            unseen=np.zeros(count),
            born=np.full(count, self._now),
            proven=np.full(count, self._first),
            scores=sight.detections.scores,
            classes=sight.detections.classes,
        )

    def _report(self, trace: FrameTrace | None) -> Tracks:
        """Who is there with enough probability: seen, or not seen but well enough known where."""
        tracks = self.tracks
        size = tracks.state[..., motion.SIZE]
        deviation = np.sqrt(np.maximum(tracks.spread[..., 0, 0], np.finfo(np.float64).tiny))
        placed = (2 * ndtr(_NEAR * size / deviation) - 1).prod(axis=1)
        sure = tracks.believed * np.where(tracks.unseen > 0, placed, 1.0)
        shown = tracks.proven & (sure > self._settings.report_belief)
        if not self._settings.report_unseen:
            shown &= tracks.unseen == 0
        new = np.flatnonzero(shown & (tracks.ids < 0))
        ids = np.arange(self._next_id, self._next_id + len(new))
        if trace is not None:
            trace.name(tracks.ids[new], ids)
        tracks.ids[new] = ids
        self._next_id += len(new)
        order = np.flatnonzero(shown)
        order = order[np.argsort(tracks.ids[order], kind="stable")]
        return Tracks(
            ids=tracks.ids[order],
            boxes=tracks.boxes[order],
            scores=tracks.scores[order],
            classes=tracks.classes[order],
        )


def _best(values: Array, where: Index, count: int) -> Array:
    """`(count,)` the largest value of each group."""
    best = np.full(count, -np.inf)
    np.maximum.at(best, where, values)
    return best
