"""CLEAR and identity metrics, counted by motmetrics on the matching of TrackEval.

Published figures are TrackEval's, and motmetrics by itself matches by another rule. So the matching is found
here and handed to motmetrics as the only possible one; see docs/decisions/0003-trackeval-counting.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import motmetrics
import numpy as np
import pandas as pd

from fairmot_pl.evaluation.pairs import EPS, Int, PairedSequence, best_pairs_of_frame

MIN_IOU = 0.5
MOSTLY_TRACKED = 0.8
MOSTLY_LOST = 0.2
CONTINUED = 1000.0
"""Bonus of a pair that was matched in the frame before; beats every sum of IoUs."""

_COUNTED = ("num_detections", "num_switches", "num_false_positives", "num_misses", "motp", "track_ratios")
_IDENTITY = ("idtp", "idfp", "idfn")


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
    matched, frag = match_clear(sequence)
    events = pd.concat([_matching_events(sequence, matched), _overlap_events(sequence)])
    figures = motmetrics.metrics.create().compute(events, metrics=[*_COUNTED, *_IDENTITY], return_dataframe=False)
    ratios = figures["track_ratios"].to_numpy()
    mostly_tracked, at_least_partly = int((ratios > MOSTLY_TRACKED).sum()), int((ratios >= MOSTLY_LOST).sum())
    tp = int(figures["num_detections"])
    return ClearIdentityCounts(
        tp=tp,
        fp=int(figures["num_false_positives"]),
        fn=int(figures["num_misses"]),
        idsw=int(figures["num_switches"]),
        iou=tp * (1.0 - float(figures["motp"])) if tp else 0.0,
        mt=mostly_tracked,
        pt=at_least_partly - mostly_tracked,
        ml=len(ratios) - at_least_partly,
        frag=frag,
        idtp=int(figures["idtp"]),
        idfp=int(figures["idfp"]),
        idfn=int(figures["idfn"]),
    )


def match_clear(sequence: PairedSequence) -> tuple[Int, int]:
    """Match every frame as TrackEval does for CLEAR: keep the matches of the frame before, then overlap.

    Returns:
        Indices of the matched pairs, and the number of fragmentations: how often a track is found anew after
        the first time. Frames without ground truth or without results are passed over, as if not there.
    """
    track = sequence.result_ids[sequence.pair_result]
    truth = sequence.truth_ids[sequence.pair_truth]
    num_truth_ids = int(sequence.truth_ids.max(initial=-1)) + 1
    before = np.full(num_truth_ids, -1)
    seen = np.zeros(num_truth_ids, np.bool_)
    found, starts = [np.zeros(0, np.int64)], 0
    for span in sequence.spans():
        if span.truth.start == span.truth.stop or span.result.start == span.result.stop:
            continue
        iou = sequence.pair_iou[span.pairs]
        score = CONTINUED * (before[truth[span.pairs]] == track[span.pairs]) + iou
        score[iou < MIN_IOU - EPS] = 0
        matched = best_pairs_of_frame(sequence, span, score)
        now = truth[matched]
        starts += int((before[now] < 0).sum())
        before[:] = -1
        before[now] = track[matched]
        seen[now] = True
        found.append(matched)
    return np.concatenate(found), starts - int(seen.sum())


def _matching_events(sequence: PairedSequence, matched: Int) -> Any:
    """The events motmetrics makes of a finished matching, without its table of raw distances."""
    accumulator = motmetrics.MOTAccumulator()
    partner = np.full(len(sequence.truth_frames), -1)
    distance = np.full(len(sequence.truth_frames), np.nan)
    partner[sequence.pair_truth[matched]] = sequence.pair_result[matched]
    distance[sequence.pair_truth[matched]] = 1 - sequence.pair_iou[matched]
    for span in sequence.spans():
        truth, result = sequence.truth_ids[span.truth], sequence.result_ids[span.result]
        possible = np.full((len(truth), len(result)), np.nan)
        row = np.flatnonzero(partner[span.truth] >= 0)
        possible[row, partner[span.truth][row] - span.result.start] = distance[span.truth][row]
        accumulator.update(truth.tolist(), result.tolist(), possible, frameid=span.frame)
    return accumulator.mot_events


def _overlap_events(sequence: PairedSequence) -> Any:
    """All pairs that overlap enough, and every box by itself: what the identity metrics start from."""
    # TrackEval allows no slack here, unlike for the CLEAR matching
    pair = np.flatnonzero(sequence.pair_iou >= MIN_IOU)
    truth, result = sequence.pair_truth[pair], sequence.pair_result[pair]
    alone_truth = np.full(len(sequence.truth_ids), np.nan)
    alone_result = np.full(len(sequence.result_ids), np.nan)
    columns = {
        "FrameId": np.concatenate([sequence.truth_frames[truth], sequence.truth_frames, sequence.result_frames]),
        "OId": np.concatenate([sequence.truth_ids[truth], sequence.truth_ids, alone_result]),
        "HId": np.concatenate([sequence.result_ids[result], alone_truth, sequence.result_ids]),
        "D": np.concatenate([1 - sequence.pair_iou[pair], alone_truth, alone_result]),
    }
    count = len(columns["D"])
    indices = {"FrameId": columns.pop("FrameId"), "Event": np.arange(count)}
    return motmetrics.MOTAccumulator.new_event_dataframe_with_data(indices, {"Type": ["RAW"] * count, **columns})
