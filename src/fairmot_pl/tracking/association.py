"""Which detection continues which track: stages that each match what the ones before left over.

An association is a recipe, a tuple of stages. To add one, write a function from settings to `Association` out
of the costs here (or new ones) and name it in `RECIPES`. The settings' switches take parts out of a recipe: its
stages by overlap, its stages by appearance, or the motion in the latter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cached_property, partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.structures import Detections
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.assignment import assign
from fairmot_pl.tracking.costs import cosine_distance, cosine_distance_of, overlapping
from fairmot_pl.tracking.pairs import Pairs, around, every
from fairmot_pl.tracking.settings import TrackerSettings
from fairmot_pl.tracking.trace import FrameTrace, KnownTracks
from fairmot_pl.tracking.track import TrackState, TrackTable

Cost = Callable[[TrackTable, Detections], Pairs]
"""From all tracks and detections of a frame to the costs of the pairs worth a look."""

TENTATIVE, CONFIRMED, LOST = TrackState


class Band(Enum):
    """Detections by score."""

    HIGH = "above score_threshold"
    LOW = "between low_score_threshold and score_threshold"


@dataclass(frozen=True)
class Stage:
    """One assignment: tracks in any of `states` with detections of `band`, at a `cost` below `limit`."""

    states: tuple[TrackState, ...]
    band: Band
    cost: Cost
    limit: float

    @cached_property
    def takes(self) -> NDArray[np.bool_]:
        """`(3,)` whether tracks in each state take part."""
        return np.isin(list(TrackState), self.states)


@dataclass(frozen=True)
class Association:
    """A recipe.

    Args:
        stages: in order.
        birth_margin: what a score needs above `score_threshold` to start a track, unless the settings give a
            threshold of its own.
        needs_embeddings: whether any stage compares them.
        keeps_score: whether a track that returns from loss shows its old score in that frame (a habit of the
            reference that BYTE dropped).
        weighs_evidence: whether, instead of stages, `fusion.engine` matches by all evidence at once.
    """

    stages: tuple[Stage, ...]
    birth_margin: float
    needs_embeddings: bool
    keeps_score: bool
    weighs_evidence: bool = False


class Matches(NamedTuple):
    """Who goes on as what.

    Args:
        pairs: `(P, 2)` track row and detection row.
        missed: `(T,)` whether a track has no detection.
        free: `(M,)` whether a detection has no track.
    """

    pairs: NDArray[np.int64]
    missed: NDArray[np.bool_]
    free: NDArray[np.bool_]


def bands(scores: NDArray[np.float32], settings: TrackerSettings) -> dict[Band, NDArray[np.bool_]]:
    """Masks `(M,)` of the detections in each band; a score that equals a threshold is in neither."""
    high = settings.score_threshold
    return {
        Band.HIGH: scores > high,
        Band.LOW: (scores > settings.low_score_threshold) & (scores < high),
    }


def associate(
    tracks: TrackTable,
    detections: Detections,
    stages: tuple[Stage, ...],
    banded: Mapping[Band, NDArray[np.bool_]],
    trace: FrameTrace | None = None,
) -> Matches:
    """Run the stages; only pairs of one class match. Every stage is taken down in `trace`, if there is one."""
    missed, free = np.ones(len(tracks), bool), np.ones(len(detections), bool)
    pairs = [np.zeros((0, 2), np.int64)]
    if trace is not None:
        trace.begin(
            _known(tracks, trace.clock), detections, np.logical_or.reduce([banded[stage.band] for stage in stages])
        )
    known: dict[Cost, Pairs] = {}
    for stage in stages:
        rows = missed & stage.takes.take(tracks.states)
        columns = free & banded[stage.band]
        if not (np.count_nonzero(rows) and np.count_nonzero(columns)):
            continue
        if stage.cost not in known:
            known[stage.cost] = stage.cost(tracks, detections)
        row, column, _ = known[stage.cost]
        alike = tracks.classes.take(row) == detections.classes.take(column)
        considered = known[stage.cost].where(alike & rows.take(row) & columns.take(column))
        matched = assign(considered, stage.limit)
        if trace is not None:
            trace.stage(stage.cost, rows, columns, considered, stage.limit, matched)
        missed[matched[:, 0]] = free[matched[:, 1]] = False
        pairs.append(matched)
    return Matches(np.concatenate(pairs), missed, free)


def _known(tracks: TrackTable, clock: float) -> KnownTracks:
    """The table as a trace keeps it, at a time in frames."""
    mean, covariance = tracks.mean.copy(), tracks.covariance.copy()
    return KnownTracks(
        ids=tracks.ids.copy(),
        boxes=tracks.boxes,
        embeddings=tracks.embeddings.copy(),
        states=np.array([state.name.lower() for state in TrackState])[tracks.states],
        age=clock - tracks.first_frame,
        unseen=clock - tracks.last_frame,
        distance=lambda boxes: kalman.gating_distance(mean, covariance, xyxy_to_xyah(boxes)),
    )


def overlap(tracks: TrackTable, detections: Detections) -> Pairs:
    """IoU distance between predicted boxes and detections, where they overlap."""
    return overlapping(tracks.boxes, detections.boxes.astype(np.float64))


def appearance(tracks: TrackTable, detections: Detections) -> Pairs:
    """Cosine distance between embeddings."""
    return Pairs.of(cosine_distance(tracks.embeddings, detections.embeddings))


def appearance_with_motion(tracks: TrackTable, detections: Detections, *, gate: float, weight: float) -> Pairs:
    """Cosine distance between embeddings, fused with and gated by the Mahalanobis distance (JDE).

    Args:
        tracks: N of them, predicted.
        detections: M of them.
        gate: pairs whose squared Mahalanobis distance lies beyond it are impossible.
        weight: share of the motion in the sum, in [0, 1].
    """
    measured = xyxy_to_xyah(detections.boxes.astype(np.float64))
    expected, variance = kalman.project(tracks.mean, tracks.covariance)
    rows, columns = every(len(tracks), len(detections)) or around(
        expected[:, :2], np.sqrt(gate * variance[:, :2]), measured[:, :2]
    )
    motion = kalman.squared_distance(
        expected.T.take(rows, axis=1).T, variance.T.take(rows, axis=1).T, measured.T.take(columns, axis=1).T
    )
    gated = Pairs(rows, columns, motion).where(motion <= gate)
    look = cosine_distance_of(tracks.embeddings, detections.embeddings, gated.rows, gated.columns)
    return Pairs(gated.rows, gated.columns, (1 - weight) * look + weight * gated.costs)


def _by_appearance(settings: TrackerSettings, *states: TrackState) -> Stage:
    if not settings.use_kalman:
        return Stage(states, Band.HIGH, appearance, settings.appearance_limit)
    cost = partial(appearance_with_motion, gate=settings.motion_gate, weight=settings.motion_weight)
    return Stage(states, Band.HIGH, cost, settings.appearance_limit)


def _cascade(settings: TrackerSettings) -> Iterator[Stage]:
    """Appearance for confirmed and lost tracks, then overlap for the confirmed (for both without appearance)."""
    if settings.use_reid:
        yield _by_appearance(settings, CONFIRMED, LOST)
    if settings.use_iou:
        states = (CONFIRMED,) if settings.use_reid else (CONFIRMED, LOST)
        yield Stage(states, Band.HIGH, overlap, settings.iou_limit)


def _second_chance(settings: TrackerSettings) -> Iterator[Stage]:
    """The low band, by overlap alone: how someone half hidden looks says little."""
    if settings.use_iou:
        yield Stage((CONFIRMED,), Band.LOW, overlap, settings.low_iou_limit)


def _confirmation(settings: TrackerSettings) -> Iterator[Stage]:
    """Overlap for tentative tracks, else appearance: without a second look no track would ever be confirmed."""
    if settings.use_iou:
        yield Stage((TENTATIVE,), Band.HIGH, overlap, settings.tentative_iou_limit)
    else:
        yield _by_appearance(settings, TENTATIVE)


def fairmot(settings: TrackerSettings) -> Association:
    """FairMOT's online association: appearance with motion, then overlap."""
    stages = (*_cascade(settings), *_confirmation(settings))
    return Association(stages, birth_margin=0.0, needs_embeddings=settings.use_reid, keeps_score=True)


