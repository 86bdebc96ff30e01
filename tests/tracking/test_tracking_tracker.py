import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from tracking.streams import LOOKS

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")


def frame(*objects):
    """Detections 40 x 100 px of `(left, look)`, `(left, look, score)` or `(left, look, score, class)`."""
    full = [(*given, *(0.9, 0)[len(given) - 2 :]) for given in objects]
    left = np.array([given[0] for given in full], float)
    return Detections(
        boxes=np.column_stack([left, 0 * left, left + 40, 0 * left + 100]),
        scores=np.array([given[2] for given in full]),
        embeddings=LOOKS[[given[1] for given in full]] if full else np.zeros((0, 16)),
        classes=np.array([given[3] for given in full], int),
    )


def ids(tracker, *objects):
    return tracker.update(frame(*objects)).ids.tolist()


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_life_from_birth_to_removal(association):
    tracker = OnlineTracker(association=association, track_buffer=3)
    walker, other = (100, 0), (400, 1)
    assert ids(tracker, walker) == [1]  # the first frame confirms at once
    assert ids(tracker, walker, other) == [1]  # later births wait
    assert ids(tracker, walker, other) == [1, 2]  # ... for the next frame
    assert ids(tracker, walker) == [1]  # lost
    assert tracker.tracks.ids.tolist() == [1, 2]
    assert ids(tracker, walker, other) == [1, 2]  # and back under its id
    for _ in range(4):
        assert ids(tracker, walker) == [1]
        assert tracker.tracks.ids.tolist() == [1, 2]
    assert ids(tracker, walker) == [1]
    assert tracker.tracks.ids.tolist() == [1]  # forgotten
    assert ids(tracker, walker, other) == [1]
    assert ids(tracker, walker, other) == [1, 3]  # a new life has a new id


def test_an_unconfirmed_track_dies_with_its_first_miss():
    tracker = OnlineTracker()
    ids(tracker, (100, 0))
    assert ids(tracker, (100, 0), (400, 1)) == [1]
    assert ids(tracker, (100, 0)) == [1]
    assert tracker.tracks.ids.tolist() == [1]
    assert ids(tracker, (100, 0), (400, 1)) == [1]
    assert ids(tracker, (100, 0), (400, 1)) == [1, 3]


def test_a_return_just_after_the_buffer_is_the_last_one():
    tracker = OnlineTracker(track_buffer=2)
    for _ in range(3):
        assert ids(tracker, (100, 0)) == [1]
    for _ in range(3):  # the third is one too many, yet the track is let go a frame later
        assert ids(tracker) == []
    assert ids(tracker, (100, 0)) == [1]
    assert ids(tracker, (100, 0)) == [1]
    assert ids(tracker) == []
    assert len(tracker.tracks) == 0
    assert ids(tracker, (100, 0)) == []
    assert ids(tracker, (100, 0)) == [2]


def test_a_higher_frame_rate_remembers_for_more_frames():
    def survives(frame_rate, unseen):
        tracker = OnlineTracker(frame_rate=frame_rate)
        for _ in range(5):
            ids(tracker, (100, 0))
        for _ in range(unseen):
            ids(tracker)
        return ids(tracker, (100, 0)) == [1]

    assert survives(30, 31)
    assert not survives(30, 32)
    assert survives(60, 32)
    assert not survives(14, 16)


def test_appearance_brings_back_whom_overlap_cannot():
    def after_a_jump(association):
        tracker = OnlineTracker(association=association)
        for left in (0, 0, 0):
            ids(tracker, (left, 0))
        for _ in range(10):  # unseen while walking on
            ids(tracker)
        return ids(tracker, (45, 0))

    assert after_a_jump("fairmot") == [1]
    assert after_a_jump("byte") == []


