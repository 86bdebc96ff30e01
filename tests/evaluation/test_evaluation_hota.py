"""HOTA's counts where matching is ambiguous."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation.hota import ALPHAS, hota_counts
from fairmot_pl.evaluation.preprocess import prepare
from fairmot_pl.mot_format import MotTable


def counts(truth, results):
    tables = (MotTable.from_rows(np.array(rows, np.float64)) for rows in (truth, results))
    return hota_counts(prepare(*tables, benchmark="MOT15"))


def test_thresholds():
    assert np.abs(ALPHAS - np.arange(1, 20) / 20).max() < 1e-12


def test_matching_prefers_the_track_that_fits_as_a_whole(row):
    # in frame 1 a one-frame track lies exactly on the person, the person's long track one pixel beside it
    truth = [row(frame, 1) for frame in range(1, 11)]
    results = [row(1, 9), *(row(frame, 5, left=1) for frame in range(1, 11))]
    got = counts(truth, results)
    assert got.tp[0] == 10
    assert got.association[0] == pytest.approx(10.0)  # track 5 all along: 10 matches of A = 10 / (10 + 10 - 10)
    assert got.iou[0] == pytest.approx(10 * 90 / 110)


def test_matches_fall_away_as_the_threshold_rises(row):
    truth = [row(1, 1), row(1, 2, left=100)]
    got = counts(truth, [row(1, 1), row(1, 2, left=105)])  # IoU 1 and 50 / 150
    assert got.tp == (2,) * 6 + (1,) * 13


def test_nothing_overlaps(row):
    got = counts([row(1, 1)], [row(1, 1, left=50)])
    assert got.tp == (0,) * 19
    assert got.association == got.iou == (0.0,) * 19
