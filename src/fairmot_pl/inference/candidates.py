"""Which tracks could have taken a detection, what each would have cost, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairmot_pl.tracking.trace import FrameTrace
from fairmot_pl.tracking.track import TrackState

OTHERS = 2
"""Tracks shown besides the old and the new one."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A track beside one detection.

    Args:
        track: its id.
        role: `"old"`, `"new"` or `"other"`.
        person: whom it followed last, by the ground truth; None = nobody.
        state: `"tentative"`, `"confirmed"`, `"lost"`, `"starts here"` or `"ended"`.
        age: frames since its birth.
        unseen: frames since its last detection before this one.
        appearance: cosine distance to the detection; None where embeddings take no part or there is no such track.
        overlap: IoU of the predicted box and the detection.
        motion: squared Mahalanobis distance of the detection from the prediction.
        outcome: what the stages said, in words.
        elsewhere: whether the track took another detection in this frame.
    """

    track: int
    role: str
    person: int | None = None
    state: str = "ended"
    age: int | None = None
    unseen: int | None = None
    appearance: float | None = None
    overlap: float | None = None
    motion: float | None = None
    outcome: str = ""
    elsewhere: bool = False


def candidates_for(
    trace: FrameTrace,
    column: int,
    *,
    old: int,
    new: int,
    persons: dict[int, int],
    gate: float,
) -> list[Candidate]:
    """The tracks beside a detection: old, new, then the nearest others.

    Args:
        trace: of the frame.
        column: row of the detection.
        old: id of the track that should have taken it.
        new: id of the track that took it.
        persons: whom each track followed last.
        gate: largest squared Mahalanobis distance that a gate lets pass.
    """
    named = [(old, "old"), (new, "new")]
    named += [(track, "other") for track in _nearest(trace, column) if track not in (old, new)][:OTHERS]
    return [_candidate(trace, column, track, role, persons.get(track), gate) for track, role in named]


def _nearest(trace: FrameTrace, column: int) -> list[int]:
    """Ids of the tracks that any stage let near, by their lowest cost."""
    lowest: dict[int, float] = {}
    for stage in trace.stages:
        near = stage.costs.where((stage.costs.columns == column) & (stage.costs.costs < stage.limit))
        for track, cost in zip(trace.tracks.ids[near.rows].tolist(), near.costs.tolist(), strict=True):
            lowest[track] = min(lowest.get(track, np.inf), cost)
    return sorted(lowest, key=lambda track: lowest[track])


def _candidate(trace: FrameTrace, column: int, track: int, role: str, person: int | None, gate: float) -> Candidate:
    row = trace.row_of(track)
    if row is None:
        if trace.born[column] and trace.assigned[column] == track:
            return Candidate(
                track=track,
                role=role,
                state="starts here",
                age=0,
                outcome="no track took the detection, so it starts one",
            )
        return Candidate(track=track, role=role, person=person, outcome="no longer there")
    return Candidate(
        track=track,
        role=role,
        person=person,
        state=TrackState(trace.tracks.states[row]).name.lower(),
        age=round(trace.clock - trace.tracks.first_frame[row]),
        unseen=round(trace.clock - trace.tracks.last_frame[row] - 1),
        appearance=None if trace.appearance is None else float(trace.appearance[row, column]),
        overlap=1 - float(trace.overlap[row, column]),
        motion=float(trace.motion[row, column]),
        outcome="; ".join(_outcomes(trace, row, column, gate)),
        elsewhere=bool(np.delete(trace.assigned == track, column).any()),
    )


def _outcomes(trace: FrameTrace, row: int, column: int, gate: float) -> list[str]:
    """What each stage that compared the two said."""
    said = []
    for stage in trace.stages:
        cost = stage.cost_of(row, column)
        if cost is None:
            continue
        if (stage.matches == (row, column)).all(axis=1).any():
            said.append(f"{stage.name}: matched, cost {cost:.2f} below the limit {stage.limit:g}")
        elif np.isinf(cost):
            beyond = trace.motion[row, column] > gate
            reason = f"beyond the motion gate, {trace.motion[row, column]:.1f} > {gate:g}" if beyond else "impossible"
            said.append(f"{stage.name}: {'none' if stage.name == 'overlap' else reason}")
        elif cost >= stage.limit:
            said.append(f"{stage.name}: cost {cost:.2f} not below the limit {stage.limit:g}")
        else:
            said.append(f"{stage.name}: cost {cost:.2f} below the limit {stage.limit:g}, but other pairs were better")
    return said or ["no stage compared the two"]
