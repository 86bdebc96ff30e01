import numpy as np
import pytest

from fairmot_pl.structures import Detections
from fairmot_pl.tracking.track import TrackState, TrackTable

TENTATIVE, CONFIRMED, LOST = TrackState
HERE, THERE = [0, 0, 40, 100], [500, 0, 540, 100]


def seen(*boxes, scores=None, classes=None, embeddings=None):
    count = len(boxes)
    return Detections(
        boxes=np.array(boxes, float).reshape(count, 4),
        scores=np.full(count, 0.9) if scores is None else scores,
        embeddings=np.tile([1.0, 0.0], (count, 1)) if embeddings is None else embeddings,
        classes=np.zeros(count) if classes is None else classes,
    )


def table(*boxes, states, **more):
    made = TrackTable.born(seen(*boxes, **more), first_id=1, frame=1, state=CONFIRMED)
    made.states[:] = states
    return made


def test_born_tracks_stand_where_they_were_seen():
    made = TrackTable.born(seen(HERE, THERE), first_id=7, frame=3, state=TENTATIVE)
    np.testing.assert_allclose(made.boxes, [HERE, THERE])
    assert made.ids.tolist() == [7, 8]
    assert made.first_frame.tolist() == made.last_frame.tolist() == [3, 3]
    assert not made.overdue.any()


def test_select_copies_and_join_appends():
    made = table(HERE, THERE, states=CONFIRMED)
    second = made.select(made.ids == 2)
    second.mean[:] = 0
    np.testing.assert_allclose(made.boxes[1], THERE)
    joined = made.join(second)
    assert joined.ids.tolist() == [1, 2, 2]
    nobody = TrackTable.born(Detections.empty(), first_id=1, frame=1, state=TENTATIVE)
    assert nobody.join(made) is made.join(nobody) is made


def test_predict_spares_the_tentative_and_stops_lost_ones_growing():
    made = table(HERE, HERE, HERE, states=[TENTATIVE, CONFIRMED, LOST])
    made.mean[:, 4:] = [2, 3, 0, 5]
    before = made.mean.copy()
    made.predict()
    np.testing.assert_array_equal(made.mean[0], before[0])
    np.testing.assert_allclose(made.mean[1, :4] - before[1, :4], [2, 3, 0, 5])
    np.testing.assert_allclose(made.mean[2, :4] - before[2, :4], [2, 3, 0, 0])


def test_see_confirms_blends_and_moves_towards_the_detection():
    made = table(HERE, HERE, HERE, states=[TENTATIVE, CONFIRMED, LOST])
    moved = seen([10, 0, 50, 100], [10, 0, 50, 100], scores=[0.5, 0.6], embeddings=[[0, 1], [0, 1]])
    made.see(np.array([[0, 0], [2, 1]]), moved, frame=2, momentum=0.9, keeps_score=False)
    assert made.states.tolist() == [CONFIRMED] * 3
    assert made.last_frame.tolist() == [2, 1, 2]
    np.testing.assert_allclose(made.scores, [0.5, 0.9, 0.6])
    np.testing.assert_allclose(made.embeddings[0], np.array([0.9, 0.1]) / np.hypot(0.9, 0.1), rtol=1e-6)
    assert 0 < made.boxes[0, 0] < 10
    assert made.boxes[1, 0] == 0


@pytest.mark.parametrize(("keeps_score", "score"), [(True, 0.9), (False, 0.6)])
def test_a_returning_track_may_keep_its_score(keeps_score, score):
    made = table(HERE, states=LOST)
    made.see(np.array([[0, 0]]), seen(HERE, scores=[0.6]), frame=2, momentum=0.9, keeps_score=keeps_score)
    np.testing.assert_allclose(made.scores, [score])


def test_miss_by_state():
    made = table(HERE, HERE, HERE, HERE, states=[TENTATIVE, CONFIRMED, LOST, CONFIRMED])
    lives = made.miss(np.array([True, True, True, False]), frame=2, buffer=30)
    assert lives.tolist() == [False, True, True, True]
    assert made.states[1:].tolist() == [LOST, LOST, CONFIRMED]


def test_a_lost_track_outlives_the_buffer_by_one_frame():
    made = table(HERE, states=LOST)  # last seen in frame 1
    missed = np.array([True])
    lives = [bool(made.miss(missed, frame=frame, buffer=3)[0]) for frame in range(3, 7)]
    assert lives == [True, True, True, False]


@pytest.mark.parametrize(
    ("born", "left"),
    [
        ([1, 1], [2]),  # of equals, the seen one goes
        ([1, 2], [1]),  # the seen one is older
        ([2, 1], [2]),
    ],
)
def test_of_duplicates_the_younger_goes(born, left):
    made = table(HERE, [1, 0, 41, 100], states=[CONFIRMED, LOST])
    made.first_frame[:], made.last_frame[:] = born, 5
    assert made.ids[made.distinct(made.boxes, 0.15)].tolist() == left


@pytest.mark.parametrize(
    ("states", "classes", "other"),
    [
        ([CONFIRMED, CONFIRMED], [0, 0], HERE),  # two people may overlap
        ([LOST, LOST], [0, 0], HERE),
        ([CONFIRMED, LOST], [0, 1], HERE),
        ([CONFIRMED, LOST], [0, 0], THERE),
    ],
)
def test_what_is_no_duplicate(states, classes, other):
    made = table(HERE, other, states=states, classes=classes)
    assert made.distinct(made.boxes, 0.15).all()


def test_only_confirmed_tracks_that_are_no_duplicates_are_reported():
    made = table(HERE, HERE, THERE, HERE, states=[TENTATIVE, LOST, CONFIRMED, CONFIRMED], classes=[0, 0, 4, 0])
    reported = made.report(made.boxes, np.array([True, True, True, False]))
    assert reported.ids.tolist() == [3]
    assert reported.classes.tolist() == [4]
    np.testing.assert_allclose(reported.boxes, [THERE])
