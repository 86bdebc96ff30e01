"""CLEAR and identity metrics, counted as TrackEval counts them; see docs/decisions/0003-trackeval-counting.md."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from fairmot_pl.evaluation.pairs import EPS, Int, Matching, PairedSequence

MIN_IOU = 0.5
MOSTLY_TRACKED = 0.8
MOSTLY_LOST = 0.2
CONTINUED = 1000.0
"""Bonus of a pair that was matched in the frame before; beats every sum of IoUs."""


class ClearIdentityCounts(NamedTuple):
    """Counts of one sequence: matches, errors, tracks by how much of them was found, identity matches.

    `iou` is the sum of the IoUs of all matches.
    """

    tp: int
    fp: int
    fn: int
    idsw: int
    iou: float
    mt: int
    pt: int
    ml: int
    frag: int
    idtp: int
    idfp: int
    idfn: int


def clear_identity_counts(sequence: PairedSequence) -> ClearIdentityCounts:
    """Count what CLEAR (Bernardin and Stiefelhagen 2008) and identity metrics (Ristani et al. 2016) need.

    Args:
        sequence: what the benchmark counts, ids from 0.
    """
    matched = match_clear(sequence)
    switches, fragmentations = _breaks(sequence, matched)
    lengths = np.bincount(sequence.truth_ids)
    ratios = np.bincount(sequence.truth_ids[sequence.pair_truth[matched]], minlength=len(lengths)) / lengths
    mostly_tracked, at_least_partly = int((ratios > MOSTLY_TRACKED).sum()), int((ratios >= MOSTLY_LOST).sum())
    identical = _identity_matches(sequence)
    return ClearIdentityCounts(
        tp=len(matched),
        fp=len(sequence.result_ids) - len(matched),
        fn=len(sequence.truth_ids) - len(matched),
        idsw=switches,
        iou=float(sequence.pair_iou[matched].sum()),
        mt=mostly_tracked,
        pt=at_least_partly - mostly_tracked,
        ml=len(ratios) - at_least_partly,
        frag=fragmentations,
        idtp=identical,
        idfp=len(sequence.result_ids) - identical,
        idfn=len(sequence.truth_ids) - identical,
    )


def match_clear(sequence: PairedSequence) -> Int:
    """Match every frame as TrackEval does for CLEAR: keep the matches of the frame before, then overlap.

    Frames without ground truth or without results are passed over, as if not there.

    Returns:
        Ascending indices of the matched pairs.
    """
    # the frame before may turn any choice, so only those without a rival are beyond doubt: all count alike here
    matching = Matching(sequence, (sequence.pair_iou >= MIN_IOU - EPS).astype(np.float64))
    partner, before = matching.partner, _row_before(sequence)
    for span in matching.frames(matching.doubtful):
        truth, iou = sequence.pair_truth[span.pairs], sequence.pair_iou[span.pairs]
        kept_by = partner[before[truth]]
        kept = (before[truth] >= 0) & (kept_by >= 0)
        kept &= sequence.result_ids[kept_by] == sequence.result_ids[sequence.pair_result[span.pairs]]
        matching.settle(span, np.where(iou < MIN_IOU - EPS, 0.0, CONTINUED * kept + iou))
    return matching.pairs()


def _frame_places(sequence: PairedSequence) -> Int:
    """For each row of the ground truth, which one of the frames with ground truth and results it is in; -1 if none."""
    frames = np.intersect1d(sequence.truth_frames, sequence.result_frames)
    if not len(frames):
        return np.full(len(sequence.truth_frames), -1)
    place = np.searchsorted(frames, sequence.truth_frames)
    return np.where(np.isin(sequence.truth_frames, frames), place, -1)


def _row_before(sequence: PairedSequence) -> Int:
    """For each row of the ground truth, the row of the same track in the frame before; -1 where there is none."""
    place = _frame_places(sequence)
    order = np.lexsort((place, sequence.truth_ids))
    follows = (np.diff(sequence.truth_ids[order]) == 0) & (np.diff(place[order]) == 1) & (place[order][:-1] >= 0)
    before = np.full(len(order), -1)
    before[order[1:][follows]] = order[:-1][follows]
    return before


def _breaks(sequence: PairedSequence, matched: Int) -> tuple[int, int]:
    """Identity switches, and fragmentations: how often a track is found anew after the first time."""
    rows = sequence.pair_truth[matched]
    place, identity = _frame_places(sequence)[rows], sequence.truth_ids[rows]
    order = np.lexsort((place, identity))
    same_track = np.diff(identity[order]) == 0
    switched = np.diff(sequence.result_ids[sequence.pair_result[matched]][order]) != 0
    lost_between = np.diff(place[order]) > 1
    return int((same_track & switched).sum()), int((same_track & lost_between).sum())


def _identity_matches(sequence: PairedSequence) -> int:
    """Boxes that agree when every track is given the one identity that suits all of them best."""
    # TrackEval allows no slack here, unlike for the CLEAR matching
    pair = np.flatnonzero(sequence.pair_iou >= MIN_IOU)
    truth, result = sequence.truth_ids[sequence.pair_truth[pair]], sequence.result_ids[sequence.pair_result[pair]]
    agreeing = np.zeros((truth.max(initial=-1) + 1, result.max(initial=-1) + 1))
    np.add.at(agreeing, (truth, result), 1)
    return int(agreeing[linear_sum_assignment(agreeing, maximize=True)].sum())
