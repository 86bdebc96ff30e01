"""Offline refinement: what is filled in, removed and smoothed, and what must stay."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.mot_format import write_mot
from fairmot_pl.tracking.refine import Refinement, refine_file


def track(frames, left, *, number=1, width=40.0, score=0.9):
    rows = np.full((len(frames), 10), -1.0)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = frames, number, left, 50
    rows[:, 4], rows[:, 5], rows[:, 6] = width, 100, score
    return rows


def both(*tracks):
    rows = np.concatenate(tracks)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def test_nothing_is_done_unless_asked():
    rows = both(track([1, 2, 9], [0, 1, 8]), track([2, 3], [50, 51], number=2))
    assert not Refinement()
    assert Refinement().label == ""
    np.testing.assert_array_equal(Refinement()(rows), rows)


def test_a_gap_is_filled_on_a_straight_line():
    rows = both(track([1, 2, 6], [0, 10, 50]), track([1, 2], [300, 301], number=7))
    rows[rows[:, 0] == 6, 6] = 0.5
    refined = Refinement(interpolate="linear", max_gap=3)(rows)
    mine = refined[refined[:, 1] == 1]
    np.testing.assert_array_equal(mine[:, 0], [1, 2, 3, 4, 5, 6])
    np.testing.assert_allclose(mine[:, 2], [0, 10, 20, 30, 40, 50])
    np.testing.assert_allclose(mine[:, 6], [0.9, 0.9, 0.8, 0.7, 0.6, 0.5])
    np.testing.assert_array_equal(refined[refined[:, 1] == 7], rows[rows[:, 1] == 7])
    np.testing.assert_array_equal(refined[:, 7:], -1)


@pytest.mark.parametrize(("max_gap", "filled"), [(1, 0), (2, 0), (3, 3), (20, 3)])
def test_longer_gaps_stay_open(max_gap, filled):
    rows = track([1, 5], [0, 40])
    assert len(Refinement(interpolate="linear", max_gap=max_gap)(rows)) == 2 + filled


def test_neighbouring_tracks_are_not_joined():
    rows = both(track([1, 2], [0, 1]), track([5, 6], [4, 5], number=2))
    np.testing.assert_array_equal(Refinement(interpolate="linear")(rows), rows)


def test_short_tracks_go_by_what_was_seen_not_by_what_is_filled_in():
    rows = both(track([1, 5], [0, 4]), track([1, 2, 3], [90, 91, 92], number=2))
    refined = Refinement(interpolate="linear", min_length=3)(rows)
    assert set(refined[:, 1]) == {2}


@pytest.mark.parametrize("interpolate", ["none", "linear", "gaussian"])
def test_no_rows_stay_no_rows(interpolate):
    assert Refinement(interpolate=interpolate, min_length=2)(np.zeros((0, 10))).shape == (0, 10)


def test_straight_motion_is_left_alone_by_the_gaussian_process():
    frames = np.array([*range(1, 40), *range(45, 80)])
    refined = Refinement(interpolate="gaussian", max_gap=5)(track(frames, 3.0 * frames))
    np.testing.assert_array_equal(refined[:, 0], np.arange(1, 80))
    np.testing.assert_allclose(refined[:, 2], 3.0 * np.arange(1, 80), atol=1e-6)
    np.testing.assert_allclose(refined[:, 4:6], [[40, 100]] * 79, atol=1e-9)


@pytest.mark.parametrize("length", [20, 90, 400, 1500])
def test_noise_shrinks_and_smooth_motion_survives(length):
    time = np.arange(1, length + 1)
    path = 400 + 150 * np.sin(time / 25) + 0.3 * time
    noise = np.random.default_rng(5).normal(0, 4, length)
    noisy = Refinement(interpolate="gaussian")(track(time, path + noise))[:, 2]
    assert np.sqrt(np.mean((noisy - path) ** 2)) < 0.65 * np.sqrt(np.mean(noise**2))
    smooth = Refinement(interpolate="gaussian")(track(time, path))[:, 2]
    assert np.abs(smooth - path).max() < 1.5


def test_stretches_on_both_sides_of_a_long_gap_do_not_meet():
    first, second = np.arange(1, 31), np.arange(200, 231)
    rows = np.concatenate([track(first, 2.0 * first), track(second, 900 - 5.0 * second)])
    np.testing.assert_allclose(Refinement(interpolate="gaussian")(rows), rows, atol=1e-6)


def test_rows_come_out_by_frame_whatever_their_order():
    rows = both(track([1, 2, 4], [0, 1, 3]), track([1, 3], [9, 9], number=2))
    shuffled = rows[np.random.default_rng(0).permutation(len(rows))]
    refined = Refinement(interpolate="linear")(shuffled)
    assert refined[:, :2].tolist() == [[1, 1], [1, 2], [2, 1], [2, 2], [3, 1], [3, 2], [4, 1]]


def test_an_id_twice_in_a_frame_is_refused():
    with pytest.raises(ValueError, match="id 1 stands twice in frame 4"):
        Refinement(interpolate="linear")(track([3, 4, 4], [0, 1, 2]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolate": "cubic"}, "interpolate is 'cubic'; allowed: none, linear, gaussian"),
        ({"max_gap": 0}, "max_gap is 0; a whole number"),
        ({"min_length": 2.5}, "min_length is 2.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Refinement(**options)


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"interpolate": "linear"}, "offline: linear ≤20"),
        ({"interpolate": "gaussian", "max_gap": 9, "min_length": 5}, "offline: gaussian ≤9, tracks ≥5"),
        ({"min_length": 5}, "offline: tracks ≥5"),
    ],
)
def test_the_label_says_what_was_done(options, label):
    refinement = Refinement(**options)
    assert refinement
    assert refinement.label == label


def test_a_file_is_refined_into_a_folder_of_its_own(tmp_path):
    write_mot(tmp_path / "A.txt", track([1, 2, 4], [0, 10, 30]))
    before = (tmp_path / "A.txt").read_bytes()
    refined = refine_file(tmp_path / "A.txt", Refinement(interpolate="linear"))
    assert refined == tmp_path / "offline" / "A.txt"
    assert refined.read_text().splitlines()[2] == "3,1,20,50,40,100,0.9,-1,-1,-1"
    assert (tmp_path / "A.txt").read_bytes() == before
    write_mot(tmp_path / "A.txt", track([1, 1], [0, 10]))
    with pytest.raises(ValueError, match=r"A\.txt: id 1 stands twice in frame 1"):
        refine_file(tmp_path / "A.txt", Refinement(interpolate="linear"))
