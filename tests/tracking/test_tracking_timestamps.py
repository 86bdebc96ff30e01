"""Frames at any pace: what timestamps do to motion, uncertainty and memory."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from tracking.streams import golden_stream

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")
NOBODY = Detections.empty(4)


def someone(left=100.0):
    return Detections(boxes=[[left, 100, left + 40, 200]], scores=[0.9], embeddings=np.eye(4)[:1], classes=[0])


def timed_rows(tracker, frames, seconds):
    """`(R, 6)` number, id, xyxy."""
    rows = [np.zeros((0, 6))]
    for number, (detections, timestamp) in enumerate(zip(frames, seconds, strict=True)):
        tracks = tracker.update(detections, timestamp=timestamp)
        rows.append(np.column_stack([np.full(len(tracks), number), tracks.ids, tracks.boxes]))
    return np.concatenate(rows)


@pytest.mark.parametrize("association", ASSOCIATIONS)
@pytest.mark.parametrize(
    ("rate", "start", "step"),
    [(30.0, 0.0, 1 / 30), (25.0, 1000.04, 0.04), (30000 / 1001, Fraction(0), Fraction(1001, 30000))],
)
def test_timestamps_at_the_nominal_rate_change_not_a_bit(golden, association, rate, start, step):
    with np.load(golden("tracker_a.npz")) as stored:
        frames = list(golden_stream(stored))
    plain, timed = (OnlineTracker(association=association, frame_rate=rate) for _ in range(2))
    seconds = [start + step * number for number in range(len(frames))]
    want = timed_rows(plain, frames, [None] * len(frames))
    np.testing.assert_array_equal(timed_rows(timed, frames, seconds), want)
    assert timed.clock == plain.clock == len(frames)


def walkers(frames, seed):
    """People at 30 frames per second who walk steadily and are hidden now and then, with noise of the detector."""
    rng = np.random.default_rng(seed)
    start, speed = rng.uniform(0, 1500, (8, 2)), rng.normal(0, 2, (8, 2))
    height = rng.uniform(80, 200, 8)
    hidden = rng.integers(10, frames, 8)
    for number in range(frames):
        who = np.flatnonzero((number < hidden) | (number >= hidden + 12))
        at = start[who] + speed[who] * number + rng.normal(0, 1, (len(who), 2))
        half = height[who, None] * [0.2, 0.5]
        yield Detections(
            boxes=np.concatenate([at - half, at + half], axis=1),
            scores=np.full(len(who), 0.9),
            embeddings=np.eye(8)[who],
            classes=np.zeros(len(who)),
        )


@pytest.mark.parametrize("association", ASSOCIATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_every_second_frame_by_timestamps_behaves_like_half_the_rate(association, seed):
    frames = list(walkers(120, seed))[::2]
    timed = timed_rows(OnlineTracker(association=association), frames, [number / 15 for number in range(60)])
    slow = timed_rows(OnlineTracker(association=association, frame_rate=15), frames, [None] * 60)
    np.testing.assert_array_equal(timed[:, :2], slow[:, :2])
    assert set(timed[:, 1]) == set(range(1, 9))
    np.testing.assert_allclose(timed[:, 2:], slow[:, 2:], atol=6)


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_a_dropped_frame_moves_tracks_on(association):
    """Where someone is expected after a gap: as far on as the time that went by."""
    tracker = OnlineTracker(association=association)
    for number in range(30):
        tracker.update(someone(6 * number), timestamp=number / 30)
    tracker.update(NOBODY, timestamp=(29 + 8) / 30)
    assert tracker.tracks.boxes[0, 0] == pytest.approx(6 * (29 + 8), abs=2)


@pytest.mark.parametrize("association", ASSOCIATIONS)
@pytest.mark.parametrize("between", [[], [10], [3, 9, 27], list(range(1, 32))])
@pytest.mark.parametrize(("frames_later", "remembered"), [(32, True), (33, False)])
def test_memory_is_a_matter_of_time(association, between, frames_later, remembered):
    """However many frames come meanwhile, someone is forgotten after the same time."""
    tracker = OnlineTracker(association=association)
    for number in range(5):
        tracker.update(someone(), timestamp=number / 30)
    for number in between:
        tracker.update(NOBODY, timestamp=(4 + number) / 30)
    tracker.update(someone(), timestamp=(4 + frames_later) / 30)
    tracks = tracker.update(someone(), timestamp=(5 + frames_later) / 30)
    assert tracks.ids.tolist() == ([1] if remembered else [2])


def test_an_hour_without_frames_is_survived():
    tracker = OnlineTracker()
    for timestamp in (0.0, 0.04, 3600.0, 3600.04, 1e11, 1e11 + 1):
        tracks = tracker.update(someone(), timestamp=timestamp)
        assert np.isfinite(tracks.boxes).all()
    assert tracker.tracks.ids.tolist() == [3]


def test_a_frame_without_timestamp_follows_at_the_nominal_rate():
    tracker = OnlineTracker(frame_rate=10)
    for timestamp in (5.0, None, None, 5.35):
        tracker.update(someone(), timestamp=timestamp)
    assert tracker.clock == pytest.approx(4.5)
    with pytest.raises(ValueError, match="not later"):
        tracker.update(someone(), timestamp=5.35)


@pytest.mark.parametrize(
    ("timestamp", "message"),
    [
        (2.0, r"2\.0 s, not later than the 2\.0 s"),
        (1.5, r"1\.5 s, not later than the 2\.0 s of the frame before.*reset\(\)"),
        (np.nan, "nan; expected seconds"),
        (np.inf, "inf; expected seconds"),
        (-np.inf, "expected seconds"),
    ],
)
def test_a_timestamp_that_cannot_be_is_refused_and_costs_no_frame(timestamp, message):
    tracker = OnlineTracker()
    tracker.update(someone(), timestamp=2.0)
    with pytest.raises(ValueError, match=rf"timestamp of frame 2 is .*{message}"):
        tracker.update(someone(), timestamp=timestamp)
    assert tracker.frame == 1
    tracker.reset()
    assert tracker.update(someone(), timestamp=1.5).ids.tolist() == [1]
