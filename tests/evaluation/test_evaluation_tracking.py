"""Figures worked out by hand, properties that hold for every scene, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmot_pl import evaluate_tracking
from fairmot_pl.evaluation.tracking import combine, evaluate_sequence
from fairmot_pl.mot_format import MotTable

SEEDS = st.integers(0, 10_000)


def figures(truth, results, **options):
    return evaluate_tracking({"walk": np.array(truth)}, {"walk": np.array(results)}, **options).overall


def assert_figures(got, want):
    assert {name: got[name] for name in want} == pytest.approx(want, rel=0, abs=1e-9)


# --- by hand ---


def test_perfect_results(standing):
    rows = standing([1, 2, 3], range(1, 6))
    fractions = dict.fromkeys(["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"], 1.0)
    counts = {"IDSW": 0, "FP": 0, "FN": 0, "MT": 3, "ML": 0, "Frag": 0, "TP": 15, "GT_IDs": 3, "GT_Dets": 15}
    assert_figures(figures(rows, rows), {**fractions, **counts, "Dets": 15, "IDs": 3, "IDTP": 15, "PT": 0})


def test_all_ids_swapped_half_way(standing):
    results = np.concatenate([standing([7, 8], range(1, 6)), standing([8, 7], range(6, 11))])
    got = figures(standing([1, 2], range(1, 11)), results)
    # each of the four pairs of tracks shares 5 of 10 + 10 - 5 boxes
    want = {"DetA": 1, "AssA": 1 / 3, "HOTA": (1 / 3) ** 0.5, "IDSW": 2, "MOTA": 1 - 2 / 20, "IDF1": 0.5}
    assert_figures(got, {**want, "IDP": 0.5, "IDR": 0.5, "IDTP": 10, "IDFP": 10, "IDFN": 10, "MT": 2, "Frag": 0})


def test_one_of_two_people_missed_in_every_fourth_frame(standing):
    found = standing([1, 2], range(1, 13))
    found = found[(found[:, 1] == 2) | (found[:, 0] % 4 != 0)]
    got = figures(standing([1, 2], range(1, 13)), found)
    association = (9 * 9 / 12 + 12 * 1) / 21
    want = {"DetA": 21 / 24, "AssA": association, "HOTA": (21 / 24 * association) ** 0.5, "MOTA": 21 / 24}
    # found in frames 1-3, 5-7 and 9-11: lost and found again twice
    assert_figures(got, {**want, "IDF1": 42 / 45, "FN": 3, "FP": 0, "IDSW": 0, "MT": 1, "PT": 1, "Frag": 2})


def test_frames_without_any_result_do_not_fragment(standing):
    found = standing([1], range(1, 13))
    got = figures(found, found[found[:, 0] % 4 != 0])
    assert_figures(got, {"HOTA": 0.75, "MOTA": 0.75, "IDR": 0.75, "IDP": 1, "PT": 1, "Frag": 0})


def test_no_results(standing):
    got = figures(standing([1, 2], range(1, 5)), np.zeros((0, 10)))
    zero = dict.fromkeys(["HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "FP", "MT", "Frag"], 0)
    assert_figures(got, {**zero, "LocA": 1, "FN": 8, "ML": 2, "IDFN": 8})


@pytest.mark.parametrize("truth_rows", [0, 4], ids=["no rows", "only ignored rows"])
def test_no_ground_truth(standing, truth_rows):
    truth = standing([1], range(1, 5))[:truth_rows]
    truth[:, 6] = 0
    got = figures(truth, standing([1, 2], range(1, 5)))
    zero = dict.fromkeys(["HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "FN", "MT", "ML"], 0)
    assert_figures(got, {**zero, "LocA": 1, "FP": 8, "IDFP": 8})


def test_nothing_at_all():
    got = figures(np.zeros((0, 9)), np.zeros((0, 9)))
    assert np.isfinite(list(got.values())).all()
    assert_figures(got, {"HOTA": 0, "FP": 0, "FN": 0, "GT_Dets": 0})


def test_placement(row):
    # moved by 2 of 10 pixels: IoU 80 / 120, enough for the 13 thresholds up to 0.65
    got = figures([row(1, 1)], [row(1, 1, left=2)])
    want = {"HOTA": 13 / 19, "DetA": 13 / 19, "AssA": 13 / 19, "LocA": (13 * 2 / 3 + 6) / 19, "MOTP": 2 / 3}
    assert_figures(got, {**want, "MOTA": 1, "IDF1": 1})


@pytest.mark.parametrize(("height", "matches"), [(5.0, 1), (4.999, 0)])
def test_iou_of_one_half_just_matches(row, height, matches):
    assert_figures(figures([row(1, 1)], [row(1, 1, height=height)]), {"TP": matches, "IDTP": matches})


PERFECT = dict.fromkeys(["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"], 1.0)
NONE = dict.fromkeys(["HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"], 0.0)


def swapped(rows, half):
    late = rows[:, 0] > half
    return np.concatenate([rows[~late], np.where(np.arange(9) == 1, 3 - rows[late], rows[late])])


@pytest.mark.parametrize(
    ("results", "want"),
    [
        (lambda rows: rows, {**PERFECT, "IDSW": 0, "FP": 0, "FN": 0, "MT": 2, "ML": 0, "Frag": 0}),
        (
            lambda rows: swapped(rows, 30),
            {**PERFECT, "HOTA": (1 / 3) ** 0.5, "AssA": 1 / 3, "MOTA": 1 - 2 / 120, "IDF1": 0.5, "IDP": 0.5, "IDR": 0.5}
            | {"IDSW": 2, "FP": 0, "FN": 0, "MT": 2, "Frag": 0},
        ),
        *(
            (
                # person 1 is missed in every k-th frame, while person 2 is always there
                lambda rows, k=k: rows[(rows[:, 1] == 2) | (rows[:, 0] % k != 0)],
                {"MOTA": 1 - 60 // k / 120, "IDR": 1 - 60 // k / 120, "IDP": 1.0, "FN": 60 // k, "FP": 0, "IDSW": 0}
                | {"MT": 1 + (1 - 1 / k > 0.8), "ML": 0, "Frag": 60 // k - (60 % k == 0)}
                | {"DetA": 1 - 60 // k / 120, "AssA": ((60 - 60 // k) ** 2 / 60 + 60) / (120 - 60 // k)},
            )
            for k in (2, 3, 5, 6, 7)
        ),
        (lambda rows: rows[:0], {**NONE, "LocA": 1.0, "IDSW": 0, "FP": 0, "FN": 120, "MT": 0, "ML": 2, "Frag": 0}),
    ],
    ids=["perfect", "ids swapped half-way", *(f"one miss each {k} frames" for k in (2, 3, 5, 6, 7)), "empty results"],
)
def test_known_answers(standing, results, want):
    rows = standing([1, 2], range(1, 61))
    assert_figures(figures(rows, results(rows)), want)


def test_known_answers_of_empty_ground_truth_and_of_one_frame(standing):
    one = standing([1, 2], [1])
    assert_figures(figures(one[:0], one), {**NONE, "LocA": 1.0, "FP": 2, "FN": 0, "MT": 0, "ML": 0})
    assert_figures(figures(one, one), {**PERFECT, "IDSW": 0, "MT": 2, "Frag": 0})
    assert_figures(figures(one, one[:1]), {"DetA": 0.5, "AssA": 1.0, "MOTA": 0.5, "IDF1": 2 / 3, "MT": 1, "ML": 1})


# --- properties ---


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_ground_truth_as_results_gives_one(crowd, seed):
    truth, _ = crowd(seed)
    if not len(truth):
        return
    got = figures(truth, truth)
    assert_figures(got, dict.fromkeys(["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"], 1.0))
    assert_figures(got, dict.fromkeys(["IDSW", "FP", "FN", "ML", "PT"], 0))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_names_of_ids_mean_nothing(crowd, seed):
    truth, results = crowd(seed)
    before = figures(truth, results)
    new = np.random.default_rng(seed).permutation(1000)
    for rows in (truth, results):
        rows[:, 1] = 5 + 3 * new[rows[:, 1].astype(int)]
    assert_figures(figures(truth, results), before)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_order_of_rows_means_nothing(crowd, seed):
    truth, results = crowd(seed)
    for rows in (truth, results):
        rows[:, 2:6] = rows[:, 2:6].round(-1)  # a coarse grid: many pairs overlap equally
    rng = np.random.default_rng(seed)
    assert figures(rng.permutation(truth), rng.permutation(results)) == figures(truth, results)


@settings(max_examples=15, deadline=None)
@given(seeds=st.lists(SEEDS, min_size=1, max_size=4, unique=True))
def test_overall_is_the_sequences_played_one_after_another(crowd, seeds):
    scenes = {f"s{seed}": crowd(seed) for seed in seeds}
    summary = evaluate_tracking(
        {name: truth for name, (truth, _) in scenes.items()},
        {name: results for name, (_, results) in scenes.items()},
    )
    truths, tracks = [], []
    for number, (truth, results) in enumerate(scenes.values()):
        # 30 frames and 1000 ids apart; a frame without boxes on either side does not break a track
        shift = np.array([30 * number, 1000 * number, 0, 0, 0, 0, 0, 0, 0])
        truths.append(truth + shift)
        tracks.append(results + shift)
    assert_figures(summary.overall, figures(np.concatenate(truths), np.concatenate(tracks)))


# --- processes ---


def test_counts_travel_between_processes(crowd):
    scenes = {f"s{seed}": crowd(seed) for seed in range(3)}
    scores = {
        name: evaluate_sequence(MotTable.from_rows(truth), MotTable.from_rows(results), benchmark="MOT17", length=40)
        for name, (truth, results) in scenes.items()
    }
    received = pickle.loads(pickle.dumps(scores))
    assert received == scores
    backwards = dict(reversed(received.items()))
    whole = evaluate_tracking({n: t for n, (t, _) in scenes.items()}, {n: r for n, (_, r) in scenes.items()})
    assert combine(backwards) == whole


def test_combining_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        combine({})


# --- what is refused ---


def test_id_used_twice_names_sequence_frame_and_id(standing):
    rows = standing([3, 4], range(1, 9))
    twice = np.concatenate([rows, rows[(rows[:, 0] == 7) & (rows[:, 1] == 4)]])
    with pytest.raises(ValueError, match=r"results of walk, row 16: id 4 .* frame 7 \(first in row 13"):
        figures(rows, twice)
    with pytest.raises(ValueError, match=r"ground truth of walk, row 16: id 4 .* frame 7"):
        figures(twice, rows)


def test_rows_beyond_the_end_are_refused(standing):
    rows = MotTable.from_rows(standing([1], range(1, 9)))
    with pytest.raises(ValueError, match=r"results, row 7: frame 8 .* 7 frames"):
        evaluate_sequence(rows.select(rows.frames < 8), rows, benchmark="MOT17", length=7)


def test_unknown_benchmark_lists_the_known():
    with pytest.raises(ValueError, match=r"'MOT18'; allowed: 'auto', 'MOT15', 'MOT16', 'MOT17', 'MOT20'"):
        figures(np.zeros((0, 9)), np.zeros((0, 9)), benchmark="MOT18")
