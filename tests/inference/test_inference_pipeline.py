"""Many sources through one network: what one frame after the other would give, and a clear end whatever happens."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc

import av
import numpy as np
import pytest

from fairmot_pl.inference.counting.counter import Counter
from fairmot_pl.inference.pipeline import timings
from fairmot_pl.inference.pipeline.exchange import Exchange, StoppedError
from fairmot_pl.inference.pipeline.follower import DistinctIds, Outputs
from fairmot_pl.inference.pipeline.run import run_lanes
from fairmot_pl.inference.pipeline.timings import STAGES, StageClock
from fairmot_pl.mot_format import read_mot
from fairmot_pl.structures import Tracks
from inference.staged import Frames, Numbers, OneWalker, lane_of

ROWS = "".join(f"{number},4,{5 * number},10,20,50,0.5,-1,-1,-1\n" for number in range(1, 100))


def rows(count):
    return "".join(ROWS.splitlines(keepends=True)[:count])


def run(lanes, detector=None, **options):
    return run_lanes(detector or Numbers(), lanes, lanes[0].follower.clock, **options)


def frames_in(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def test_rows_are_those_of_one_frame_after_the_other(tmp_path):
    tracker, detector = OneWalker(), Numbers()
    assert not run([lane_of(Frames(50), tmp_path, tracker=tracker)], detector)
    assert (tmp_path / "black.txt").read_text() == rows(50)
    assert detector.seen == list(range(1, 51))
    assert tracker.scores == [number / 256 for number in range(1, 51)]
    assert tracker.timestamps == pytest.approx([number / 10 for number in range(50)])


def test_sources_at_once_do_not_meet(tmp_path):
    lanes = [lane_of(Frames(count, name=f"s{count}"), tmp_path) for count in (7, 1, 30, 12, 3)]
    run(lanes)
    for count in (7, 1, 30, 12, 3):
        assert (tmp_path / f"s{count}.txt").read_text() == rows(count)
    assert [lane.follower.frames for lane in lanes] == [7, 1, 30, 12, 3]


def test_all_live_sources_run_at_once(tmp_path):
    meeting = threading.Barrier(4, timeout=10)

    class Meeting(Frames):
        def __iter__(self):
            meeting.wait()
            return super().__iter__()

    run([lane_of(Meeting(2, name=f"s{each}", live=True), tmp_path) for each in range(4)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"s{each}.txt" for each in range(4)]


def test_frames_never_pile_up(tmp_path):
    """A reader is never more than a few frames ahead of the network, and the network of the writer."""
    source, tracker = Frames(40), OneWalker(seconds=0.005)
    ahead = []

    class Slow(Numbers):
        def network(self, prepared):
            ahead.append((source.read - self.looked, self.looked - tracker.frame))
            return super().network(prepared)

    run([lane_of(source, tmp_path, tracker=tracker)], Slow())
    assert max(read for read, _ in ahead) <= 4
    assert max(looked for _, looked in ahead) <= 4


def test_latest_skips_and_counts(tmp_path):
    source, detector = Frames(40, pace=0.005, live=True), Numbers(seconds=0.03)
    lane = lane_of(source, tmp_path, latest=True)
    run([lane], detector)
    assert lane.taken == len(detector.seen) == lane.follower.frames
    assert lane.taken + lane.skipped == 40
    assert lane.skipped > 10
    assert detector.seen == sorted(detector.seen)
    assert detector.seen[-1] == 40, "the last one is never skipped"
    assert read_mot(tmp_path / "black.txt").frames.tolist() == detector.seen, "frames keep their numbers"


def test_all_takes_every_frame_of_a_camera(tmp_path):
    lane = lane_of(Frames(20, pace=0.001, live=True), tmp_path)
    run([lane], Numbers(seconds=0.005))
    assert (lane.taken, lane.skipped) == (20, 0)


def test_latest_plays_a_file_at_its_own_pace(tmp_path):
    lane = lane_of(Frames(6), tmp_path, latest=True)
    started = time.monotonic()
    run([lane], Numbers())
    assert time.monotonic() - started >= 0.5
    assert (lane.taken, lane.skipped) == (6, 0)


@pytest.mark.parametrize("latest", [False, True])
@pytest.mark.parametrize(("known", "limit", "total"), [(True, 3, 3), (False, 3, 3), (True, 9, 5)])
def test_the_limit_on_frames(tmp_path, known, limit, total, latest):
    lane = lane_of(Frames(5, known=known, pace=0.01), tmp_path, max_frames=limit, latest=latest)
    calls = []
    run([lane], progress=lambda lane: calls.append((lane.taken, lane.total)))
    assert lane.follower.frames == total
    assert calls[-1] == (total, total if known else limit)


def test_a_frame_beyond_the_limit_is_not_read(tmp_path):
    lane = lane_of(Frames(5, broken_at=3), tmp_path, max_frames=2)
    run([lane])
    assert (lane.follower.frames, lane.problem) == (2, None)


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_source_that_breaks_ends_alone(tmp_path, error):
    lanes = [
        lane_of(Frames(9, name="bad", broken_at=4, error=error), tmp_path, video=True),
        lane_of(Frames(9, name="good"), tmp_path),
    ]
    assert not run(lanes)
    assert (tmp_path / "bad.txt").read_text() == rows(3)
    assert (tmp_path / "good.txt").read_text() == rows(9)
    assert frames_in(tmp_path / "bad.mp4") == 3
    assert (str(lanes[0].problem), lanes[1].problem) == ("frame 4 cannot be read", None)


def test_a_source_that_breaks_at_once_leaves_nothing(tmp_path):
    lane = lane_of(Frames(3, broken_at=1), tmp_path, video=True)
    run([lane])
    assert str(lane.problem) == "frame 1 cannot be read"
    assert list(tmp_path.iterdir()) == []


class Defect(Exception):
    pass


@pytest.mark.parametrize("where", ["read", "prepare", "network", "associate", "write", "end"])
def test_what_goes_wrong_in_any_thread_ends_the_run(tmp_path, where):
    detector, tracker, source = Numbers(), OneWalker(), Frames(1000)
    other = lane_of(Frames(1000, name="other"), tmp_path)
    lane = lane_of(source, tmp_path, tracker=tracker, video=True)
    if where == "read":
        source.broken_at, source.error = 4, Defect
    elif where == "prepare":
        detector.prepare = lambda images: (_ for _ in ()).throw(Defect)
    elif where == "network":
        detector.fail_at, detector.error = 4, Defect()
    elif where == "associate":
        tracker.fail_at, tracker.error = 4, Defect()
    elif where == "write":
        write = lane.follower._write

        def failing(frame, *rest):
            if frame.number == 4:
                raise Defect
            write(frame, *rest)

        lane.follower._write = failing
    else:
        lane.max_frames = 5
        lane.follower.close = lambda: (_ for _ in ()).throw(Defect)
    with pytest.raises(Defect):
        run([lane, other], detector)
    assert source.read < 100
    if where in ("associate", "write"):
        assert frames_in(tmp_path / "black.mp4") == 3, "the video is finished"
    for path in tmp_path.glob("*.txt"):
        assert (text := path.read_text()) == rows(len(text.splitlines()))


def test_ctrl_c_keeps_what_was_tracked(tmp_path):
    detector = Numbers(fail_at=4, error=KeyboardInterrupt())
    assert run([lane_of(Frames(1000), tmp_path, video=True)], detector)
    assert (tmp_path / "black.txt").read_text() == rows(3)
    assert frames_in(tmp_path / "black.mp4") == 3


def test_ctrl_c_before_the_first_frame_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run([lane_of(Frames(9), tmp_path, video=True)], Numbers(fail_at=1, error=KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_waiting_for_a_camera(tmp_path):
    """The source gives one frame and then nothing for long; the wait is what is interrupted."""
    source = Frames(2, pace=0.01, live=True)
    waited = []

    class Waits(Exchange):
        def take(self):
            if source.read == 1 and waited:
                raise KeyboardInterrupt
            waited.append(1)
            source.pace = 60
            return super().take()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fairmot_pl.inference.pipeline.run.Exchange", Waits)
        started = time.monotonic()
        assert run([lane_of(source, tmp_path)])
    assert time.monotonic() - started < 5
    assert (tmp_path / "black.txt").read_text() == rows(1)


def test_counts_and_files_of_a_lane(tmp_path):
    count = {"gate": [0.5, 0, 0.5, 1], "yard": [[0, 0], [40, 0], [40, 63], [0, 63]]}
    lane = lane_of(Frames(12), tmp_path, count=count, formats=["mot", "csv", "jsonl"], video=True)
    run([lane])
    # its foot goes from x = 15 to x = 70 in steps of 5; the gate is at 48, the yard ends at 40
    assert lane.follower.figures() == {
        **{"tracks": 1, "boxes": 12, "count/gate/in": 0, "count/gate/out": 1},
        **{"count/yard/entered": 0, "count/yard/left": 1, "count/yard/inside": 0},
    }
    assert (tmp_path / "black.counts.csv").read_text().splitlines() == [
        "frame,time,area,event,id,x,y",
        "7,0.6,yard,left,4,45,60",
        "9,0.8,gate,out,4,55,60",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("black.txt", "black.csv", "black.jsonl", "black.mp4", "black.counts.csv"),
    }


def test_the_motion_of_the_camera_reaches_the_tracker(tmp_path):
    class Shaking:
        def step(self, image):
            return np.array([[1, 0, image[0, 0, 0]], [0, 1, 0]], float)

    tracker = OneWalker()
    lane = lane_of(Frames(4), tmp_path, tracker=tracker, camera_motion=Shaking())
    run([lane])
    assert [camera[0, 2] for camera in tracker.cameras] == [1, 2, 3, 4]
    tracker = OneWalker()
    run([lane_of(Frames(2), tmp_path, tracker=tracker)])
    assert tracker.cameras == [None, None]


def test_only_what_is_asked_for_is_written(tmp_path):
    run([lane_of(Frames(3), tmp_path, formats=[], video=False)])
    assert list(tmp_path.iterdir()) == []


def test_people_are_covered_before_the_video_is_written(tmp_path):
    class Noisy(Frames):
        def __iter__(self):
            for frame in super().__iter__():
                frame.image[1:] = np.random.default_rng(frame.number).integers(0, 256, (63, 96, 3))
                yield frame

    for blur in ("none", "person"):
        lane = lane_of(Noisy(3, name=blur), tmp_path, tracker=Nobody(), video=True, blur=blur)
        run([lane])
    with av.open(str(tmp_path / "none.mp4")) as plain, av.open(str(tmp_path / "person.mp4")) as covered:
        first, second = (next(each.decode(video=0)).to_ndarray(format="rgb24") for each in (plain, covered))
    detected = np.s_[14:56, 14:26]
    assert first[detected].std() > 30
    assert second[detected].std() < 20


class Nobody:
    """A tracker that confirms nobody: what is merely detected is covered all the same."""

    def update(self, detections, *, timestamp=None, camera=None):
        return OneWalker().update(detections).select(np.zeros(2, bool))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"formats": ["xml"]}, "format 'xml' is unknown; allowed: mot, csv, jsonl"),
        ({"blur": "face"}, "blur is 'face'"),
        ({"count": {"door": [1]}}, r"count\.door is \[1\]"),
    ],
)
def test_senseless_outputs_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        Outputs(folder=tmp_path, **wrong)


def test_timings_tell_the_stages_apart(tmp_path):
    clock = StageClock()
    run([lane_of(Frames(10), tmp_path, clock, tracker=OneWalker(seconds=0.002))], Numbers(seconds=0.01))
    found = clock.timings()
    assert found.frames == 10
    assert found.medians["network"] >= 10
    assert found.medians["associate"] >= 2
    assert found.medians["draw"] == 0
    assert 0 < found.share("network") <= 1
    assert 0 < found.fps <= 100
    assert 0 < found.tracking_fps <= 100
    flat = found.flat()
    assert {f"speed/{stage}_ms" for stage in STAGES} | {f"speed/{stage}_share" for stage in STAGES} <= flat.keys()
    assert [line.split()[0] for line in found.table().splitlines()] == ["stage", *STAGES, "10", "as"]


def test_timings_stay_small():
    clock = StageClock()
    for _ in range(timings.RECENT + 10):
        with clock.time("read"):
            pass
    assert len(clock._recent["read"]) == timings.RECENT


def test_reading_network_and_writing_are_at_work_at_once(tmp_path):
    """None of the three goes on before all of them have met, each with a frame of its own."""
    meeting = threading.Barrier(3, timeout=20)

    class Reads(Frames):
        def __iter__(self):
            for frame in super().__iter__():
                if frame.number == 5:
                    meeting.wait()
                yield frame

    class Looks(Numbers):
        def network(self, prepared):
            if self.looked == 2:
                meeting.wait()
            return super().network(prepared)

    class Follows(OneWalker):
        def update(self, detections, *, timestamp=None, camera=None):
            if self.frame == 1:
                meeting.wait()
            return super().update(detections, timestamp=timestamp)

    run([lane_of(Reads(8), tmp_path, tracker=Follows())], Looks())
    assert (tmp_path / "black.txt").read_text() == rows(8)


def test_memory_stays_flat(tmp_path, monkeypatch):
    """A new person a frame; with bounds of 50 frames, what is kept after 150 is all that is kept after 600."""
    monkeypatch.setattr(timings, "RECENT", 50)
    monkeypatch.setitem(Counter.__init__.__kwdefaults__, "remembered", 50)

    class Crowd(OneWalker):
        def update(self, detections, *, timestamp=None, camera=None):
            self.frame += 1
            ids = np.arange(self.frame, self.frame + 10)
            boxes = np.stack([ids % 80, ids % 9, ids % 80 + 10, ids % 9 + 40], axis=1)
            return Tracks(ids=ids, boxes=boxes, scores=np.ones(10), classes=np.zeros(10))

    kept = []

    class Measured(Frames):
        def __iter__(self):
            for frame in super().__iter__():
                if frame.number in (150, 600):
                    gc.collect()
                    kept.append(tracemalloc.get_traced_memory()[0])
                yield frame

    count, formats = {"gate": [0.5, 0, 0.5, 1]}, ["mot", "csv", "jsonl"]
    lane = lane_of(Measured(602), tmp_path, tracker=Crowd(), video=True, formats=formats, count=count)
    tracemalloc.start()
    try:
        run([lane])
    finally:
        tracemalloc.stop()
    assert abs(kept[1] - kept[0]) < 200_000, "seven frames in flight are 130 kB; rows kept would be 360 kB"


def test_distinct_ids_take_a_bit_each():
    ids = DistinctIds()
    for start in range(0, 100_000, 50):
        ids.add(range(start, start + 100))
    assert ids.count == 100_050
    assert len(ids._seen) < 13_000


def test_an_exchange_gives_turns_and_keeps_order():
    exchange = Exchange(3)
    for item in range(3):
        exchange.put("a", item)
    exchange.put("b", "x")
    exchange.end("b")
    assert [exchange.take() for _ in range(5)] == [("a", 0), ("b", "x"), ("b", None), ("a", 1), ("a", 2)]


def test_an_exchange_lets_waiting_readers_go():
    exchange, ends = Exchange(1), []

    def reader():
        exchange.put("a", 1)
        try:
            exchange.put("a", 2)
        except StoppedError:
            ends.append("gone")

    thread = threading.Thread(target=reader)
    thread.start()
    time.sleep(0.02)
    exchange.stop()
    thread.join(5)
    assert ends == ["gone"]


def test_an_exchange_passes_the_first_error_on():
    exchange = Exchange(1)
    exchange.fail(Defect("first"))
    exchange.fail(ValueError("second"))
    with pytest.raises(Defect, match="first"):
        exchange.take()
