"""Where TrackEval and motmetrics by itself count differently, TrackEval's count is what comes out."""

from __future__ import annotations

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmot_pl.evaluation.clear_identity import clear_identity_counts, match_clear
from fairmot_pl.evaluation.preprocess import prepare
from fairmot_pl.mot_format import MotTable


def sequence(truth, results):
    return prepare(MotTable.from_rows(np.array(truth)), MotTable.from_rows(np.array(results)), benchmark="MOT15")


@pytest.fixture
def interrupted(row):
    """Track 1 is lost in frame 2; in frame 3 its old partner overlaps it less than a new one does."""
    truth = [row(frame, identity, 100 * identity) for frame in (1, 2, 3) for identity in (1, 2)]
    results = [row(frame, 8, 200) for frame in (1, 2, 3)]
    results += [row(1, 5, 100), row(3, 5, 102), row(3, 6, 101)]
    return sequence(truth, results)


def test_only_the_frame_before_binds_a_match(interrupted):
    counts = clear_identity_counts(interrupted)
    assert (counts.idsw, counts.frag, counts.tp, counts.fp, counts.fn) == (1, 1, 5, 1, 1)
    assert counts.iou == pytest.approx(4 + 90 / 110, abs=1e-12)


def test_motmetrics_alone_would_have_kept_the_old_match():
    accumulator = motmetrics.MOTAccumulator()
    accumulator.update([1], [5], [[0.0]], frameid=1)
    accumulator.update([1], [], np.zeros((1, 0)), frameid=2)
    accumulator.update([1], [5, 6], [[1 - 80 / 120, 1 - 90 / 110]], frameid=3)
    figures = motmetrics.metrics.create().compute(accumulator, metrics=["num_switches"], return_dataframe=False)
    assert figures["num_switches"] == 0


def test_a_match_of_the_frame_before_is_kept_against_a_better_one(row):
    truth = [row(1, 1), row(2, 1)]
    counts = clear_identity_counts(sequence(truth, [row(1, 5), row(2, 5, left=3), row(2, 6)]))
    assert (counts.idsw, counts.fp) == (0, 1)
    assert counts.iou == pytest.approx(1 + 70 / 130, abs=1e-12)


@pytest.mark.parametrize(
    ("found", "mostly_tracked", "partly", "mostly_lost"),
    [(5, 1, 0, 0), (4, 0, 1, 0), (1, 0, 1, 0), (0, 0, 0, 1)],
    ids=["all", "exactly 80 % is not mostly tracked", "exactly 20 % is not mostly lost", "none"],
)
def test_thresholds_of_mostly(row, found, mostly_tracked, partly, mostly_lost):
    truth = [row(frame, 1) for frame in range(1, 6)]
    results = [row(frame, 1) for frame in range(1, found + 1)] or [row(1, 1, left=500)]
    counts = clear_identity_counts(sequence(truth, results))
    assert (counts.mt, counts.pt, counts.ml) == (mostly_tracked, partly, mostly_lost)


def test_gap_in_the_ground_truth_fragments(row):
    # motmetrics counts a fragmentation only where the object was there to be missed
    both = [row(frame, identity, 100 * identity) for frame in (1, 2, 3) for identity in (1, 2)]
    gap = [entry for entry in both if entry[:2] != [2, 1]]
    counts = clear_identity_counts(sequence(gap, both))
    assert (counts.tp, counts.frag) == (5, 1)


def test_identity_counts_all_overlaps_not_only_the_matching(row):
    # tracks 5 and 6 both cover track 1 throughout; CLEAR keeps to 5, the longer 6 gets the identity
    truth = [row(frame, 1) for frame in range(1, 5)]
    results = [row(frame, 5) for frame in (1, 2)] + [row(frame, 6, left=1) for frame in range(1, 5)]
    counts = clear_identity_counts(sequence(truth, results))
    assert (counts.idtp, counts.idfp, counts.idfn) == (4, 2, 0)
    assert (counts.tp, counts.fp, counts.idsw) == (4, 2, 1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_motmetrics_counts_the_same_on_this_matching(crowd, seed):
    """Given the matching as the only possible one, and all overlaps for the identities, motmetrics is an oracle."""
    truth, results = crowd(seed)
    if not len(truth) or not len(results):
        return
    scene = sequence(truth, results)
    counts, matched = clear_identity_counts(scene), match_clear(scene)
    clear, identity = motmetrics.MOTAccumulator(), motmetrics.MOTAccumulator()
    for frame in np.union1d(scene.truth_frames, scene.result_frames):
        rows, columns = np.flatnonzero(scene.truth_frames == frame), np.flatnonzero(scene.result_frames == frame)
        for accumulator, pairs in ((clear, matched), (identity, np.flatnonzero(scene.pair_iou >= 0.5))):
            distance = np.full((len(scene.truth_ids), len(scene.result_ids)), np.nan)
            distance[scene.pair_truth[pairs], scene.pair_result[pairs]] = 1 - scene.pair_iou[pairs]
            ids = scene.truth_ids[rows].tolist(), scene.result_ids[columns].tolist()
            accumulator.update(*ids, distance[np.ix_(rows, columns)], frameid=int(frame))
    names = ["num_detections", "num_switches", "num_false_positives", "num_misses", "motp"]
    host = motmetrics.metrics.create()
    want = host.compute(clear, metrics=names, return_dataframe=False)
    assert (counts.tp, counts.idsw, counts.fp, counts.fn) == tuple(int(want[name]) for name in names[:4])
    assert counts.iou == pytest.approx(counts.tp * (1 - want["motp"]) if counts.tp else 0.0, abs=1e-9)
    want = host.compute(identity, metrics=["idtp", "idfp", "idfn"], return_dataframe=False)
    assert (counts.idtp, counts.idfp, counts.idfn) == tuple(map(int, want.values()))
