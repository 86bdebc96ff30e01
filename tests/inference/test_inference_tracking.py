"""The online loop and what is kept of its tracks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fairmot_pl.inference.drawing import Trails
from fairmot_pl.inference.tracking import keep_for_output, track_source
from fairmot_pl.inference.video import FrameSource, open_source
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.structures import Detections, Tracks


def tracks_of(boxes, ids=None) -> Tracks:
    count = len(boxes)
    return Tracks(
        ids=np.arange(1, count + 1) if ids is None else np.array(ids),
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        scores=np.full(count, 0.5),
        classes=np.zeros(count),
    )


class BlackFrames(FrameSource):
    name, frame_rate, image_size = "black", 10.0, (64, 96)

    def __init__(self, count=5, known=True):
        self.count = count
        self.frame_count = count if known else None

    def __iter__(self):
        return ((number, np.zeros((64, 96, 3), np.uint8)) for number in range(1, self.count + 1))


class OneWalker:
    """A box that walks to the right, and a speck that the output filter drops."""

    def __init__(self, interrupt_at=None):
        self.frame, self.interrupt_at = 0, interrupt_at

    def update(self, detections):
        self.frame += 1
        if self.frame == self.interrupt_at:
            raise KeyboardInterrupt
        return tracks_of([[5 * self.frame, 10, 5 * self.frame + 20, 60], [0, 0, 3, 3]], ids=[4, 5])


def nothing(image):
    return Detections.empty()


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ([0, 0, 10, 10], False),  # 100 square pixels: the area must be above
        ([0, 0, 10, 10.1], True),
        ([0, 0, 16, 10], True),  # 1.6 is the widest
        ([0, 0, 16.1, 10], False),
        ([0, 0, 5, 50], True),
        ([0, 0, 50, 0], False),
        ([20, 20, 0, 0], False),
    ],
)
def test_output_filter(box, kept):
    assert len(keep_for_output(tracks_of([box]))) == kept


def test_output_filter_can_be_changed_and_switched_off():
    boxes = tracks_of([[0, 0, 3, 3], [0, 0, 100, 10]])
    assert keep_for_output(boxes, min_area=None).ids.tolist() == [1]
    assert keep_for_output(boxes, max_aspect=None).ids.tolist() == [2]
    assert keep_for_output(boxes, min_area=None, max_aspect=None).ids.tolist() == [1, 2]
    assert keep_for_output(boxes, min_area=1000, max_aspect=20).ids.tolist() == []
    assert len(keep_for_output(tracks_of([]))) == 0


def test_rows_are_motchallenge_rows():
    tracked = track_source(nothing, OneWalker(), BlackFrames(3))
    np.testing.assert_allclose(
        tracked.rows[:, :7],
        [[1, 4, 5, 10, 20, 50, 0.5], [2, 4, 10, 10, 20, 50, 0.5], [3, 4, 15, 10, 20, 50, 0.5]],
    )
    assert tracked.rows.shape == (3, 10)
    assert not tracked.interrupted


def test_no_tracks_give_an_empty_table():
    class Nobody:
        def update(self, detections):
            return tracks_of([])

    assert track_source(nothing, Nobody(), BlackFrames(2)).rows.shape == (0, 10)


def test_detections_reach_the_tracker_in_frame_order():
    seen = []

    class Recorder:
        def update(self, detections):
            seen.append(detections.scores.tolist())
            return tracks_of([])

    count = iter(range(1, 9))

    def detector(image):
        return Detections(
            boxes=np.zeros((1, 4)),
            scores=np.array([next(count) / 8]),
            embeddings=np.zeros((1, 0)),
            classes=np.zeros(1),
        )

    track_source(detector, Recorder(), BlackFrames(4))
    assert seen == [[0.125], [0.25], [0.375], [0.5]]


def test_the_video_has_one_frame_each(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", frame_rate=10, quality=5) as writer:
        track_source(nothing, OneWalker(), BlackFrames(6), writer=writer, trails=Trails())
    source = open_source(tmp_path / "out.mp4")
    images = [image for _, image in source]
    assert (len(images), source.frame_rate, source.image_size) == (6, 10, (64, 96))
    assert images[0][10:60, 4:7].max() > 60, "the walker's box is there"
    assert images[5][10:60, 29:32].max() > 60


@pytest.mark.parametrize(
    ("known", "max_frames", "expected"),
    [(True, None, (5, 5)), (True, 3, (3, 3)), (False, None, (5, None)), (False, 3, (3, 3))],
)
def test_progress_and_the_limit_on_frames(known, max_frames, expected):
    calls = []
    tracked = track_source(
        nothing,
        OneWalker(),
        BlackFrames(5, known),
        max_frames=max_frames,
        progress=lambda number, total: calls.append((number, total)),
    )
    assert (calls[-1], len(calls)) == (expected, expected[0])
    assert tracked.timings.frames == expected[0]


def test_a_senseless_limit_is_refused():
    with pytest.raises(ValueError, match="max_frames is 0; give at least 1, or None"):
        track_source(nothing, OneWalker(), BlackFrames(), max_frames=0)


def test_ctrl_c_keeps_what_was_tracked(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", frame_rate=10) as writer:
        tracked = track_source(nothing, OneWalker(interrupt_at=4), BlackFrames(9), writer=writer)
    assert tracked.interrupted
    assert tracked.rows[:, 0].tolist() == [1, 2, 3]
    assert open_source(tmp_path / "out.mp4").frame_count == 3


def test_timings_tell_the_stages_apart():
    def slow(image):
        time.sleep(0.01)
        return Detections.empty()

    timings = track_source(slow, OneWalker(), BlackFrames(5)).timings
    assert 10 <= timings.detect < 100
    assert timings.associate < timings.detect
    assert timings.draw == 0
    assert 10 < timings.fps <= timings.tracking_fps <= 100
    assert set(timings.flat()) == {
        *(f"speed/{stage}_ms" for stage in ("read", "detect", "associate", "draw")),
        *("speed/fps", "speed/tracking_fps", "speed/frames"),
    }
    assert "5 frames at" in str(timings)
    assert "detect 1" in str(timings)
