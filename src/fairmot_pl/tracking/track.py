"""The living tracks of one tracker, as a table with a column per property, and what can happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyah_to_xyxy, xyxy_to_xyah
from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.camera import finite_rows, move_states
from fairmot_pl.tracking.columns import Columns
from fairmot_pl.tracking.costs import overlapping, unit_length

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

    @classmethod
    def born(cls, detections: Detections, *, first_id: int, frame: float, state: TrackState) -> TrackTable:
        """New tracks, one per detection, with ids from `first_id` on in the order of the detections."""
        count = len(detections)
        mean, covariance = kalman.initiate(xyxy_to_xyah(detections.boxes.astype(np.float64)))
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
        )

    @property
    def boxes(self) -> NDArray[np.float64]:
        """`(T, 4)` xyxy in image pixels, from the filtered state."""
        return xyah_to_xyxy(self.mean[:, :4])

    def report(self, boxes: Array, distinct: Mask) -> Tracks:
        """The confirmed tracks among the `distinct` `(T,)`; `boxes` as the property has them."""
        (rows,) = (distinct & (self.states == CONFIRMED)).nonzero()
        return Tracks.trusted(
            ids=self.ids.take(rows),
            boxes=boxes.take(rows, axis=0),
            scores=self.scores.take(rows),
            classes=self.classes.take(rows),
        )

    def predict(self, frames: float = 1.0) -> None:
        """Move confirmed and lost tracks some `frames` on; lost ones stop growing.

        Tentative ones stay where they were: they have no velocity yet.
        """
        (waiting,) = (self.states == TENTATIVE).nonzero()
        self.mean[:, kalman.HEIGHT_CHANGE][self.states == LOST] = 0.0
        mean, covariance = kalman.predict(self.mean, self.covariance, frames)
        if len(waiting):
            mean[waiting], covariance[waiting] = self.mean[waiting], self.covariance[waiting]
        self.mean, self.covariance = mean, covariance

    def move_camera(self, camera: Array) -> Mask:
        """Map all tracks by `(2, 3)` into the pixels of the next frame.

        Returns:
            `(T,)` False for tracks that are thereby out of the range of numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean, self.covariance = move_states(self.mean, self.covariance, camera)
        return finite_rows(self.mean, self.covariance)

    def see(
        self,
        pairs: Index,
        detections: Detections,
        *,
        frame: float,
        momentum: float,
        keeps_score: bool,
        filtered: bool = True,
    ) -> None:
        """Continue tracks with detections of this frame.

        Args:
            pairs: `(P, 2)` track row and detection row.
            detections: M of them.
            frame: now.
            momentum: share of the past in the embedding.
            keeps_score: whether lost tracks return with their old score.
            filtered: whether the boxes are corrected by the detections; else they are the detections, at rest.
        """
        rows, columns = pairs.T
        measured = xyxy_to_xyah(detections.boxes.take(columns, axis=0).astype(np.float64))
        self.mean[rows], self.covariance[rows] = (
            kalman.update(*kalman.picked(self.mean, self.covariance, rows), measured)
            if filtered
            else kalman.initiate(measured)
        )
        looks = detections.embeddings.take(columns, axis=0)
        self.embeddings[rows] = unit_length(momentum * self.embeddings.take(rows, axis=0) + (1 - momentum) * looks)
        scores = detections.scores.take(columns)
        if keeps_score:
            scores = np.where(self.states.take(rows) == LOST, self.scores.take(rows), scores)
        self.scores[rows] = scores
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
        self.states[missed] = LOST  # those that end too, of whom nobody hears again
        return lives

    def distinct(self, boxes: Array, limit: float) -> Mask:
        """`(T,)` False for duplicates: of a seen and a lost track nearer than `limit`, the younger goes.

        Nearness is the IoU distance, within a class, of `boxes` as the property has them. Age runs from birth to
        the last detection; of equals, the seen one goes.
        """
        distinct = np.ones(len(self), dtype=bool)
        away = self.states == LOST
        (lost,) = away.nonzero()
        if not len(lost):
            return distinct
        (seen,) = (~away).nonzero()
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
