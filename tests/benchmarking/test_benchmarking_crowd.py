"""Crowds for trackers and evaluations."""

from __future__ import annotations

import numpy as np

from fairmot_pl import evaluate_tracking
from fairmot_pl.benchmarking.crowd import scored_rows, walkers


def test_a_scene_has_the_share_of_people_in_view_that_it_was_asked_for():
    for people, wanted in ((10, 8.5), (200, 133)):
        seen = [len(detections) for detections in walkers(people, 60)]
        assert abs(np.mean(seen) - wanted) < 0.15 * wanted


def test_a_seed_gives_one_crowd():
    first, again, other = (list(walkers(5, 4, seed=seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].boxes, other[0].boxes)


def test_results_have_misses_false_boxes_and_switches():
    truth, results = scored_rows(10, 120)
    figures = evaluate_tracking({"crowd": truth}, {"crowd": results}, benchmark="MOT17").overall
    assert 0.05 * len(truth) < figures["FN"] < 0.2 * len(truth)
    assert 0.005 * len(truth) < figures["FP"] < 0.1 * len(truth)
    assert 10 <= figures["IDSW"] <= 30
