import pickle

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from tracking.covariances import whole
from tracking.streams import crowd

STAGED = ("fairmot", "byte", "byte_reid")


@pytest.mark.parametrize("association", [*STAGED, "fusion"])
def test_the_order_of_detections_does_not_matter(rows_of, association):
    rng = np.random.default_rng(1)
    stream = list(crowd(3, 60))
    shuffled = [detections.select(rng.permutation(len(detections))) for detections in stream]
    want = rows_of(OnlineTracker(association=association), stream)
    np.testing.assert_array_equal(rows_of(OnlineTracker(association=association), shuffled), want)
    assert len(np.unique(want[:, 1])) > 12


@pytest.mark.parametrize("association", [*STAGED, "fusion"])
def test_trackers_are_independent_and_start_over_after_reset(rows_of, association):
    streams = list(crowd(4, 40)), list(crowd(5, 40))
    want = [rows_of(OnlineTracker(association=association), stream) for stream in streams]
    first, second = (OnlineTracker(association=association) for _ in streams)
    for one, other in zip(*streams, strict=True):
        in_turn = first.update(one), second.update(other)
    for tracks, rows in zip(in_turn, want, strict=True):
        np.testing.assert_array_equal(tracks.ids, rows[rows[:, 0] == 40, 1])
    first.reset()
    np.testing.assert_array_equal(rows_of(first, streams[1]), want[1])


def test_length_of_embeddings_does_not_matter(rows_of):
    stream = list(crowd(6, 30))
    longer = [
        Detections(boxes=d.boxes, scores=d.scores, embeddings=7 * d.embeddings, classes=d.classes) for d in stream
    ]
    got, want = (rows_of(OnlineTracker(), frames) for frames in (longer, stream))
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_a_tracker_can_be_stored_and_resumed(rows_of):
    stream = list(crowd(7, 40))
    want = rows_of(OnlineTracker(), stream)
    tracker = OnlineTracker()
    rows_of(tracker, stream[:20])
    resumed = rows_of(pickle.loads(pickle.dumps(tracker)), stream[20:])
    np.testing.assert_array_equal(resumed[:, 1:], want[want[:, 0] > 20, 1:])


@pytest.mark.parametrize(
    "association", ["fairmot", *(pytest.param(name, marks=pytest.mark.slow) for name in STAGED[1:])]
)
def test_memory_stays_bounded_and_states_sound(association):
    tracker, sizes = OnlineTracker(association=association), []
    for number, detections in enumerate(crowd(8, 2000, people=8, blink=0.3), 1):
        tracks = tracker.update(detections)
        assert len(np.unique(tracks.ids)) == len(tracks)
        if number % 100 == 0:
            sizes.append(len(pickle.dumps(tracker)))
            assert (np.linalg.eigvalsh(whole(tracker.tracks.covariance)) > 0).all()
    assert tracker.tracks.ids.max() > 100  # many came and went
    assert max(sizes[10:]) < 1.5 * max(sizes[:10])
