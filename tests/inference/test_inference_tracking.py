"""The online loop and what is kept of its tracks."""

from __future__ import annotations

import time

import cv2
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
    name, frame_rate = "black", 10.0

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
    assert (tracked.interrupted, tracked.problem) == (False, "")


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
    assert (len(images), source.frame_rate, images[0].shape) == (6, 10, (64, 96, 3))
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


def test_ctrl_c_before_the_first_frame_leaves_nothing(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        VideoWriter(tmp_path / "out.mp4", frame_rate=10) as writer,
    ):
        track_source(nothing, OneWalker(interrupt_at=1), BlackFrames(9), writer=writer)
    assert list(tmp_path.iterdir()) == []


def folder_of_images(folder, *, broken: int):
    """Four images, one of which is none."""
    folder.mkdir()
    for number in range(1, 5):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((64, 96, 3), np.uint8))
    (folder / f"{broken}.png").write_text("no image")
    return open_source(folder, frame_rate=10)


def test_an_unreadable_image_keeps_what_was_tracked(tmp_path):
    source = folder_of_images(tmp_path / "images", broken=3)
    with VideoWriter(tmp_path / "out.mp4", frame_rate=10) as writer:
        tracked = track_source(nothing, OneWalker(), source, writer=writer)
    assert tracked.rows[:, 0].tolist() == [1, 2]
    assert (tracked.timings.frames, tracked.interrupted) == (2, False)
    assert "3.png: not a readable image" in tracked.problem
    assert len(list(open_source(tmp_path / "out.mp4"))) == 2


def test_an_image_that_vanishes_keeps_what_was_tracked(tmp_path):
    source = folder_of_images(tmp_path / "images", broken=4)
    (tmp_path / "images" / "3.png").unlink()
    assert "3.png: no such image file" in track_source(nothing, OneWalker(), source).problem


def test_a_damaged_video_keeps_what_was_tracked(tmp_path):
    whole = tmp_path / "whole.mp4"
    with VideoWriter(whole, frame_rate=10, quality=5) as writer:
        for index in range(40):
            writer.write(np.random.default_rng(index).integers(0, 255, (64, 96, 3)).astype(np.uint8))
    content = bytearray(whole.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (tmp_path / "damaged.mp4").write_bytes(content)
    tracked = track_source(nothing, OneWalker(), open_source(tmp_path / "damaged.mp4"))
    assert 0 < len(tracked.rows) < 40
    assert "damaged.mp4: broken after frame" in tracked.problem


def test_a_source_that_breaks_at_once_raises(tmp_path):
    source = folder_of_images(tmp_path / "images", broken=1)
    with (
        pytest.raises(ValueError, match=r"1\.png: not a readable image"),
        VideoWriter(tmp_path / "out.mp4", frame_rate=10) as writer,
    ):
        track_source(nothing, OneWalker(), source, writer=writer)
    assert not (tmp_path / "out.mp4").exists()


def test_what_detector_and_tracker_raise_is_no_problem_of_the_source():
    def broken(image):
        raise ValueError("no such device")

    with pytest.raises(ValueError, match="no such device"):
        track_source(broken, OneWalker(), BlackFrames())


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
