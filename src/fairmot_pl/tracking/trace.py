"""What a tracker saw when it decided: the record of one frame, taken only where somebody asks for it.

A tracker is deterministic, so nothing needs to be kept while it works: whoever wants to know why a frame went
as it did replays the detections and takes the trace of that frame. Traces are as large as the cost matrices of
their frame; read them one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.costs import cosine_distance, iou_distance
from fairmot_pl.tracking.pairs import Index, Pairs
from fairmot_pl.tracking.track import TrackTable

if TYPE_CHECKING:
    from fairmot_pl.tracking.tracker import OnlineTracker

Mask = NDArray[np.bool_]
Cost = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class StageTrace:
    """One assignment: who took part, at what cost, and who was matched.

    Args:
        name: of the cost, in words.
        rows: `(T,)` which tracks of the table took part.
        columns: `(M,)` which detections.
        costs: of the possible pairs among them; what is not listed was refused by a gate, is apart or of another class.
        limit: a match costs less.
        matches: `(P, 2)` track row and detection row.
    """

    name: str
    rows: Mask
    columns: Mask
    costs: Pairs
    limit: float
    matches: Index

    def cost_of(self, row: int, column: int) -> float | None:
        """What a track and a detection would have cost, infinite if impossible; None where one of them took no part."""
        if not (self.rows[row] and self.columns[column]):
            return None
        found = self.costs.costs[(self.costs.rows == row) & (self.costs.columns == column)]
        return float(found[0]) if len(found) else np.inf


@dataclass(kw_only=True)
class FrameTrace:
    """The association of one frame. Empty until the tracker fills it in; `traced` makes one.

    Attributes:
        clock: the tracker's time, in frames.
        tracks: the table as associated on: predicted to this frame, states as of the frame before.
        detections: those that could matter, best first: what columns refer to.
        usable: `(M,)` whether any stage takes detections with such a score.
        stages: in order; a stage without tracks or detections is left out.
        assigned: `(M,)` id of the track that each detection continued or started; 0 = none.
        born: `(M,)` whether it started one.
    """

    clock: float = 0.0
    tracks: TrackTable = field(init=False)
    detections: Detections = field(init=False)
    usable: Mask = field(init=False)
    stages: list[StageTrace] = field(default_factory=list)
    assigned: Index = field(init=False)
    born: Mask = field(init=False)

    def begin(self, tracks: TrackTable, detections: Detections, usable: Mask) -> None:
        """Keep the table as it is before matches change it; arguments as the attributes."""
        self.tracks, self.detections, self.usable = tracks.select(np.arange(len(tracks))), detections, usable
        self.assigned, self.born = np.zeros(len(detections), np.int64), np.zeros(len(detections), np.bool_)

    def stage(
        self,
        cost_function: Callable[..., Any],
        rows: Mask,
        columns: Mask,
        costs: Pairs,
        limit: float,
        matches: Index,
    ) -> None:
        """Take down one assignment; arguments as in `StageTrace`."""
        named = cost_function.func if isinstance(cost_function, partial) else cost_function
        name = getattr(named, "__name__", type(named).__name__).strip("_").replace("_", " ")
        self.stages.append(StageTrace(name=name, rows=rows, columns=columns, costs=costs, limit=limit, matches=matches))
        self.assigned[matches[:, 1]] = self.tracks.ids[matches[:, 0]]

    def births(self, columns: Index, first_id: int) -> None:
        """Detections `columns` start tracks with ids from `first_id` on."""
        self.assigned[columns] = first_id + np.arange(len(columns))
        self.born[columns] = True

    @cached_property
    def appearance(self) -> Cost | None:
        """`(T, M)` cosine distance of every track to every detection; None where embeddings take no part."""
        if not self.detections.embeddings.shape[1] or not len(self.tracks):
            return None
        return cosine_distance(self.tracks.embeddings, self.detections.embeddings)

    @cached_property
    def overlap(self) -> Cost:
        """`(T, M)` IoU distance of every predicted box to every detection."""
        return iou_distance(self.tracks.boxes, self.detections.boxes.astype(np.float64))

    @cached_property
    def motion(self) -> Cost:
        """`(T, M)` squared Mahalanobis distance of every detection from every prediction."""
        measured = xyxy_to_xyah(self.detections.boxes.astype(np.float64))
        return kalman.gating_distance(self.tracks.mean, self.tracks.covariance, measured)

    def row_of(self, track: int) -> int | None:
        """The row of a track id in the table; None if there is no such track (any more, or yet)."""
        found = np.flatnonzero(self.tracks.ids == track)
        return int(found[0]) if len(found) else None


def check_traceable(tracker: OnlineTracker) -> None:
    """Refuse a tracker whose decisions are not taken down.

    Raises:
        ValueError: naming its association and those that are.
    """
    if not tracker.keeps_trace:
        raise ValueError(
            f"association {tracker.association!r} keeps no trace of its decisions, so they cannot be explained; "
            "choose fairmot, byte or byte_reid"
        )


def traced(
    tracker: OnlineTracker, detections: Detections, moment: Mapping[str, Any] | None = None
) -> tuple[Tracks, FrameTrace]:
    """Take the next frame as `OnlineTracker.update` does, and keep what was seen on the way.

    Args:
        tracker: its state moves on by this frame.
        detections: all of the frame.
        moment: further keywords of `update`.

    Returns:
        The confirmed tracks and the trace.

    Raises:
        ValueError: as `update`; or the association is one that keeps no trace.
    """
    check_traceable(tracker)
    trace = FrameTrace()
    tracker.trace = trace
    try:
        tracks = tracker.update(detections, **(moment or {}))
    finally:
        tracker.trace = None
    trace.clock = tracker.clock
    return tracks, trace
