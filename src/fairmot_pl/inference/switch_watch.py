"""Watch a tracker at work between the last sighting under the old id and the first under the new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

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

RECALL = 10
"""Frames for which a track still counts as that of the person whom it followed before."""

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
        formerly: whom each track that changed persons followed before the last one, and the frame in which it changed.
    """

    frame: int
    truth: TruthFrame
    trace: FrameTrace
    seats: Int
    faint: NDArray[np.float32]
    tracks_before: dict[int, int]
    persons_before: dict[int, int]
    formerly: dict[int, tuple[int, int]]

    @cached_property
    def displacement(self) -> Float | None:
        """By how many pixels (x, y) the predictions of most tracks are off together; None = they are not."""
        rows, columns = [], []
        for person, seat in zip(self.truth.ids.tolist(), self.seats.tolist(), strict=True):
            row = self.trace.row_of(self.tracks_before.get(person, 0))
            if seat >= 0 and row is not None and self.trace.tracks.unseen[row] <= RECENT:
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
    formerly: dict[int, tuple[int, int]],
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
        formerly=formerly,
    )


@dataclass
class SwitchWatch:
    """What is seen of one switch; `see` every frame from `begin` to that of the switch, in order.

    The window that explains it opens when the old track last took a detection: a tracker may report people where they
    are expected though nothing is seen of them, and so be right for some frames after it lost them.

    Attributes:
        switch: which.
        decided: frame in which the new track took the person; 0 = not yet.
        candidates: the tracks at hand then.
        preferred: whether appearance was nearer to the new track than to the old one.
        rival: see `Evidence`.
        old_fate: what had become of the old track.
    """

    switch: Switch
    settings: TrackerSettings
    decided: int = 0
    candidates: list[Candidate] = field(default_factory=list)
    preferred: bool = False
    rival: int | None = None
    faint: float = 0.0
    old_fate: str = ""
    _opened: int = 0
    _views: list[tuple[float, int, int, int | None]] = field(default_factory=list)
    _jumps: list[tuple[int, float]] = field(default_factory=list)
    _unseen: dict[int, bool] = field(default_factory=dict)
    _unnamed: dict[int, tuple[int, list[Candidate]]] = field(default_factory=dict)
    _last_unseen: int = 0

    @property
    def begin(self) -> int:
        """The first frame to see."""
        return self.switch.last_frame - self.settings.longest_unseen

    def see(self, moment: Moment) -> None:
        """Take in the next frame."""
        row = moment.truth.row_of(self.switch.identity)
        if moment.frame <= self.switch.last_frame:
            unopened = moment.frame == self.switch.last_frame and not self._opened
            if unopened or (moment.trace.assigned == self.switch.old_id).any():
                self._open(moment.frame)
        if not self._opened:
            return
        if not self.decided:
            self._look(moment, row)
        if moment.frame == self._opened:
            return
        if not self.decided:
            self._measure_jump(moment, row)
            self._follow_old(moment)
            self._decide(moment, row)
        self._find_rival(moment)

    def _open(self, frame: int) -> None:
        """Begin the window anew: the old track has a detection."""
        self._opened, self.decided, self.candidates, self.preferred, self.rival = frame, 0, [], False, None
        self.faint, self.old_fate, self._last_unseen = 0.0, "", 0
        for kept in (self._views, self._jumps, self._unseen, self._unnamed):
            kept.clear()

    @property
    def darkest(self) -> tuple[float, int, int, int | None]:
        """Where the least of the person, or of somebody behind them, could be seen.

        The share, the frame, who was hidden and by whom (None = nothing annotated).
        """
        return min((view for view in self._views if view[1] <= self.decided), key=lambda view: view[0])

    def _look(self, moment: Moment, row: int | None) -> None:
        """Whether the person is hidden or hides somebody (their boxes merge), and whether there is a detection."""
        truth, hidden, hider, visible = moment.truth, self.switch.identity, None, 0.0
        least = truth.least_visible(hidden)
        if least is not None:
            hidden, visible = int(truth.ids[least]), float(truth.visible[least])
            hider = int(truth.hider[least]) if truth.hider[least] >= 0 else None
        self._views.append((visible, moment.frame, hidden, hider))
        if row is None or moment.seats[row] < 0:
            self._unseen[moment.frame] = visible < HIDDEN
            self.faint = max(self.faint, 0.0 if row is None else float(moment.faint[row]))

    def _measure_jump(self, moment: Moment, row: int | None) -> None:
        common = moment.displacement
        if common is None:
            return
        boxes = moment.truth.boxes if row is None else moment.truth.boxes[row : row + 1]
        self._jumps.append((moment.frame, float(np.hypot(*common) / np.median(boxes[:, 3] - boxes[:, 1]))))

    def _follow_old(self, moment: Moment) -> None:
        """What the old track does meanwhile; the last thing said stands."""
        old, trace = self.switch.old_id, moment.trace
        row = trace.row_of(old)
        if row is None:
            if not self.old_fate.startswith("ended"):
                self.old_fate = f"ended in frame {moment.frame}, {self._why_ended()}"
            return
        self._last_unseen = round(trace.tracks.unseen[row])
        columns = np.flatnonzero(trace.assigned == old)
        if not len(columns):
            self.old_fate = f"was lost, last seen {self._last_unseen} frames before"
            return
        taken = np.flatnonzero(moment.seats == columns[0])
        whose = f"that of person {moment.truth.ids[taken[0]]}" if len(taken) else "one of nobody annotated"
        self.old_fate = f"took another detection in frame {moment.frame}, {whose}"

    def _why_ended(self) -> str:
        unseen = self._last_unseen
        if self.settings.weighs_evidence or unseen >= self.settings.buffer:
            return f"{unseen} frames without a detection"
        return "as a duplicate of another track"

    def _decide(self, moment: Moment, row: int | None) -> None:
        """Whether the new track takes the person's detection in this frame; in that of the switch it decides, at last.

        Who had no id when it took the person gets it later: that frame is then the one that decided.
        """
        seat = -1 if row is None else int(moment.seats[row])
        taker = int(moment.trace.assigned[seat]) if seat >= 0 else 0
        if taker < 0 and taker not in self._unnamed:
            self._unnamed[taker] = moment.frame, self._beside(moment, seat, taker)
        called = [before for before, track in moment.trace.named.items() if track == self.switch.new_id]
        earlier = self._unnamed.get(called[0]) if called else None
        if earlier is not None:
            frame, candidates = earlier
            self._settle(frame, [_renamed(one, called[0], self.switch.new_id) for one in candidates])
        elif taker == self.switch.new_id:
            self._settle(moment.frame, self._beside(moment, seat, taker))
        elif moment.frame == self.switch.frame:
            columns = np.flatnonzero(moment.trace.assigned == self.switch.new_id)
            column = int(columns[0]) if len(columns) else None
            self._settle(moment.frame, self._beside(moment, column, self.switch.new_id))

    def _beside(self, moment: Moment, column: int | None, new: int) -> list[Candidate]:
        old, gate = self.switch.old_id, self.settings.motion_gate
        return candidates_for(moment.trace, column, old=old, new=new, persons=moment.persons_before, gate=gate)

    def _settle(self, frame: int, candidates: list[Candidate]) -> None:
        self.decided, self.candidates = frame, candidates
        old, new = (candidate.appearance for candidate in candidates[:2])
        self.preferred = old is not None and new is not None and new < old

    def _find_rival(self, moment: Moment) -> None:
        """Whose the new track was, else whose the old one becomes, else whose either was a moment ago."""
        person = self.switch.identity
        if moment.frame == self.switch.frame:
            before = moment.persons_before.get(self.switch.new_id)
            if before is not None and before != person:
                self.rival = before
        if self.rival is None:
            columns = np.flatnonzero(moment.trace.assigned == self.switch.old_id)
            taken = moment.truth.ids[np.isin(moment.seats, columns)].tolist()
            self.rival = next((other for other in taken if other != person), None)
        if self.rival is None and moment.frame == self.switch.frame:
            known = (moment.formerly.get(track, (person, 0)) for track in (self.switch.new_id, self.switch.old_id))
            others = [other for other, until in known if other != person and moment.frame - until <= RECALL]
            self.rival = next(iter(others), None)

    def evidence(self, looks: Looks) -> Evidence:
        """What the cause is told from, once the window has passed."""
        margin = None if self.rival is None else looks.margin(self.switch.identity, self.rival)
        within = [hidden for frame, hidden in self._unseen.items() if self._opened < frame < self.decided]
        return Evidence(
            jump=max((jump for frame, jump in self._jumps if frame <= self.decided), default=0.0),
            rival=self.rival,
            likeness=None if margin is None else margin / max(self.settings.appearance_limit, 1e-9),
            preferred=self.preferred,
            hidden=sum(visible < HIDDEN for visible, frame, *_ in self._views if frame <= self.decided),
            unseen_hidden=sum(within),
            unseen_visible=len(within) - sum(within),
        )


def _renamed(candidate: Candidate, before: int, track: int) -> Candidate:
    return replace(candidate, track=track) if candidate.track == before else candidate


def _centres(boxes: NDArray[np.floating]) -> Float:
    return np.asarray(boxes[:, :2] + boxes[:, 2:], np.float64) / 2
