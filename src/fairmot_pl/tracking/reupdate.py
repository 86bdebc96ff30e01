"""Observation-centric re-update: what a track would know, had it been seen all the while it was lost (OC-SORT).

While a track is lost, every prediction adds to the error of the one before. When it is found again, that error is
undone: the filter goes back to the last sight and runs anew along the straight path from there to here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.structures import Detections
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.camera import finite_rows, move_boxes, move_states
from fairmot_pl.tracking.track import Array, Index, Mask, TrackState, TrackTable

MOST_STEPS = 100
"""The filter settles within far fewer sights, so a longer path is walked in longer steps."""


def reupdate(mean: Array, covariance: Array, start: Array, end: Array, frames: Array) -> tuple[Array, Array]:
    """The filter's states along virtual sights, one a frame, evenly spaced (Cao et al. 2023, section 4.1).

    Args:
        mean: `(N, 8)` states at the last sight.
        covariance: `(N, 3, 4)` their covariance.
        start: `(N, 4)` xyxy seen then, in the pixels of the present frame.
        end: `(N, 4)` xyxy seen now.
        frames: `(N,)` between the two, above 0.

    Returns:
        Mean `(N, 8)` and covariance `(N, 3, 4)` now.
    """
    mean, covariance = mean.copy(), covariance.copy()
    steps = np.rint(frames).clip(1, MOST_STEPS)
    for step in range(1, int(steps.max(initial=0)) + 1):
        rows = np.flatnonzero(steps >= step)
        share = (step / steps[rows])[:, None]
        virtual = xyxy_to_xyah(start[rows] + share * (end - start)[rows])
        before = kalman.predict(mean[rows], covariance[rows], (frames / steps)[rows])
        mean[rows], covariance[rows] = kalman.update(*before, virtual)
    return mean, covariance


@dataclass(kw_only=True)
class RetracedTable(TrackTable):
    """Tracks that know where they were last seen, and are updated anew from there when they return.

    Args:
        seen_boxes: `(T, 4)` xyxy of the last detection.
        seen_mean: `(T, 8)` Kalman state just after it.
        seen_covariance: `(T, 3, 4)` its covariance.
    """

    seen_boxes: Array
    seen_mean: Array
    seen_covariance: Array

    @classmethod
    def born(cls, detections: Detections, *, first_id: int, frame: float, state: TrackState) -> RetracedTable:
        """As `TrackTable`'s."""
        table = TrackTable.born(detections, first_id=first_id, frame=frame, state=state)
        return cls(
            **vars(table),
            seen_boxes=detections.boxes.astype(np.float64),
            seen_mean=table.mean.copy(),
            seen_covariance=table.covariance.copy(),
        )

    def move_camera(self, camera: Array) -> Mask:
        """As `TrackTable`'s; where tracks were last seen moves too."""
        within = super().move_camera(camera)
        with np.errstate(over="ignore", invalid="ignore"):
            self.seen_mean, self.seen_covariance = move_states(self.seen_mean, self.seen_covariance, camera)
            self.seen_boxes = move_boxes(self.seen_boxes, camera)
        return within & finite_rows(self.seen_mean, self.seen_covariance, self.seen_boxes)

    def see(self, pairs: Index, detections: Detections, *, frame: float, **how: Any) -> None:
        """As `TrackTable`'s, with the filter of lost tracks run anew along the path since their last detection."""
        rows, columns = pairs.T
        boxes = detections.boxes.take(columns, axis=0).astype(np.float64)
        (returned,) = (self.states.take(rows) == TrackState.LOST).nonzero()
        found = rows[returned]
        away = frame - self.last_frame[found]
        super().see(pairs, detections, frame=frame, **how)
        self.mean[found], self.covariance[found] = reupdate(
            self.seen_mean[found], self.seen_covariance[found], self.seen_boxes[found], boxes[returned], away
        )
        self.seen_mean[rows], self.seen_covariance[rows] = self.mean[rows], self.covariance[rows]
        self.seen_boxes[rows] = boxes
