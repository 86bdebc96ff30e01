"""A camera that moves: states, boxes and whole tracks in the pixels of the next frame."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.boxes import xyah_to_xyxy
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.camera import checked_camera, move_boxes, move_states
from tracking.covariances import whole

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")
LOOKS = np.eye(8, dtype=np.float32)


def similarity(zoom=1.0, degrees=0.0, shift=(0.0, 0.0)):
    angle = np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, shift])


def moving_people(count=6):
    rng = np.random.default_rng(0)
    boxes = np.column_stack(
        [rng.uniform(0, 900, (count, 2)), rng.uniform(0.3, 0.6, count), rng.uniform(40, 300, count)]
    )
    state = kalman.initiate(boxes)
    for step in range(1, 6):
        state = kalman.update(*kalman.predict(*state), boxes + step * np.array([4, -2, 0, 1]))
    return state


@pytest.mark.parametrize(
    "camera",
    [
        similarity(),
        similarity(shift=(30, -7)),
        similarity(zoom=1.7, shift=(5, 5)),
        similarity(degrees=25),
        similarity(zoom=0.6, degrees=-70, shift=(3, 400)),
    ],
    ids=["rest", "pan", "zoom", "roll", "all"],
)
def test_states_move_as_the_matrices_say(camera):
    """Mean `R m + t`, covariance `R P R'`, with R turning centre and speed, and zooming the height."""
    mean, covariance = moving_people()
    zoom = np.sqrt(np.linalg.det(camera[:, :2]))
    step = np.eye(8)
    step[:2, :2] = step[4:6, 4:6] = camera[:, :2]
    step[3, 3] = step[7, 7] = zoom
    moved, spread = move_states(mean, covariance, camera)
    np.testing.assert_allclose(moved, mean @ step.T + np.concatenate([camera[:, 2], np.zeros(6)]), atol=1e-9)
    np.testing.assert_allclose(whole(spread), step @ whole(covariance) @ step.T, atol=1e-9)
    np.testing.assert_allclose(xyah_to_xyxy(moved[:, :4]), move_boxes(xyah_to_xyxy(mean[:, :4]), camera), atol=1e-9)


def test_an_unequal_zoom_changes_the_shape():
    camera = np.array([[2.0, 0, 10], [0, 3, 20]])
    np.testing.assert_allclose(move_boxes(np.array([[1.0, 2, 5, 10]]), camera), [[12, 26, 20, 50]])
    moved, _ = move_states(*kalman.initiate(np.array([[3.0, 6, 0.5, 8]])), camera)
    np.testing.assert_allclose(xyah_to_xyxy(moved[:, :4]), [[12, 26, 20, 50]])


def test_moving_there_and_back_changes_nothing():
    mean, covariance = moving_people()
    camera = similarity(1.3, 20, (40, -10))
    back = np.linalg.inv(np.vstack([camera, [0, 0, 1]]))[:2]
    there = move_states(mean, covariance, camera)
    for got, want in zip(move_states(*there, back), (mean, covariance), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-9)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        (np.eye(3), r"shape \(3, 3\)"),
        ([1, 0, 0, 1], r"shape \(4,\)"),
        ([[1, 0, np.nan], [0, 1, 0]], "NaN"),
        ([[1, np.inf, 0], [0, 1, 0]], "infinite"),
        ([[1, 2, 0], [2, 4, 0]], "cannot be inverted"),
        (np.zeros((2, 3)), "cannot be inverted"),
    ],
)
def test_what_is_no_camera_is_refused_and_costs_no_frame(camera, message):
    with pytest.raises(ValueError, match=rf"camera of frame 7 .*{message}.*expected the \(2, 3\) affine map"):
        checked_camera(camera, 7)
    tracker = OnlineTracker()
    with pytest.raises(ValueError, match=message):
        tracker.update(Detections.empty(), camera=camera)
    assert tracker.frame == 0


def scene(people, camera):
    """Detections of people `(x, y, height)` in a world that the camera, `(2, 3)` from world to image, sees."""
    x, y, height = np.array(people, float).T
    boxes = np.column_stack([x - height / 5, y - height / 2, x + height / 5, y + height / 2])
    return Detections(
        boxes=move_boxes(boxes, camera),
        scores=np.full(len(x), 0.9),
        embeddings=LOOKS[: len(x)],
        classes=np.zeros(len(x)),
    )


def full(camera):
    return np.vstack([camera, [0, 0, 1]])


def shots():
    """People who walk, seen from a camera that jumps, rolls and zooms; `(detections, step of the camera)`."""
    camera = similarity()
    for number in range(30):
        step = similarity(1.05, 4, (70, -30)) if number % 7 == 5 else similarity()
        camera = (full(step) @ full(camera))[:2]
        # two walk side by side, one is new in frame 12, when the camera moves: a tentative track then
        people = [(200 + 3 * number, 300, 100), (260 + 3 * number, 300, 100), (500, 350, 80)]
        yield scene(people[: 2 + (number >= 11)], camera), step


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_compensation_keeps_ids_through_jumps(association):
    with_camera, without = OnlineTracker(association=association), OnlineTracker(association=association)
    for detections, step in shots():
        tracks = with_camera.update(detections, camera=step)
        without.update(detections)
    assert tracks.ids.tolist() == [1, 2, 3]
    np.testing.assert_allclose(tracks.boxes, detections.boxes, atol=4)
    assert without.tracks.ids.max() > 3 or association != "byte"


@pytest.mark.parametrize("association", ASSOCIATIONS)
@pytest.mark.parametrize("use_reupdate", [True, False])
def test_a_moving_camera_equals_one_at_rest(association, use_reupdate):
    """Of a pan, the filter sees nothing once it is compensated: tracks equal those of the world, moved along."""
    settings = {"association": association, "use_reupdate": use_reupdate}
    at_rest, moving = OnlineTracker(**settings), OnlineTracker(**settings)
    camera = similarity()
    rng = np.random.default_rng(2)
    for number in range(40):
        step = similarity(shift=rng.integers(-64, 64, 2))
        camera = (full(step) @ full(camera))[:2]
        people = [(200 + 4 * number, 300, 100), (900 - 3 * number, 300, 120), (500, 350 + number, 80)]
        seen = [person for person in people if rng.random() > 0.2]
        if not seen:
            continue
        want = at_rest.update(scene(seen, similarity()))
        got = moving.update(scene(seen, camera), camera=step if number else None)
        np.testing.assert_array_equal(got.ids, want.ids)
        np.testing.assert_allclose(got.boxes, move_boxes(want.boxes, camera), atol=1e-2)


def test_without_the_filter_tracks_move_too():
    tracker = OnlineTracker(association="byte", use_kalman=False)
    person = [(200.0, 300.0, 100.0)]
    tracker.update(scene(person, similarity()))
    pan = similarity(shift=(150, 0))
    assert tracker.update(scene(person, pan), camera=pan).ids.tolist() == [1]


def test_a_track_out_of_range_is_let_go():
    tracker = OnlineTracker()
    tracker.update(scene([(200.0, 300.0, 100.0)], similarity()))
    for _ in range(20):
        tracks = tracker.update(Detections.empty(), camera=similarity(zoom=1e30))
        assert np.isfinite(tracks.boxes).all()
    assert len(tracker.tracks) == 0
