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

from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking.costs import cosine_distance, iou_distance
from fairmot_pl.tracking.pairs import Index, Pairs

if TYPE_CHECKING:
    from fairmot_pl.tracking.tracker import OnlineTracker

Mask = NDArray[np.bool_]
Cost = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class KnownTracks:
    """The T tracks of a tracker as associated on: predicted to this frame, states as of the frame before.

    Args:
        ids: `(T,)` from 1; below 0, the same in every frame, for a track that has no id yet.
        boxes: `(T, 4)` xyxy in image pixels.
        embeddings: `(T, D)` unit length.
        states: `(T,)` `"tentative"`, `"confirmed"` or `"lost"`.
        age: `(T,)` frames since birth.
        unseen: `(T,)` frames since the last detection; 1 for who was seen in the frame before.
        distance: from `(M, 4)` xyxy boxes to their `(T, M)` squared Mahalanobis distance from the predictions.
    """

    ids: Index
    boxes: Cost
    embeddings: NDArray[np.float32]
    states: NDArray[np.str_]
    age: Cost
    unseen: Cost
    distance: Callable[[Cost], Cost]

    def __len__(self) -> int:
        return len(self.ids)


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
        parts: what the costs add up from, by name, each `(P,)` beside `costs`.
    """

    name: str
    rows: Mask
    columns: Mask
    costs: Pairs
    limit: float
    matches: Index
    parts: Mapping[str, Cost] = field(default_factory=dict)

    def cost_of(self, row: int, column: int) -> float | None:
        """What a track and a detection would have cost, infinite if impossible; None where one of them took no part."""
        if not (self.rows[row] and self.columns[column]):
            return None
        found = self.costs.costs[self._at(row, column)]
        return float(found[0]) if len(found) else np.inf

    def parts_of(self, row: int, column: int) -> dict[str, float]:
        """What the cost of a possible pair adds up from, by name."""
        return {name: float(values[self._at(row, column)][0]) for name, values in self.parts.items()}

    def _at(self, row: int, column: int) -> Mask:
        found: Mask = (self.costs.rows == row) & (self.costs.columns == column)
        return found


@dataclass(kw_only=True)
class FrameTrace:
    """The association of one frame. Empty until the tracker fills it in; `traced` makes one.

    Args:
        frame_rate: nominal frames per second.

    Attributes:
        clock: the tracker's time, in frames.
        tracks: those that could go on.
        detections: those that could matter, best first: what columns refer to.
        usable: `(M,)` whether detections with such a score are taken at all.
        stages: in order; a stage without tracks or detections is left out.
        assigned: `(M,)` id of the track that each detection continued or started, as in `KnownTracks`; 0 = none.
        born: `(M,)` whether it started one.
        named: the ids that tracks without one got in this frame, by what stood for them until then.
    """

    frame_rate: float = 30.0
    clock: float = 0.0
    tracks: KnownTracks = field(init=False)
    detections: Detections = field(init=False)
    usable: Mask = field(init=False)
    stages: list[StageTrace] = field(default_factory=list)
    assigned: Index = field(init=False)
    born: Mask = field(init=False)
    named: dict[int, int] = field(default_factory=dict)

    def begin(self, tracks: KnownTracks, detections: Detections, usable: Mask) -> None:
        """Take down who is there before matches change it; arguments as the attributes."""
        self.tracks, self.detections, self.usable = tracks, detections, usable
        self.assigned, self.born = np.zeros(len(detections), np.int64), np.zeros(len(detections), np.bool_)

    def stage(
        self,
        cost: Callable[..., Any] | str,
        rows: Mask,
        columns: Mask,
        costs: Pairs,
        limit: float,
        matches: Index,
        parts: Mapping[str, Cost] | None = None,
    ) -> None:
        """Take down one assignment; `cost` is the function or its name, the other arguments as in `StageTrace`."""
        self.stages.append(
            StageTrace(
                name=cost if isinstance(cost, str) else _name_of(cost),
                rows=rows,
                columns=columns,
                costs=costs,
                limit=limit,
                matches=matches,
                parts=parts or {},
            )
        )
        self.assigned[matches[:, 1]] = self.tracks.ids[matches[:, 0]]

    def births(self, columns: Index, ids: Index) -> None:
        """Detections `columns` start tracks with these ids."""
        self.assigned[columns], self.born[columns] = ids, True

    def name(self, before: Index, ids: Index) -> None:
        """Tracks that stood under `before` so far have `ids` from now on."""
        self.named = dict(zip(before.tolist(), ids.tolist(), strict=True))
        for known in (self.assigned, self.tracks.ids):
            known[:] = [self.named.get(one, one) for one in known.tolist()]

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
        return self.tracks.distance(self.detections.boxes.astype(np.float64))

    def row_of(self, track: int) -> int | None:
        """The row of a track id in the table; None if there is no such track (any more, or yet)."""
        found = np.flatnonzero(self.tracks.ids == track)
        return int(found[0]) if len(found) else None


def _name_of(cost: Callable[..., Any]) -> str:
    named = cost.func if isinstance(cost, partial) else cost
    return str(getattr(named, "__name__", type(named).__name__)).strip("_").replace("_", " ")


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
        ValueError: as `update`.
    """
    trace = FrameTrace(frame_rate=tracker.frame_rate)
    tracker.trace = trace
    try:
        tracks = tracker.update(detections, **(moment or {}))
    finally:
        tracker.trace = None
    return tracks, trace