def byte(settings: TrackerSettings) -> Association:
    """ByteTrack, algorithm 1: overlap alone, first with the sure detections, then with the unsure ones.

    Raises:
        ValueError: overlap is switched off.
    """
    if not settings.use_iou:
        raise ValueError(
            "use_iou is False, but association 'byte' knows overlap alone; choose 'fairmot' or 'byte_reid'"
        )
    first = Stage((CONFIRMED, LOST), Band.HIGH, overlap, settings.first_iou_limit)
    stages = (first, *_second_chance(settings), *_confirmation(settings))
    return Association(stages, birth_margin=0.1, needs_embeddings=False, keeps_score=False)


def byte_reid(settings: TrackerSettings) -> Association:
    """FairMOT's stages with ByteTrack's second chance."""
    stages = (*_cascade(settings), *_second_chance(settings), *_confirmation(settings))
    return Association(stages, birth_margin=0.1, needs_embeddings=settings.use_reid, keeps_score=False)


def fusion(settings: TrackerSettings) -> Association:
    """All evidence at once, without stages (docs/fusion.md).

    Raises:
        ValueError: a part of the other associations is switched that this one does not have.
    """
    if not (settings.use_iou and settings.use_kalman) or settings.use_reupdate:
        raise ValueError(
            "association 'fusion' has no parts to switch but use_reid: leave use_iou and use_kalman True and "
            "use_reupdate False, or choose another association"
        )
    return Association(
        (), birth_margin=0.0, needs_embeddings=settings.use_reid, keeps_score=False, weighs_evidence=True
    )


RECIPES: Mapping[str, Callable[[TrackerSettings], Association]] = MappingProxyType(
    {"fairmot": fairmot, "byte": byte, "byte_reid": byte_reid, "fusion": fusion}
)


def compose(settings: TrackerSettings) -> Association:
    """The association that the settings name.

    Raises:
        ValueError: there is none of that name, or the parts switched on leave nothing of it.
    """
    name = settings.association
    if name not in RECIPES:
        near = get_close_matches(str(name).lower(), RECIPES, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown association {name!r}; choose from {', '.join(RECIPES)} (nearest: {near!r})")
    return RECIPES[name](settings)
