"""Watch a tracker at work between the last sighting under the old id and the first under the new one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.causes import HIDDEN, Evidence
from fairmot_pl.evaluation.switches import Switch
from fairmot_pl.inference.candidates import Candidate, candidates_for
from fairmot_pl.inference.truth_scene import Looks, TruthFrame
from fairmot_pl.structures import Detections
from fairmot_pl.tracking.settings import TrackerSettings
from fairmot_pl.tracking.trace import FrameTrace

Int = NDArray[np.int64]
Float = NDArray[np.float64]

CONSENSUS_RADIUS, CONSENSUS_SHARE, CONSENSUS_PEOPLE = 0.5, 0.7, 3
"""A displacement is common where of at least 3 people 70 % are within half its length of the median."""

RECENT = 2
"""Frames since its last detection up to which a prediction is good enough to tell a jump of the camera by."""


@dataclass(frozen=True)
class Moment:
    """One frame as the tracker and the ground truth have it.

    Args:
        frame: its number within the sequence.
        truth: who is there.
        trace: what the tracker did.
        seats: `(N,)` for each object the row of its usable detection in the trace; -1 = none.
        faint: `(N,)` best score of any detection on the object, usable or not; 0 = none.
        tracks_before: which track followed each person last, before this frame.
        persons_before: whom each track followed last, before this frame.
    """

    frame: int
    truth: TruthFrame
    trace: FrameTrace
    seats: Int
    faint: NDArray[np.float32]
    tracks_before: dict[int, int]
    persons_before: dict[int, int]

    def displacement(self) -> Float | None:
        """By how many pixels (x, y) the predictions of most tracks are off together; None = they are not."""
        rows, columns = [], []
        for person, seat in zip(self.truth.ids.tolist(), self.seats.tolist(), strict=True):
            row = self.trace.row_of(self.tracks_before.get(person, 0))
            if seat >= 0 and row is not None and self.trace.clock - self.trace.tracks.last_frame[row] <= RECENT:
                rows.append(row)
                columns.append(seat)
        if len(rows) < CONSENSUS_PEOPLE:
            return None
        off = _centres(self.trace.detections.boxes[columns]) - _centres(self.trace.tracks.boxes[rows])
        common = np.median(off, axis=0)
        near = np.hypot(*(off - common).T) <= CONSENSUS_RADIUS * np.hypot(*common)
        return common if near.mean() >= CONSENSUS_SHARE else None


def moment_of(
    frame: int,
    truth: TruthFrame,
    detections: Detections,
    trace: FrameTrace,
    tracks_before: dict[int, int],
    persons_before: dict[int, int],
) -> Moment:
    """Seat everybody of a frame on detections; arguments as in `Moment`, `detections` are all of the frame."""
    usable = np.flatnonzero(trace.usable)
    places = truth.seats(trace.detections.boxes[usable].astype(np.float64))
    faint = truth.seats(detections.boxes.astype(np.float64))
    return Moment(
        frame=frame,
        truth=truth,
        trace=trace,
        seats=np.where(places >= 0, np.append(usable, -1)[places], -1),
        faint=np.where(faint >= 0, np.append(detections.scores, np.float32(0))[faint], np.float32(0)),
        tracks_before=tracks_before,
        persons_before=persons_before,
    )


@dataclass
class SwitchWatch:
    """What is seen of one switch; `see` every frame of its window, in order.

    Attributes:
        switch: which.
        decided: frame in which the new track took the person; 0 = not yet.
        candidates: the tracks at hand then.
        preferred: whether appearance was nearer to the new track than to the old one.
        rival: see `Evidence`.
        jump: see `Evidence`.
        darkest: where the least of the person, or of somebody behind them, could be seen: the share, the frame, who
            was hidden and by whom (None = nothing annotated).
        old_fate: what had become of the old track.
    """

    switch: Switch
    settings: TrackerSettings
    decided: int = 0
    candidates: list[Candidate] = field(default_factory=list)
    preferred: bool = False
    rival: int | None = None
    jump: float = 0.0
    darkest: tuple[float, int, int, int | None] = (2.0, 0, 0, None)
    faint: float = 0.0
    old_fate: str = ""
    _hidden: list[int] = field(default_factory=list)
    _unseen: dict[int, bool] = field(default_factory=dict)
    _last_unseen: int = 0

    def see(self, moment: Moment) -> None:
        """Take in the next frame, from the switch's last frame before to its own."""
        row = moment.truth.row_of(self.switch.identity)
        if not self.decided:
            self._look(moment, row)
        if moment.frame == self.switch.last_frame:
            return
        if not self.decided:
            self._measure_jump(moment, row)
            self._follow_old(moment)
            self._decide(moment, row)
        self._find_rival(moment)

    def _look(self, moment: Moment, row: int | None) -> None:
        """Whether the person is hidden or hides somebody (their boxes merge), and whether there is a detection."""
        truth, hidden, hider, visible = moment.truth, self.switch.identity, None, 0.0
        least = truth.least_visible(hidden)
        if least is not None:
            hidden, visible = int(truth.ids[least]), float(truth.visible[least])
            hider = int(truth.hider[least]) if truth.hider[least] >= 0 else None
        if visible < self.darkest[0]:
            self.darkest = visible, moment.frame, hidden, hider
        if visible < HIDDEN:
            self._hidden.append(moment.frame)
        if row is None or moment.seats[row] < 0:
            self._unseen[moment.frame] = visible < HIDDEN
            self.faint = max(self.faint, 0.0 if row is None else float(moment.faint[row]))

    def _measure_jump(self, moment: Moment, row: int | None) -> None:
        common = moment.displacement()
        if common is None:
            return
        boxes = moment.truth.boxes if row is None else moment.truth.boxes[row : row + 1]
        self.jump = max(self.jump, float(np.hypot(*common) / np.median(boxes[:, 3] - boxes[:, 1])))

    def _follow_old(self, moment: Moment) -> None:
        """What the old track does meanwhile; the last thing said stands."""
        old, trace = self.switch.old_id, moment.trace
        row = trace.row_of(old)
        if row is None:
            if not self.old_fate.startswith("ended"):
                unseen = self._last_unseen
                forgotten = unseen >= self.settings.buffer
                reason = f"{unseen} frames without a detection" if forgotten else "as a duplicate of another track"
                self.old_fate = f"ended in frame {moment.frame}, {reason}"
            return
        self._last_unseen = round(trace.clock - trace.tracks.last_frame[row])
        columns = np.flatnonzero(trace.assigned == old)
        if not len(columns):
            self.old_fate = f"was lost, last seen {self._last_unseen} frames before"
            return
        taken = np.flatnonzero(moment.seats == columns[0])
        whose = f"that of person {moment.truth.ids[taken[0]]}" if len(taken) else "one of nobody annotated"
        self.old_fate = f"took another detection in frame {moment.frame}, {whose}"

    def _decide(self, moment: Moment, row: int | None) -> None:
        """Whether the new track takes the person's detection in this frame; in that of the switch it has, at last."""
        columns = np.flatnonzero(moment.trace.assigned == self.switch.new_id)
        if not len(columns):
            return
        column = int(columns[0])
        on_person = row is not None and moment.seats[row] == column
        if not on_person and moment.frame != self.switch.frame:
            return
        self.decided = moment.frame
        self._unseen.pop(moment.frame, None)  # the new track has a detection of the person
        self.candidates = candidates_for(
            moment.trace,
            column,
            old=self.switch.old_id,
            new=self.switch.new_id,
            persons=moment.persons_before,
            gate=self.settings.motion_gate,
        )
        distance = {candidate.role: candidate.appearance for candidate in self.candidates[:2]}
        old, new = distance["old"], distance["new"]
        self.preferred = old is not None and new is not None and new < old

    def _find_rival(self, moment: Moment) -> None:
        """Whose the new track was, else whose the old one becomes."""
        person = self.switch.identity
        if moment.frame == self.switch.frame:
            before = moment.persons_before.get(self.switch.new_id)
            if before is not None and before != person:
                self.rival = before
        if self.rival is None:
            columns = np.flatnonzero(moment.trace.assigned == self.switch.old_id)
            taken = moment.truth.ids[np.isin(moment.seats, columns)].tolist()
            self.rival = next((other for other in taken if other != person), None)

    def evidence(self, looks: Looks) -> Evidence:
        """What the cause is told from, once the window has passed."""
        margin = None if self.rival is None else looks.margin(self.switch.identity, self.rival)
        within = [hidden for frame, hidden in self._unseen.items() if self.switch.last_frame < frame < self.decided]
        return Evidence(
            jump=self.jump,
            rival=self.rival,
            likeness=None if margin is None else margin / max(self.settings.appearance_limit, 1e-9),
            preferred=self.preferred,
            hidden=len(self._hidden),
            unseen_hidden=sum(within),
            unseen_visible=len(within) - sum(within),
        )


def _centres(boxes: NDArray[np.floating]) -> Float:
    return np.asarray(boxes[:, :2] + boxes[:, 2:], np.float64) / 2
