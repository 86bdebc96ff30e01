"""What association by evidence must reach on recorded streams of real videos, with its defaults."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker, evaluate_tracking
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import MotTable, read_mot, track_rows

SEQUENCES = {"TUD-Campus": "MOT15", "ETH-Sunnyday": "MOT15", "MOT17-09": "MOT17"}


@pytest.fixture(scope="module")
def streams(real_data):
    return real_data / "streams"


def recorded(file):
    """Frames of a stream, empty ones too, and its frame rate."""
    with np.load(file) as stored:
        parts = {name: stored[name] for name in stored.files}
    looks = parts["embeddings"].astype(np.float32)
    frames = []
    for number in range(1, int(parts["n_frames"]) + 1):
        rows = parts["frame"] == number
        frames.append(
            Detections(
                boxes=parts["boxes_xyxy"][rows],
                scores=parts["scores"][rows],
                embeddings=looks[rows],
                classes=np.zeros(rows.sum()),
            )
        )
    return frames, float(parts["frame_rate"])


def tracked(tracker, frames):
    rows = [track_rows(number, keep_for_output(tracker.update(seen))) for number, seen in enumerate(frames, 1)]
    return MotTable.from_rows(np.concatenate(rows))


@pytest.mark.parametrize("rate_known", [True, False])
@pytest.mark.parametrize(("kind", "hota", "idf1"), [("", 0.55, 0.74), ("_oracle", 0.665, 0.84)])
def test_the_mean_of_three_videos(streams, kind, hota, idf1, rate_known):
    found = []
    for name, benchmark in SEQUENCES.items():
        frames, rate = recorded(streams / f"{name}{kind}.npz")
        tracker = OnlineTracker(association="fusion", **({"frame_rate": rate} if rate_known else {}))
        truth = read_mot(streams / "gt" / f"{name}.txt")
        summary = evaluate_tracking({name: truth}, {name: tracked(tracker, frames)}, benchmark=benchmark)
        found.append((summary.overall["HOTA"], summary.overall["IDF1"]))
    assert np.mean(found, axis=0)[0] >= hota
    assert np.mean(found, axis=0)[1] >= idf1
