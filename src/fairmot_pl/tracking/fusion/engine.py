"""Frame by frame: predict, weigh the evidence for every pair, match, learn, report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking.assignment import assign
from fairmot_pl.tracking.costs import unit_length
from fairmot_pl.tracking.fusion import motion
from fairmot_pl.tracking.fusion.evidence import Evidence, Scales, Sight
from fairmot_pl.tracking.fusion.presence import Presence
from fairmot_pl.tracking.fusion.settings import FusionSettings
from fairmot_pl.tracking.fusion.table import Beliefs, chance
from fairmot_pl.tracking.fusion.telling import tell_tracks
from fairmot_pl.tracking.pairs import Pairs
from fairmot_pl.tracking.trace import FrameTrace

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_UNEVEN = 1.5
"""So many times the usual interval may pass between two frames."""

_GONE = 0.02
"""Probability of being a person under which a track ends."""

_FARTHEST, _LARGEST = 1e9, 1e40
"""Nobody is so many times their size away, nor has so many pixels."""

_NEAR = 1 / 3
"""Shift in widths, or heights, under which two boxes of one size overlap by half (IoU)."""


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
        self._scales, self._presence = Scales(settings), Presence(settings.detection_rate)
        self.tracks = self._born(self._scales.sight(Detections.empty()))

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
        sight = self._scales.sight(detections)
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
        evidence = self._scales.weigh(self.tracks, sight, seconds) if len(self.tracks) else None
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

    def _move(self, seconds: float, affine: Array | None) -> None:
        """Predict, and let go of those who were lost for too long or are out of any image."""
        tracks = self.tracks.keep(self.tracks.unseen + seconds <= self._memory)
        tracks.state, tracks.spread = motion.predict(tracks.state, tracks.spread, seconds, self._settings)
        if affine is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                tracks.state, tracks.spread = motion.map_affine(tracks.state, tracks.spread, affine)
        centre, size = tracks.state[..., motion.CENTRE], tracks.state[..., motion.SIZE]
        there = (np.abs(centre) < _FARTHEST * size) & (size < _LARGEST)
        self.tracks = tracks.keep(np.all(there, axis=1))

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
            self._scales.learn_looks(tracks, sight, evidence, pair, seconds)
            self._blend_looks(sight, rows, columns)
        self._presence.see(tracks, rows, sight.odds[columns])
        tracks.scores[rows] = sight.detections.scores[columns]

    def _blend_looks(self, sight: Sight, rows: Index, columns: Index) -> None:
        """Move the looks of tracks towards those of their detections, as far as these are uncovered."""
        tracks, clear = self.tracks, sight.clear[columns]
        share = np.maximum(1 - self._settings.look_momentum, 1 / (tracks.sightings[rows] + 1)) * clear
        blend = (1 - share)[:, None] * tracks.embeddings[rows] + share[:, None] * sight.detections.embeddings[columns]
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
