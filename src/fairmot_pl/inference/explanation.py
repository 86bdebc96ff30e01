"""Why each id of a sequence changed: the tracker is run again, and watched around every switch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.causes import Cause, Evidence, classify
from fairmot_pl.evaluation.clear_identity import match_clear
from fairmot_pl.evaluation.hota import HotaCounts
from fairmot_pl.evaluation.pairs import PairedSequence
from fairmot_pl.evaluation.preprocess import counted, number_ids
from fairmot_pl.evaluation.switches import Fragment, Switch, SwitchDamage, find_fragments, find_switches
from fairmot_pl.inference.candidates import Candidate
from fairmot_pl.inference.switch_watch import Moment, SwitchWatch, moment_of
from fairmot_pl.inference.truth_scene import Looks, TruthScene
from fairmot_pl.mot_format import MotTable
from fairmot_pl.structures import Detections
from fairmot_pl.tracking.trace import traced
from fairmot_pl.tracking.tracker import OnlineTracker

Int = NDArray[np.int64]

ReplayFrame = tuple[int, Detections, Mapping[str, Any]]
"""Number within the sequence, all detections, and further keywords of `OnlineTracker.update`."""

CLEAR_VIEW = 0.7
"""Of whom at least this share can be seen is seen clearly."""


@dataclass(frozen=True, kw_only=True)
class ExplainedSwitch:
    """One switch, its cause and what speaks for it.

    Args:
        switch: the switch, ids as in ground truth and results.
        cause: of the five.
        evidence: what the cause was told from.
        decided: frame in which the new track took the person.
        darkest: frame of the window in which the least of the person, or of somebody behind them, could be seen.
        hidden: who that was.
        visible: share that could be seen then; 0 where the person was not annotated.
        hider: who or what stood in front, by the ground truth; None = nothing annotated.
        hider_counts: whether that is a person whom the benchmark counts.
        faint: best score of a detection of the person in frames where none was usable; 0 = no detection at all.
        candidates: the tracks at hand when it was decided: old, new, then others by cost.
        old_fate: what had become of the old track, in words.
        counts: HOTA's counts of the sequence with this switch undone.
    """

    switch: Switch
    cause: Cause
    evidence: Evidence
    decided: int
    darkest: int
    hidden: int
    visible: float
    hider: int | None
    hider_counts: bool
    faint: float
    candidates: list[Candidate]
    old_fate: str
    counts: HotaCounts

    @property
    def by_detection(self) -> bool:
        """Whether a detection decided, and not only where a track was expected though nothing was seen of it."""
        return self.candidates[1].overlap is not None or self.candidates[1].state == "starts here"


@dataclass(frozen=True, kw_only=True)
class SequenceExplanation:
    """All switches of a sequence and what its timeline is drawn from.

    Args:
        name: of the sequence.
        switches: by frame.
        fragments: by frame.
        counts: HOTA's counts as they are.
        frames: `(G,)` frame of each box of the ground truth that counts, with
        identities: `(G,)` its identity and
        found: `(G,)` the id of the result that CLEAR matches with it; -1 = none.
        ground_truth: all rows.
        results: all rows.
    """

    name: str
    switches: list[ExplainedSwitch]
    fragments: list[Fragment]
    counts: HotaCounts
    frames: Int
    identities: Int
    found: Int
    ground_truth: MotTable
    results: MotTable


def explain_sequence(
    name: str,
    ground_truth: MotTable,
    results: MotTable,
    replay: Iterable[ReplayFrame],
    tracker: OnlineTracker,
    *,
    benchmark: str,
) -> SequenceExplanation:
    """Explain every ID switch that CLEAR counts in the results of a tracker.

    Args:
        name: of the sequence.
        ground_truth: all its rows of the frames that were tracked.
        results: what the tracker gave, perhaps less some boxes.
        replay: the frames as they were tracked, in order; they are read once.
        tracker: fresh, with the settings of the results.
        benchmark: whose counting rules hold, one of `BENCHMARKS`.

    Raises:
        ValueError: replaying the frames does not give the results.
    """
    sequence = counted(ground_truth, results, benchmark=benchmark)
    matched = match_clear(number_ids(sequence))
    found = np.full(len(sequence.truth_ids), -1)
    found[sequence.pair_truth[matched]] = sequence.result_ids[sequence.pair_result[matched]]
    watches = [SwitchWatch(switch, tracker) for switch in find_switches(sequence, matched)]
    looks = Looks()
    for moment in _moments(
        name, sequence, found, TruthScene(ground_truth, sequence.truth_ids), results, replay, tracker
    ):
        for watch in watches:
            if watch.begin <= moment.frame <= watch.switch.frame:
                watch.see(moment)
        _look_at_everybody(moment, looks)
    damage, people = SwitchDamage(sequence), set(sequence.truth_ids.tolist())
    return SequenceExplanation(
        name=name,
        switches=[_explained(watch, looks, damage, people) for watch in watches],
        fragments=find_fragments(sequence, matched),
        counts=damage.counts,
        frames=sequence.truth_frames,
        identities=sequence.truth_ids,
        found=found,
        ground_truth=ground_truth,
        results=results,
    )


def _moments(
    name: str,
    sequence: PairedSequence,
    found: Int,
    scene: TruthScene,
    results: MotTable,
    replay: Iterable[ReplayFrame],
    tracker: OnlineTracker,
) -> Iterator[Moment]:
    """Run the tracker again; every frame with what it saw and who followed whom by then."""
    tracks_before: dict[int, int] = {}
    persons_before: dict[int, int] = {}
    formerly: dict[int, tuple[int, int]] = {}
    for frame, detections, keywords in replay:
        tracks, trace = traced(tracker, detections, keywords)
        written = results.ids[results.frames == frame]
        if not np.isin(written, tracks.ids).all():
            strange = sorted(set(written.tolist()) - set(tracks.ids.tolist()))
            raise ValueError(
                f"{name}: the results of frame {frame} have ids {strange}, which the tracker does not give; "
                "only results of the very same detections and settings, as they came, can be explained"
            )
        yield moment_of(frame, scene.at(frame), detections, trace, tracks_before, persons_before, formerly)
        rows = slice(*np.searchsorted(sequence.truth_frames, (frame, frame + 1)))
        for person, track in zip(sequence.truth_ids[rows].tolist(), found[rows].tolist(), strict=True):
            if track >= 0:
                if persons_before.get(track, person) != person:
                    formerly[track] = persons_before[track], frame
                tracks_before[person], persons_before[track] = track, person


def _look_at_everybody(moment: Moment, looks: Looks) -> None:
    """Remember the embeddings of those who are seen clearly, if there are any."""
    truth = moment.truth
    if not moment.trace.detections.embeddings.shape[1]:
        return
    for row in np.flatnonzero(truth.counted & (moment.seats >= 0) & (truth.visible >= CLEAR_VIEW)):
        looks.add(int(truth.ids[row]), moment.trace.detections.embeddings[moment.seats[row]])


def _explained(watch: SwitchWatch, looks: Looks, damage: SwitchDamage, people: set[int]) -> ExplainedSwitch:
    evidence = watch.evidence(looks)
    visible, darkest, hidden, hider = watch.darkest
    return ExplainedSwitch(
        switch=watch.switch,
        cause=classify(evidence),
        evidence=evidence,
        decided=watch.decided,
        darkest=darkest,
        hidden=hidden,
        visible=visible,
        hider=hider,
        hider_counts=hider in people,
        faint=watch.faint,
        candidates=watch.candidates,
        old_fate=watch.old_fate,
        counts=damage.without(watch.switch),
    )