def test_unsure_detections_continue_tracks_but_start_none():
    for association, expected in (("fairmot", []), ("byte", [1]), ("byte_reid", [1])):
        tracker = OnlineTracker(association=association)
        ids(tracker, (100, 0))
        assert ids(tracker, (100, 0, 0.3), (400, 1, 0.3)) == expected
        assert len(tracker.tracks) == 1


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({}, 0.4),
        ({"association": "byte"}, 0.5),
        ({"association": "byte_reid", "score_threshold": 0.6}, 0.7),
        ({"new_track_threshold": 0.8}, 0.8),
        ({"association": "byte", "new_track_threshold": 0.8}, 0.8),
    ],
)
def test_score_from_which_tracks_start(settings, least):
    for score, count in ((least - 0.01, 0), (least + 0.01, 1)):
        assert len(OnlineTracker(**settings).update(frame((100, 0, score)))) == count


def test_results_and_detections_share_no_memory_with_the_tracker():
    tracker, detections = OnlineTracker(), frame((100, 0), (400, 1))
    tracks = tracker.update(detections)
    detections.embeddings[:] = 0
    tracks.boxes[:] = 0
    assert ids(tracker, (100, 0), (400, 1)) == [1, 2]
    np.testing.assert_allclose(tracker.tracks.embeddings, LOOKS[:2])


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_a_track_never_changes_class(association):
    tracker = OnlineTracker(association=association)
    for _ in range(3):
        tracks = tracker.update(frame((100, 0, 0.9, 0), (102, 0, 0.8, 1)))
        assert tracks.ids.tolist() == [1, 2]
        assert tracks.classes.tolist() == [0, 1]
    assert tracker.update(frame((100, 0, 0.9, 2))).ids.tolist() == []
    tracks = tracker.update(frame((100, 0, 0.9, 2), (102, 0, 0.9, 1)))
    assert tracks.ids.tolist() == [2, 3]
    assert tracks.classes.tolist() == [1, 2]


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_empty_frames(association):
    tracker = OnlineTracker(association=association)
    for _ in range(3):
        assert len(tracker.update(Detections.empty())) == 0
    assert ids(tracker, (100, 0)) == []  # not the first frame any more
    assert ids(tracker, (100, 0)) == [1]
    assert len(tracker.update(Detections.empty())) == 0  # without the embedding's dimension
    assert ids(tracker, (100, 0)) == [1]


def test_byte_needs_no_embeddings_and_the_others_say_so():
    bare = Detections(boxes=[[0, 0, 40, 100]], scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0])
    tracker = OnlineTracker(association="byte")
    assert [tracker.update(bare).ids.tolist() for _ in range(3)] == [[1]] * 3
    for association in ("fairmot", "byte_reid"):
        with pytest.raises(ValueError, match=rf"'{association}' compares embeddings.*D = 0.*'byte'"):
            OnlineTracker(association=association).update(bare)


def test_a_change_of_dimension_is_an_error_and_costs_no_frame():
    tracker = OnlineTracker()
    ids(tracker, (100, 0))
    other = Detections(boxes=[[0, 0, 40, 100]], scores=[0.9], embeddings=np.ones((1, 8)), classes=[0])
    with pytest.raises(ValueError, match=r"8 dimensions.*16.*reset"):
        tracker.update(other)
    assert tracker.frame == 1
    tracker.reset()
    assert tracker.update(other).ids.tolist() == [1]


@pytest.mark.parametrize("column", ["boxes", "scores", "embeddings"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(column, value):
    tracker, detections = OnlineTracker(), frame((100, 0), (400, 1))
    getattr(detections, column)[1] = value
    with pytest.raises(ValueError, match=rf"Detections\.{column} of frame 1"):
        tracker.update(detections)


def test_boxes_without_extent_are_ignored():
    boxes = [[0, 0, 0, 100], [0, 0, 40, -1], [50, 0, 40, 100], [0, 0, 40, 100]]
    detections = Detections(boxes=boxes, scores=np.full(4, 0.9), embeddings=LOOKS[:4], classes=np.zeros(4))
    np.testing.assert_allclose(OnlineTracker().update(detections).boxes, [[0, 0, 40, 100]])


def test_a_zero_embedding_does_no_harm():
    tracker = OnlineTracker()
    for _ in range(3):
        detections = frame((100, 0), (400, 1))
        detections.embeddings[1] = 0
        assert tracker.update(detections).ids.tolist() == [1, 2]
