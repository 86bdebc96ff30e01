"""The living tracks of one tracker, as a table with a column per property, and what can happen to them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyah_to_xyxy, xyxy_to_xyah
from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.costs import iou_distance, unit_length

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


@dataclass(kw_only=True)
class TrackTable:
    """T tracks, oldest id first. Columns are changed in place; `select` and `join` make new tables.

    Args:
        ids: `(T,)` ascending.
        states: `(T,)` `TrackState`.
        mean: `(T, 8)` Kalman state: xyah in image pixels and its change per frame.
        covariance: `(T, 8, 8)`.
        embeddings: `(T, D)` moving average of what was seen, unit length.
        scores: `(T,)` score of the last detection.
        classes: `(T,)` never change.
        first_frame: `(T,)` frame of birth.
        last_frame: `(T,)` frame of the last detection.
        overdue: `(T,)` whether the track was once lost for longer than the buffer: it may return in the very
            next frame, and its next loss ends it.
    """

    ids: Index
    states: NDArray[np.int8]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: Index
    first_frame: Index
    last_frame: Index
    overdue: Mask

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def born(cls, detections: Detections, *, first_id: int, frame: int, state: TrackState) -> TrackTable:
        """New tracks, one per detection, with ids from `first_id` on in the order of the detections."""
        count = len(detections)
        mean, covariance = kalman.initiate(_measurements(detections))
        return cls(
            ids=np.arange(first_id, first_id + count),
            states=np.full(count, state, np.int8),
            mean=mean,
            covariance=covariance,
            embeddings=detections.embeddings,
            scores=detections.scores,
            classes=detections.classes,
            first_frame=np.full(count, frame),
            last_frame=np.full(count, frame),
            overdue=np.zeros(count, dtype=bool),
        )

    def select(self, which: NDArray[Any]) -> TrackTable:
        """A copy with only the tracks that `which` (mask or indices) picks."""
        return TrackTable(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def join(self, younger: TrackTable) -> TrackTable:
        """These tracks followed by `younger` ones."""
        if not len(younger) or not len(self):  # an empty table does not know the embedding's dimension
            return self if len(self) else younger
        return TrackTable(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(younger, field.name)])
                for field in fields(self)
            }
        )

    @property
    def boxes(self) -> NDArray[np.float64]:
        """`(T, 4)` xyxy in image pixels, from the filtered state."""
        return xyah_to_xyxy(self.mean[:, :4])

    @property
    def confirmed(self) -> Tracks:
        """What the tracker reports of this frame."""
        seen = self.states == TrackState.CONFIRMED
        return Tracks(ids=self.ids[seen], boxes=self.boxes[seen], scores=self.scores[seen], classes=self.classes[seen])

    def predict(self) -> None:
        """Move confirmed and lost tracks one frame on; lost ones stop growing.

        Tentative ones stay where they were: they have no velocity yet.
        """
        moving = self.states != TrackState.TENTATIVE
        self.mean[self.states == TrackState.LOST, kalman.HEIGHT_CHANGE] = 0.0
        self.mean[moving], self.covariance[moving] = kalman.predict(self.mean[moving], self.covariance[moving])

    def see(
        self,
        rows: Index,
        detections: Detections,
        *,
        frame: int,
        momentum: float,
        keeps_score: bool,
        filtered: bool = True,
    ) -> None:
        """Continue tracks `rows` `(P,)` with P detections of this frame.

        Args:
            rows: which tracks.
            detections: one per row.
            frame: the frame's number.
            momentum: share of the past in the embedding.
            keeps_score: whether lost tracks return with their old score.
            filtered: whether the boxes are corrected by the detections; else they are the detections, at rest.
        """
        measured = _measurements(detections)
        self.mean[rows], self.covariance[rows] = (
            kalman.update(self.mean[rows], self.covariance[rows], measured) if filtered else kalman.initiate(measured)
        )
        blend = momentum * self.embeddings[rows] + (1 - momentum) * detections.embeddings
        self.embeddings[rows] = unit_length(blend)
        stale = (self.states[rows] == TrackState.LOST) & keeps_score
        self.scores[rows] = np.where(stale, self.scores[rows], detections.scores)
        self.states[rows] = TrackState.CONFIRMED
        self.last_frame[rows] = frame

    def miss(self, missed: Mask, *, frame: int, buffer: int) -> Mask:
        """Tracks `missed` `(T,)` were not seen: confirmed ones are lost. Returns those that live on, `(T,)`.

        A track lost for more than `buffer` frames may still return in the very next frame, but then its next
        loss ends it at once (the reference takes removed tracks off its lost list a frame late).
        """
        unproven = self.states == TrackState.TENTATIVE
        lives: Mask = ~(missed & (unproven | self.overdue))
        self.overdue |= missed & (self.states == TrackState.LOST) & (frame - self.last_frame > buffer)
        self.states[missed & ~unproven] = TrackState.LOST
        return lives

    def distinct(self, limit: float) -> Mask:
        """`(T,)` False for duplicates: of a seen and a lost track nearer than `limit`, the younger goes.

        Nearness is the IoU distance, within a class. Age runs from birth to the last detection; of equals,
        the seen one goes.
        """
        lost = np.flatnonzero(self.states == TrackState.LOST)
        seen = np.flatnonzero(self.states != TrackState.LOST)
        boxes = self.boxes
        near = iou_distance(boxes[seen], boxes[lost]) < limit
        near &= self.classes[seen, None] == self.classes[lost]
        row, column = np.nonzero(near)
        age = self.last_frame - self.first_frame
        older = age[seen[row]] > age[lost[column]]
        distinct = np.ones(len(self), dtype=bool)
        distinct[np.where(older, lost[column], seen[row])] = False
        return distinct


def _measurements(detections: Detections) -> NDArray[np.float64]:
    return xyxy_to_xyah(detections.boxes.astype(np.float64))
