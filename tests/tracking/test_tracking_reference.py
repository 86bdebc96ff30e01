import json
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.tracking.track import TrackState
from tracking.streams import golden_stream, recorded_frames

STORED = Path(__file__).parents[1] / "golden" / "tracking_byte.json"
ASSOCIATIONS = ("fairmot", "byte", "byte_reid")


def assert_same_rows(got, want, tolerance=1e-3):
    want = want[np.lexsort((want[:, 1], want[:, 0]))]
    np.testing.assert_array_equal(got[:, :2], want[:, :2])
    np.testing.assert_allclose(got[:, 2:6], want[:, 2:6], atol=tolerance)
    np.testing.assert_allclose(got[:, 6], want[:, 6], atol=1e-6)


@pytest.mark.parametrize("rate", [30, 25])
@pytest.mark.parametrize(("association", "label"), [("fairmot", "jde"), ("byte", "byte"), ("byte_reid", "bytereid")])
@pytest.mark.parametrize("stream", ["a", "b", "c"])
def test_tracks_equal_the_reference(rows_of, golden, stream, association, label, rate):
    stored = dict(np.load(golden(f"tracker_{stream}.npz")))
    run = f"{label}_fr{rate}__"
    index = json.loads(golden("tracker_index.json").read_text())[stream]["runs"][f"{label}_fr{rate}"]
    tracker = OnlineTracker(
        association=association,
        frame_rate=rate,
        score_threshold=float(stored["conf_thres"]),
        track_buffer=float(stored["track_buffer"]),
    )
    assert tracker.buffer == stored[run + "buffer_size"] == index["buffer_size"]
    counts = []

    def counted():
        for detections in golden_stream(stored):
            yield detections
            lost = int((tracker.tracks.states == TrackState.LOST).sum())
            counts.append((len(tracker.tracks) - lost, lost))

    rows = rows_of(tracker, counted())
    assert_same_rows(rows, stored[run + "tracks"])
    assert (len(rows), len(np.unique(rows[:, 1]))) == (index["rows"], index["ids"])
    assert counts == list(map(tuple, stored[run + "counts"][:, :2].tolist()))  # removed ones: test_tracking_fuzz
    per_frame = np.bincount(rows[:, 0].astype(int), minlength=len(counts) + 1)[1:]
    np.testing.assert_array_equal(per_frame, stored[run + "counts"][:, 3])


def test_tracks_equal_the_stored_ones(rows_of):
    stored = json.loads(STORED.read_text())
    parts = np.split(np.array(stored["detections"]), np.cumsum(stored["detections_per_frame"])[:-1])
    stream = [
        Detections(
            boxes=rows[:, :4],
            scores=rows[:, 4],
            embeddings=np.zeros((len(rows), 0)),
            classes=np.zeros(len(rows)),
        )
        for rows in parts
    ]
    assert_same_rows(rows_of(OnlineTracker(association="byte"), stream), np.array(stored["tracks"]))


REAL = ("TUD-Campus", "ETH-Sunnyday", "MOT17-09")


@pytest.mark.parametrize("stream", [*REAL, *(f"{name}_oracle" for name in REAL)])
@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_tracks_of_real_video_equal_the_reference(rows_of, real_data, association, stream):
    folder = real_data / "streams"
    reference = {"fairmot": "fairmot_jde", "byte": "fairmot_byte", "byte_reid": "fairmot_byte_reid"}
    want = np.loadtxt(folder / "reference_tracks" / reference[association] / f"{stream}.txt", delimiter=",")
    frames, frame_rate = recorded_frames(folder / f"{stream}.npz")
    got = rows_of(OnlineTracker(association=association, frame_rate=frame_rate), frames)
    got = got[(got[:, 4] * got[:, 5] > 100) & (got[:, 4] / got[:, 5] <= 1.6)]
    got[:, 6] = 1  # the files hold no scores
    assert_same_rows(got, want[:, :7], tolerance=0.0051)  # the files hold two decimals
