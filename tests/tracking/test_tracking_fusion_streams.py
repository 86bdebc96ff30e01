"""What association by evidence must reach on recorded streams of real videos, with its defaults."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import OnlineTracker, evaluate_tracking
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import MotTable, read_mot, track_rows
from tracking.streams import recorded_frames

SEQUENCES = {"TUD-Campus": "MOT15", "ETH-Sunnyday": "MOT15", "MOT17-09": "MOT17"}


@pytest.fixture(scope="module")
def streams(real_data):
    return real_data / "streams"


def tracked(tracker, frames):
    rows = [track_rows(number, keep_for_output(tracker.update(seen))) for number, seen in enumerate(frames, 1)]
    return MotTable.from_rows(np.concatenate(rows))


@pytest.mark.parametrize("rate_known", [True, False])
@pytest.mark.parametrize(("kind", "hota", "idf1"), [("", 0.55, 0.74), ("_oracle", 0.665, 0.84)])
def test_the_mean_of_three_videos(streams, kind, hota, idf1, rate_known):
    found = []
    for name, benchmark in SEQUENCES.items():
        frames, rate = recorded_frames(streams / f"{name}{kind}.npz")
        tracker = OnlineTracker(association="fusion", **({"frame_rate": rate} if rate_known else {}))
        truth = read_mot(streams / "gt" / f"{name}.txt")
        summary = evaluate_tracking({name: truth}, {name: tracked(tracker, frames)}, benchmark=benchmark)
        found.append((summary.overall["HOTA"], summary.overall["IDF1"]))
    assert np.mean(found, axis=0)[0] >= hota
    assert np.mean(found, axis=0)[1] >= idf1
