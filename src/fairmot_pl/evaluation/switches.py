"""Every ID switch and fragmentation that CLEAR counts, one by one, and what undoing a switch is worth in AssA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fairmot_pl.evaluation.hota import HotaCounts, count_matches, track_pairs
from fairmot_pl.evaluation.pairs import Int, PairedSequence, best_pairs
from fairmot_pl.evaluation.preprocess import number_ids


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A person found under another id than before.

    Args:
        identity: of the ground truth.
        last_frame: the last one in which the person was found under the old id.
        frame: the first one under the new id.
        until: the last one of that run, before the next switch of this person or for good.
        old_id: of the results.
        new_id: of the results.
    """

    identity: int
    last_frame: int
    frame: int
    until: int
    old_id: int
    new_id: int

    @property
    def gap(self) -> int:
        """Frames in between; 0 where the ids follow on one another."""
        return self.frame - self.last_frame - 1


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """A person found again after at least one frame without, under whatever id; frames as in `Switch`."""

    identity: int
    last_frame: int
    frame: int
    old_id: int
    new_id: int


def find_switches(sequence: PairedSequence, matched: Int) -> list[Switch]:
    """All switches in order of frame, then identity; as many as CLEAR's IDSW.

    Args:
        sequence: what the benchmark counts, ids as wanted in the answer.
        matched: indices of the pairs that CLEAR matches (`match_clear`).
    """
    found = []
    for identity, frames, ids in _runs(sequence, matched):
        changes = np.flatnonzero(np.diff(ids)) + 1
        ends = [*(changes[1:] - 1), len(ids) - 1]
        for at, end in zip(changes.tolist(), ends, strict=False):
            found.append(
                Switch(
                    identity=identity,
                    last_frame=int(frames[at - 1]),
                    frame=int(frames[at]),
                    until=int(frames[end]),
                    old_id=int(ids[at - 1]),
                    new_id=int(ids[at]),
                )
            )
    return sorted(found, key=lambda switch: (switch.frame, switch.identity))


def find_fragments(sequence: PairedSequence, matched: Int) -> list[Fragment]:
    """All interruptions in order of frame, then identity; as many as CLEAR's Frag.

    Frames that lack ground truth or results altogether interrupt nothing, as TrackEval counts.
    """
    both = np.intersect1d(sequence.truth_frames, sequence.result_frames)
    found = []
    for identity, frames, ids in _runs(sequence, matched):
        for at in (np.flatnonzero(np.diff(np.searchsorted(both, frames)) > 1) + 1).tolist():
            found.append(
                Fragment(
                    identity=identity,
                    last_frame=int(frames[at - 1]),
                    frame=int(frames[at]),
                    old_id=int(ids[at - 1]),
                    new_id=int(ids[at]),
                )
            )
    return sorted(found, key=lambda fragment: (fragment.frame, fragment.identity))


def _runs(sequence: PairedSequence, matched: Int) -> Iterator[tuple[int, Int, Int]]:
    """Each person that was ever found: identity, the frames, and the result's id in each."""
    truth, result = sequence.pair_truth[matched], sequence.pair_result[matched]
    order = np.lexsort((sequence.truth_frames[truth], sequence.truth_ids[truth]))
    truth, result = truth[order], result[order]
    identities, starts = np.unique(sequence.truth_ids[truth], return_index=True)
    for identity, rows in zip(identities.tolist(), np.split(np.arange(len(truth)), starts[1:]), strict=False):
        yield identity, sequence.truth_frames[truth[rows]], sequence.result_ids[result[rows]]


def undone(switch: Switch, frames: Int, ids: Int) -> Int:
    """The ids `(R,)` of result rows as they would be without one switch.

    From the switch to the end of its run the two ids change places: the person keeps the old one, and whoever
    has that in the meantime gets the new one, so that ids stay unique in every frame.

    Args:
        switch: in the same ids.
        frames: `(R,)` frame of each row.
        ids: `(R,)`.
    """
    within = (frames >= switch.frame) & (frames <= switch.until)
    turned = ids.copy()
    turned[within & (ids == switch.new_id)] = switch.old_id
    turned[within & (ids == switch.old_id)] = switch.new_id
    return turned


class SwitchDamage:
    """What single switches cost: HOTA's counts of a sequence with one of them undone, exactly and quickly.

    Undoing a switch can only change the matching in frames that hold one of its two ids; the others are
    matched once.

    Args:
        sequence: what the benchmark counts, ids as in the switches.
    """

    def __init__(self, sequence: PairedSequence) -> None:
        self._sequence = sequence
        numbered = number_ids(sequence)
        tracks = track_pairs(numbered)
        self._matched = best_pairs(numbered, tracks.score)
        self.counts: HotaCounts = count_matches(numbered, tracks, self._matched)

    def without(self, switch: Switch) -> HotaCounts:
        """The counts as they would be without the switch: those of the results with `undone` ids."""
        whole = self._sequence
        touched = whole.result_frames[np.isin(whole.result_ids, (switch.old_id, switch.new_id))]
        ids = undone(switch, whole.result_frames, whole.result_ids)
        changed = number_ids(replace(whole, result_ids=ids))
        tracks = track_pairs(changed)

        truth, result = np.isin(whole.truth_frames, touched), np.isin(whole.result_frames, touched)
        pairs = truth[whole.pair_truth]
        again = np.flatnonzero(pairs)[best_pairs(changed.keep(truth, result), tracks.score[pairs])]
        matched = np.concatenate([self._matched[~pairs[self._matched]], again])
        return count_matches(changed, tracks, matched)
