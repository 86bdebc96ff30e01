"""Which tracks could have taken a detection, what each would have cost, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairmot_pl.tracking.trace import FrameTrace, StageTrace

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
        motion: squared Mahalanobis distance of the detection from the prediction; these three are None where no
            detection decided.
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
    column: int | None,
    *,
    old: int,
    new: int,
    persons: dict[int, int],
    gate: float,
) -> list[Candidate]:
    """The tracks beside a detection: old, new, then the nearest others; without one the first two.

    Args:
        trace: of the frame.
        column: row of the detection; None where none decided.
        old: id of the track that should have taken it.
        new: id of the track that took it.
        persons: whom each track followed last.
        gate: largest squared Mahalanobis distance that a gate lets pass.
    """
    named = [(old, "old"), (new, "new")]
    if column is None:
        return [_unseen(trace, track, role, persons.get(track)) for track, role in named]
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
    return _living(
        trace,
        row,
        role,
        person,
        appearance=None if trace.appearance is None else float(trace.appearance[row, column]),
        overlap=1 - float(trace.overlap[row, column]),
        motion=float(trace.motion[row, column]),
        outcome="; ".join(_outcomes(trace, row, column, gate)),
        elsewhere=bool(np.delete(trace.assigned == track, column).any()),
    )


def _unseen(trace: FrameTrace, track: int, role: str, person: int | None) -> Candidate:
    """A track in a frame in which no detection decided."""
    row = trace.row_of(track)
    if row is None:
        return Candidate(track=track, role=role, person=person, outcome="no longer there")
    elsewhere = bool((trace.assigned == track).any())
    outcome = "not this person's detection" if elsewhere else "no detection"
    return _living(trace, row, role, person, outcome=outcome, elsewhere=elsewhere)


def _living(trace: FrameTrace, row: int, role: str, person: int | None, **said: Any) -> Candidate:
    """A track of the frame with what is known of it in any case, and what is `said` of it and the detection."""
    return Candidate(
        track=int(trace.tracks.ids[row]),
        role=role,
        person=person,
        state=str(trace.tracks.states[row]),
        age=round(trace.tracks.age[row]),
        unseen=round(trace.tracks.unseen[row] - 1),
        **said,
    )


def _outcomes(trace: FrameTrace, row: int, column: int, gate: float) -> list[str]:
    """What each stage that compared the two said."""
    said = []
    for stage in trace.stages:
        cost = stage.cost_of(row, column)
        if cost is None:
            continue
        matched = bool((stage.matches == (row, column)).all(axis=1).any())
        said.append(f"{stage.name}: {_said(trace, stage, row, column, cost, matched, gate)}")
    return said or ["no stage compared the two"]


def _said(trace: FrameTrace, stage: StageTrace, row: int, column: int, cost: float, matched: bool, gate: float) -> str:
    """What one stage said of a pair that took part."""
    if stage.parts:
        return _weighed(stage, row, column, cost, matched)
    if matched:
        return f"matched, cost {cost:.2f} below the limit {stage.limit:g}"
    if np.isinf(cost):
        if stage.name == "overlap":
            return "none"
        beyond = trace.motion[row, column] > gate
        return f"beyond the motion gate, {trace.motion[row, column]:.1f} > {gate:g}" if beyond else "impossible"
    if cost >= stage.limit:
        return f"cost {cost:.2f} not below the limit {stage.limit:g}"
    return f"cost {cost:.2f} below the limit {stage.limit:g}, but other pairs were better"


def _weighed(stage: StageTrace, row: int, column: int, cost: float, matched: bool) -> str:
    """The same where evidence is added up: for a pair where the sum is above 0."""
    if np.isinf(cost):
        return "none, too far from where the track was expected"
    parts = ", ".join(f"{name} {value:+.1f}" for name, value in stage.parts_of(row, column).items())
    verdict = "matched" if matched else "not above 0" if cost >= stage.limit else "other pairs were better"
    return f"{-cost:+.1f} ({parts}), {verdict}"
