"""What is counted of sources, and said of them."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.inference.pipeline.lane_figures import figures_of, said_of
from fairmot_pl.inference.pipeline.run import run_lanes
from fairmot_pl.inference.sources.live import LiveSource
from fairmot_pl.inference.video_writer import VideoWriter
from inference.staged import Frames, Numbers, lane_of

DOOR = {"door": [0.4, 0.0, 0.4, 1.0]}


def ran(*lanes):
    run_lanes(Numbers(), lanes, lanes[0].follower.clock)
    return lanes


def test_one_source_has_its_figures_without_a_name(tmp_path):
    (lane,) = ran(lane_of(Frames(6), tmp_path))
    assert figures_of([lane]) == {"tracks": 1, "boxes": 6, "skipped": 0, "frames": 6}
    assert said_of(lane) == "black: 1 tracks, 6 boxes in 6 frames"


def test_several_are_summed_and_told_apart(tmp_path):
    lanes = ran(lane_of(Frames(6, name="a"), tmp_path), lane_of(Frames(4, name="b"), tmp_path))
    lanes[1].skipped = 3
    figures = figures_of(lanes)
    assert [figures[key] for key in ("tracks", "boxes", "skipped")] == [2, 10, 3]
    assert [figures[f"{name}/{key}"] for name in "ab" for key in ("tracks", "boxes", "frames", "skipped")] == [
        *(1, 6, 6, 0),
        *(1, 4, 4, 3),
    ]
    assert said_of(lanes[1]) == "b: 1 tracks, 4 boxes in 4 frames; 3 skipped, as the network was busy"


def test_counts_are_figures_too(tmp_path):
    (lane,) = ran(lane_of(Frames(12), tmp_path, count=DOOR))
    counts = lane.follower.counter.counts["door"]
    assert sum(counts.values()) == 1  # the walker passes once
    assert {key: value for key, value in figures_of([lane]).items() if key.startswith("count/")} == {
        f"count/door/{kind}": number for kind, number in counts.items()
    }
    assert "; door: " in said_of(lane)


@pytest.mark.parametrize(
    ("reconnects", "broken", "said"),
    [
        (0, 0, ""),
        (1, 1, "; reconnected once; 1 broken packet left out"),
        (3, 2, "; reconnected 3 times; 2 broken packets left out"),
    ],
)
def test_a_live_source_tells_of_its_connection(tmp_path, reconnects, broken, said):
    with VideoWriter(tmp_path / "sent.mp4", frame_rate=10) as video:
        for _ in range(4):
            video.write(np.zeros((64, 96, 3), np.uint8))
    source = LiveSource(str(tmp_path / "sent.mp4"))
    (lane,) = ran(lane_of(source, tmp_path))
    source.reconnects, source.broken_packets = reconnects, broken
    figures = figures_of([lane])
    assert (figures["reconnects"], figures["broken_packets"]) == (reconnects, broken)
    assert said_of(lane).endswith(f"4 boxes in 4 frames{said}")
