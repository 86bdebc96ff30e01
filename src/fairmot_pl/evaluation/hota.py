"""HOTA: detection and association weighed alike (Luiten et al., IJCV 2021, sections 4 and 5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fairmot_pl.evaluation.pairs import EPS, Float, Int, PairedSequence, best_pairs

ALPHAS: Float = np.arange(0.05, 0.99, 0.05)
"""The 19 IoU thresholds over which HOTA is averaged."""


class HotaCounts(NamedTuple):
    """Sums over the matches of a sequence, one value a threshold; sums of several sequences simply add up.

    Attributes:
        tp: 19 numbers of matches.
        association: 19 sums over the matches of their association score A(c) (section 5.1).
        iou: 19 sums over the matches of their IoU.
    """

    tp: tuple[int, ...]
    association: tuple[float, ...]
    iou: tuple[float, ...]


def association_accuracy(*parts: HotaCounts) -> Float:
    """AssA of sequences together at each threshold, `(19,)`; 0 without a match."""
    tp, association = (np.array([part[column] for part in parts]).sum(axis=0) for column in (0, 1))
    accuracy: Float = association / np.maximum(1, tp)
    return accuracy


class TrackPairs(NamedTuple):
    """The pairs of a truth track and a result track that overlap anywhere.

    Attributes:
        of_pair: `(P,)` the track pair of each pair of boxes.
        lengths: `(K,)` boxes of both tracks together.
        score: `(P,)` what each pair of boxes is matched by: IoU, times how well the tracks fit as a whole.
    """

    of_pair: Int
    lengths: Int
    score: Float


def hota_counts(sequence: PairedSequence) -> HotaCounts:
    """Match every frame so that HOTA is highest (section 5.2) and count at each threshold.

    Args:
        sequence: what the benchmark counts, ids from 0.
    """
    tracks = track_pairs(sequence)
    return count_matches(sequence, tracks, best_pairs(sequence, tracks.score))


def track_pairs(sequence: PairedSequence) -> TrackPairs:
    """How well any two tracks fit as a whole, before any one-to-one matching: decides between rivals in a frame."""
    iou = sequence.pair_iou
    num_result_ids = int(sequence.result_ids.max(initial=-1)) + 1
    tracks = sequence.truth_ids[sequence.pair_truth] * num_result_ids + sequence.result_ids[sequence.pair_result]
    pairs, of_pair = np.unique(tracks, return_inverse=True)
    truth_lengths, result_lengths = np.bincount(sequence.truth_ids), np.bincount(sequence.result_ids)
    lengths = truth_lengths[pairs // num_result_ids] + result_lengths[pairs % num_result_ids]

    per_truth = np.bincount(sequence.pair_truth, iou)[sequence.pair_truth]
    per_result = np.bincount(sequence.pair_result, iou)[sequence.pair_result]
    potential = np.bincount(of_pair, iou / (per_truth + per_result - iou))
    alignment = potential / (lengths - potential)
    return TrackPairs(of_pair, lengths, alignment[of_pair] * iou)


def count_matches(sequence: PairedSequence, tracks: TrackPairs, matched: Int) -> HotaCounts:
    """Count at each threshold; `matched` are indices of the matched pairs."""
    matched_iou = sequence.pair_iou[matched]
    # how many thresholds a match passes; sums over the matches that pass at least so many are those at a threshold
    passed = np.searchsorted(ALPHAS - EPS, matched_iou, "right")
    tracks_matched, place = np.unique(tracks.of_pair[matched], return_inverse=True)
    steps = len(ALPHAS) + 1
    at_least = np.bincount(place * steps + passed, minlength=len(tracks_matched) * steps).reshape(-1, steps)
    matches = at_least[:, ::-1].cumsum(axis=1)[:, -2::-1]
    lengths = tracks.lengths[tracks_matched][:, None]
    association = (matches * matches / np.maximum(1, lengths - matches)).sum(axis=0)
    placement = np.bincount(passed, matched_iou, minlength=steps)[::-1].cumsum()[-2::-1]
    return HotaCounts(tuple(matches.sum(axis=0).tolist()), tuple(association.tolist()), tuple(placement.tolist()))
