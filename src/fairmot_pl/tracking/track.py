"""The living tracks of one tracker, as a table with a column per property, and what can happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyah_to_xyxy, xyxy_to_xyah
from fairmot_pl.structures import Detections, Tracks, picked_columns
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.camera import move_boxes, move_states
from fairmot_pl.tracking.columns import Columns
from fairmot_pl.tracking.costs import overlapping, unit_length
from fairmot_pl.tracking.reupdate import reupdate

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


class TrackState(IntEnum):
    """Where a track stands in its life; one that ended is no longer in the table."""

    TENTATIVE = 0
    """Seen once; lives on only if the next frame confirms it."""
    CONFIRMED = 1
    """Seen in the last frame, and reported."""
    LOST = 2
    """Not seen in the last frame; may return under its id."""


TENTATIVE, CONFIRMED, LOST = map(int, TrackState)  # plain numbers, which NumPy compares at once


@dataclass(kw_only=True)
class TrackTable(Columns):
    """T tracks, oldest id first.

    Everything in pixels is in those of the present frame. Frames are points in time, counted in frames of the
    nominal rate: whole numbers unless timestamps say otherwise.

    Args:
        ids: `(T,)` ascending.
        states: `(T,)` `TrackState`.
        mean: `(T, 8)` Kalman state: xyah in image pixels and its change per frame.
        covariance: `(T, 3, 4)` as `kalman` keeps it.
        embeddings: `(T, D)` moving average of what was seen, unit length.
        scores: `(T,)` score of the last detection.
        classes: `(T,)` never change.
        first_frame: `(T,)` frame of birth.
        last_frame: `(T,)` frame of the last detection.
        overdue: `(T,)` whether the track was once lost for longer than the buffer: it may return in the very
            next frame, and its next loss ends it.
        seen_boxes: `(T, 4)` xyxy of the last detection.
        seen_mean: `(T, 8)` Kalman state just after it.
        seen_covariance: `(T, 3, 4)` its covariance.
    """

    states: NDArray[np.int8]
    mean: Array
    covariance: Array
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: Index
    first_frame: Array
    last_frame: Array
    overdue: Mask
    seen_boxes: Array
    seen_mean: Array
    seen_covariance: Array

    @classmethod
    def born(cls, detections: Detections, *, first_id: int, frame: float, state: TrackState) -> TrackTable:
        """New tracks, one per detection, with ids from `first_id` on in the order of the detections."""
        count = len(detections)
        boxes = detections.boxes.astype(np.float64)
        mean, covariance = kalman.initiate(xyxy_to_xyah(boxes))
        return cls(
            ids=np.arange(first_id, first_id + count),
            states=np.full(count, state, np.int8),
            mean=mean,
            covariance=covariance,
            embeddings=detections.embeddings,
            scores=detections.scores,
            classes=detections.classes,
            first_frame=np.full(count, frame, float),
            last_frame=np.full(count, frame, float),
            overdue=np.zeros(count, dtype=bool),
            seen_boxes=boxes,
            seen_mean=mean.copy(),
            seen_covariance=covariance.copy(),
        )

    @property
    def boxes(self) -> NDArray[np.float64]:
        """`(T, 4)` xyxy in image pixels, from the filtered state."""
        return xyah_to_xyxy(self.mean[:, :4])

    @property
    def confirmed(self) -> Tracks:
        """What the tracker reports of this frame."""
        columns: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in ("ids", "boxes", "scores", "classes")}
        return Tracks.trusted(**picked_columns(columns, self.states == CONFIRMED))

    def predict(self, frames: float = 1.0) -> None:
        """Move confirmed and lost tracks some `frames` on; lost ones stop growing.

        Tentative ones stay where they were: they have no velocity yet.
        """
        (waiting,) = (self.states == TENTATIVE).nonzero()
        (lost,) = (self.states == LOST).nonzero()
        self.mean[lost, kalman.HEIGHT_CHANGE] = 0.0
        mean, covariance = kalman.predict(self.mean, self.covariance, frames)
        if len(waiting):
            mean[waiting], covariance[waiting] = self.mean[waiting], self.covariance[waiting]
        self.mean, self.covariance = mean, covariance

    def move_camera(self, camera: Array) -> Mask:
        """Map all tracks, and where they were last seen, by `(2, 3)` into the pixels of the next frame.

        Returns:
            `(T,)` False for tracks that are thereby out of the range of numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean, self.covariance = move_states(self.mean, self.covariance, camera)
            self.seen_mean, self.seen_covariance = move_states(self.seen_mean, self.seen_covariance, camera)
            self.seen_boxes = move_boxes(self.seen_boxes, camera)
        states = (self.mean, self.covariance, self.seen_mean, self.seen_covariance, self.seen_boxes)
        within: Mask = np.all([np.isfinite(one).all(axis=tuple(range(1, one.ndim))) for one in states], axis=0)
        return within

    def see(
        self,
        rows: Index,
        detections: Detections,
        *,
        frame: float,
        momentum: float,
        keeps_score: bool,
        filtered: bool = True,
        rerun: bool = False,
    ) -> None:
        """Continue tracks `rows` `(P,)` with P detections of this frame.

        Args:
            rows: which tracks.
            detections: one per row.
            frame: now.
            momentum: share of the past in the embedding.
            keeps_score: whether lost tracks return with their old score.
            filtered: whether the boxes are corrected by the detections; else they are the detections, at rest.
            rerun: whether the filter of lost tracks is run anew along the path since their last detection.
        """
        boxes = detections.boxes.astype(np.float64)
        measured = xyxy_to_xyah(boxes)
        mean, covariance = (
            kalman.update(self.mean.take(rows, axis=0), self.covariance.take(rows, axis=0), measured)
            if filtered
            else kalman.initiate(measured)
        )
        lost = self.states.take(rows) == LOST
        if rerun and lost.any():
            found = rows[lost]
            mean[lost], covariance[lost] = reupdate(
                self.seen_mean[found],
                self.seen_covariance[found],
                self.seen_boxes[found],
                boxes[lost],
                frame - self.last_frame[found],
            )
        self.mean[rows] = self.seen_mean[rows] = mean
        self.covariance[rows] = self.seen_covariance[rows] = covariance
        self.seen_boxes[rows] = boxes
        blend = momentum * self.embeddings.take(rows, axis=0) + (1 - momentum) * detections.embeddings
        self.embeddings[rows] = unit_length(blend)
        self.scores[rows] = np.where(lost & keeps_score, self.scores.take(rows), detections.scores)
        self.states[rows] = CONFIRMED
        self.last_frame[rows] = frame

    def within(self, buffer: int, *, frame: float) -> Mask:
        """`(T,)` False for tracks unseen for so long that, with an update for every frame, they would have ended."""
        return frame - self.last_frame <= buffer + 2

    def miss(self, missed: Mask, *, frame: float, buffer: int) -> Mask:
        """Tracks `missed` `(T,)` were not seen: confirmed ones are lost. Returns those that live on, `(T,)`.

        A track lost for more than `buffer` frames may still return in the very next frame, but then its next
        loss ends it at once (the reference takes removed tracks off its lost list a frame late).
        """
        unproven = self.states == TENTATIVE
        lives: Mask = ~(missed & (unproven | self.overdue))
        self.overdue |= missed & (self.states == LOST) & (frame - self.last_frame > buffer)
        self.states[missed & ~unproven] = LOST
        return lives

    def distinct(self, limit: float) -> Mask:
        """`(T,)` False for duplicates: of a seen and a lost track nearer than `limit`, the younger goes.

        Nearness is the IoU distance, within a class. Age runs from birth to the last detection; of equals,
        the seen one goes.
        """
        distinct = np.ones(len(self), dtype=bool)
        (lost,) = (self.states == LOST).nonzero()
        if not len(lost):
            return distinct
        (seen,) = (self.states != LOST).nonzero()
        boxes = self.boxes
        pairs = overlapping(boxes.take(seen, axis=0), boxes.take(lost, axis=0))
        near = pairs.where(pairs.costs < limit)
        if not len(near.rows):
            return distinct
        here, gone = seen[near.rows], lost[near.columns]
        alike = self.classes[here] == self.classes[gone]
        here, gone = here[alike], gone[alike]
        age = self.last_frame - self.first_frame
        distinct[np.where(age[here] > age[gone], gone, here)] = False
        return distinct
