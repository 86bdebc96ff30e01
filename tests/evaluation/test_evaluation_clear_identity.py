"""Where TrackEval and motmetrics by itself count differently, TrackEval's count is what comes out."""

from __future__ import annotations

import motmetrics
import numpy as np
import pytest

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
    matched, fragmentations = match_clear(sequence(gap, both))
    assert (len(matched), fragmentations) == (5, 1)


def test_identity_counts_all_overlaps_not_only_the_matching(row):
    # tracks 5 and 6 both cover track 1 throughout; CLEAR keeps to 5, the longer 6 gets the identity
    truth = [row(frame, 1) for frame in range(1, 5)]
    results = [row(frame, 5) for frame in (1, 2)] + [row(frame, 6, left=1) for frame in range(1, 5)]
    counts = clear_identity_counts(sequence(truth, results))
    assert (counts.idtp, counts.idfp, counts.idfn) == (4, 2, 0)
    assert (counts.tp, counts.fp, counts.idsw) == (4, 2, 1)
