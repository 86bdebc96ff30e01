"""Re-running the filter of a track that was lost and found."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.reupdate import MOST_STEPS, reupdate

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")
SOMEONE = np.array([[100.0, 100, 140, 200]])


def at(left):
    boxes = SOMEONE + np.array([left, 0, left, 0])
    return Detections(boxes=boxes, scores=[0.9], embeddings=np.eye(4)[:1], classes=[0])


def seen(boxes):
    state = kalman.initiate(xyxy_to_xyah(boxes))
    for step in range(1, 5):
        state = kalman.update(*kalman.predict(*state), xyxy_to_xyah(boxes + step))
    return state, boxes + 4


def test_it_equals_being_seen_all_the_while():
    state, start = seen(SOMEONE)
    end = start + np.array([30.0, 12, 36, 6])
    got = reupdate(*state, start, end, np.array([6.0]))
    for step in range(1, 7):
        state = kalman.update(*kalman.predict(*state), xyxy_to_xyah(start + step / 6 * (end - start)))
    for ours, want in zip(got, state, strict=True):
        np.testing.assert_allclose(ours, want, rtol=1e-12)


def test_every_track_has_its_own_gap():
    boxes = np.concatenate([SOMEONE, SOMEONE + 300, SOMEONE + 600])
    state, start = seen(boxes)
    end, frames = start + np.array([[10.0], [20], [30]]), np.array([1.0, 4, 2.5])
    together = reupdate(*state, start, end, frames)
    for row in range(3):
        one = slice(row, row + 1)
        alone = reupdate(state[0][one], state[1][one], start[one], end[one], frames[one])
        for got, want in zip(together, alone, strict=True):
            np.testing.assert_array_equal(got[one], want)


def test_arguments_are_left_alone_and_nobody_is_fine():
    state, start = seen(SOMEONE)
    before = [array.copy() for array in state]
    reupdate(*state, start, start + 5, np.array([3.0]))
    for array, want in zip(state, before, strict=True):
        np.testing.assert_array_equal(array, want)
    none = reupdate(np.zeros((0, 8)), np.zeros((0, 3, 4)), np.zeros((0, 4)), np.zeros((0, 4)), np.zeros(0))
    assert [part.shape for part in none] == [(0, 8), (0, 3, 4)]


def test_a_very_long_path_has_few_steps():
    state, start = seen(SOMEONE)
    far = reupdate(*state, start, start + 1e4, np.array([1e6]))
    assert MOST_STEPS == 100
    np.testing.assert_allclose(far[0][0, 4:6], 1e4 / 1e6, rtol=0.05)


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_who_is_found_again_might_have_been_seen_all_along(association):
    """Someone walks, turns round in hiding and shows up 13 frames later: as if seen on the straight path."""
    lost, followed, plain = (OnlineTracker(association=association, use_reupdate=on) for on in (True, False, False))
    for number in range(20):
        for tracker in (lost, followed, plain):
            tracker.update(at(number))
    for step in range(1, 13):
        followed.update(at(19 - step * 7 / 13))
        for tracker in (lost, plain):
            tracker.update(Detections.empty())
    want, got, _ = (tracker.update(at(12)) for tracker in (followed, lost, plain))
    assert got.ids.tolist() == [1]
    np.testing.assert_allclose(got.boxes, want.boxes, atol=1e-4)
    np.testing.assert_allclose(lost.tracks.mean, followed.tracks.mean, atol=1e-4)
    np.testing.assert_allclose(lost.tracks.covariance, followed.tracks.covariance, rtol=1e-4)
    assert abs(plain.tracks.mean - followed.tracks.mean).max() > 0.1


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_nothing_changes_while_nobody_is_lost(association):
    plain, switched = OnlineTracker(association=association), OnlineTracker(association=association, use_reupdate=True)
    for number in range(10):
        want, got = plain.update(at(3 * number)), switched.update(at(3 * number))
        np.testing.assert_array_equal(got.boxes, want.boxes)


def test_without_a_filter_it_is_refused():
    with pytest.raises(ValueError, match="use_reupdate runs the filter anew, but use_kalman is False"):
        OnlineTracker(use_reupdate=True, use_kalman=False)
