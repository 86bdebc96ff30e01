import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.tracking import kalman
from fairmot_pl.tracking.trace import traced

LOOKS = np.eye(4, dtype=np.float32)


@pytest.fixture(scope="module")
def stream():
    """A crowd whose looks change with where one stands, from frame to frame only a little."""
    rng = np.random.default_rng(3)
    places, pace = rng.uniform(0, 900, (25, 2)), rng.normal(0, 4, (25, 2))
    frames = []
    for number in range(60):
        corner = places + number * pace + rng.normal(0, 2, places.shape)
        shown = rng.random(25) < 0.85
        boxes = np.column_stack([corner, corner + np.array([40, 100])])[shown]
        looks = np.column_stack([np.sin(corner / 150), np.cos(corner / 150)])[shown]
        scores = rng.uniform(0.2, 1, 25)[shown]
        frames.append(Detections(boxes=boxes, scores=scores, embeddings=looks, classes=np.zeros(len(boxes))))
    return frames


def at(*objects):
    """Detections 40 x 100 px of `(left, look, score)`."""
    left, look, score = (np.array(column) for column in zip(*objects, strict=True))
    boxes = np.column_stack([left, 0 * left, left + 40, 0 * left + 100])
    return Detections(boxes=boxes, scores=score, embeddings=LOOKS[look], classes=np.zeros(len(left)))


@pytest.mark.parametrize("association", ["fairmot", "byte", "byte_reid"])
def test_a_trace_explains_every_assignment_and_changes_none(association, stream):
    plain, watched = OnlineTracker(association=association), OnlineTracker(association=association)
    for detections in stream:
        expected = plain.update(detections)
        before = set(watched.tracks.ids.tolist())
        tracks, trace = traced(watched, detections)
        np.testing.assert_array_equal(tracks.ids, expected.ids)
        np.testing.assert_array_equal(tracks.boxes, expected.boxes)
        assert watched.trace is None
        assert set(trace.tracks.ids.tolist()) == before
        claimed = {}
        for stage in trace.stages:
            assert stage.rows[stage.costs.rows].all()
            assert stage.columns[stage.costs.columns].all()
            for row, column in stage.matches.tolist():
                assert stage.cost_of(row, column) < stage.limit
                claimed[column] = trace.tracks.ids[row]
        born = np.flatnonzero(trace.born)
        for column, track in enumerate(trace.assigned.tolist()):
            assert track == (claimed.get(column, 0) if column not in born else track)
        assert not set(trace.assigned[born].tolist()) & before
        assert set(tracks.ids.tolist()) <= set(trace.assigned.tolist())


def test_the_parts_make_the_cost(stream):
    tracker = OnlineTracker()
    seen = 0
    for detections in stream:
        _, trace = traced(tracker, detections)
        for stage in trace.stages:
            place = stage.costs.rows, stage.costs.columns
            if stage.name == "overlap":
                whole = trace.overlap[place]
            else:
                assert stage.name == "appearance with motion"
                assert (trace.motion[place] <= tracker.motion_gate).all()
                weight = tracker.motion_weight
                whole = (1 - weight) * trace.appearance[place] + weight * trace.motion[place]
            np.testing.assert_allclose(stage.costs.costs, whole, atol=1e-6)
            seen += 1
    assert seen > 60


def test_why_one_detection_was_refused():
    tracker = OnlineTracker()
    for _ in range(3):
        tracker.update(at((100, 0, 0.9), (400, 1, 0.9)))
    _, trace = traced(tracker, at((900, 0, 0.9), (402, 1, 0.8)))  # the first person is suddenly far away
    row, column = trace.row_of(1), 0
    assert trace.appearance[row, column] == pytest.approx(0, abs=1e-6)
    assert trace.motion[row, column] > tracker.motion_gate
    assert trace.stages[0].cost_of(row, column) == np.inf  # the gate
    assert trace.stages[1].cost_of(row, column) == np.inf  # and no overlap
    assert trace.stages[1].cost_of(trace.row_of(2), 1) is None  # matched before
    assert trace.assigned.tolist() == [3, 2]
    assert trace.born.tolist() == [True, False]
    assert trace.row_of(7) is None
    assert trace.tracks.age.tolist() == [3, 3]
    assert trace.tracks.unseen.tolist() == [1, 1]
    assert trace.tracks.states.tolist() == ["confirmed", "confirmed"]


def test_what_was_taken_down_stays_as_it_was():
    tracker = OnlineTracker()
    tracker.update(at((100, 0, 0.9)))
    table, seen = tracker.tracks, at((130, 0, 0.9))
    moved, spread = kalman.predict(table.mean.copy(), table.covariance.copy())
    _, trace = traced(tracker, seen)
    for _ in range(3):
        tracker.update(seen)  # changes the table in place
    measured = xyxy_to_xyah(seen.boxes.astype(float))
    np.testing.assert_array_equal(trace.motion, kalman.gating_distance(moved, spread, measured))


def test_without_embeddings_there_is_no_appearance():
    tracker = OnlineTracker(association="byte")
    tracker.update(at((100, 0, 0.9)))
    assert traced(tracker, at((100, 0, 0.9)))[1].appearance is None


def test_an_error_leaves_no_trace_behind():
    tracker = OnlineTracker()
    with pytest.raises(ValueError, match="embeddings"):
        traced(tracker, Detections(boxes=[[0, 0, 9, 9]], scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0]))
    assert tracker.trace is None


def test_fusion_traces_every_assignment_and_changes_none(stream):
    plain, watched = OnlineTracker(association="fusion"), OnlineTracker(association="fusion")
    known, names = set(), {}
    for detections in stream:
        expected = plain.update(detections)
        tracks, trace = traced(watched, detections)
        for name in ("ids", "boxes", "scores"):
            np.testing.assert_array_equal(getattr(tracks, name), getattr(expected, name))
        names |= trace.named
        known = {trace.named.get(track, track) for track in known}
        assert set(trace.tracks.ids.tolist()) <= known
        claimed = {}
        for stage in trace.stages:
            assert stage.name == "evidence"
            np.testing.assert_allclose(stage.costs.costs, -sum(stage.parts.values()), atol=1e-9)
            assert len(np.unique(stage.matches[:, 0])) == len(stage.matches)
            for row, column in stage.matches.tolist():
                cost = stage.cost_of(row, column)
                assert cost < stage.limit == 0
                assert sum(stage.parts_of(row, column).values()) == pytest.approx(-cost)
                claimed[column] = trace.tracks.ids[row]
        born = np.flatnonzero(trace.born)
        assert not set(trace.assigned[born].tolist()) & (known | set(claimed.values()))
        for column, track in enumerate(trace.assigned.tolist()):
            assert track == (claimed.get(column, 0) if column not in born else track)
        known |= set(trace.assigned[born].tolist())
        seen = watched.tracks.unseen == 0
        assert set(watched.tracks.ids[seen].tolist()) == set(trace.assigned.tolist()) - {0}
    assert len(set(names.values())) == len(names) > 20
    assert all(before < 0 < track for before, track in names.items())


def test_fusion_names_a_track_after_it_was_born():
    tracker = OnlineTracker(association="fusion")
    tracker.update(at((100, 0, 0.9)))
    _, first = traced(tracker, at((100, 0, 0.9), (400, 1, 0.8)))
    unnamed = int(first.assigned[first.born][0])
    assert unnamed < 0
    assert first.named == {}
    assert first.tracks.states.tolist() == ["confirmed"]
    tracks, second = traced(tracker, at((101, 0, 0.9), (401, 1, 0.8)))
    assert second.named == {unnamed: 2}
    assert tracks.ids.tolist() == second.assigned.tolist() == [1, 2]
    row = second.row_of(2)
    assert second.tracks.states[row] == "tentative"
    assert (second.tracks.age[row], second.tracks.unseen[row]) == pytest.approx((1, 1))
    assert second.appearance[row, 1] == pytest.approx(0, abs=1e-6)
    assert second.motion[row, 1] < 1 < 100 < second.motion[row, 0]
    _, third = traced(tracker, at((101, 0, 0.9)))
    _, fourth = traced(tracker, at((101, 0, 0.9)))
    assert third.tracks.unseen.tolist() == pytest.approx([1, 1])
    assert fourth.tracks.states.tolist() == ["confirmed", "lost"]
    assert fourth.tracks.unseen.tolist() == pytest.approx([1, 2])


def test_fusion_traces_a_first_frame_and_an_empty_one():
    tracker = OnlineTracker(association="fusion")
    _, first = traced(tracker, at((100, 0, 0.9), (400, 1, 0.1)))
    assert (len(first.tracks), first.stages) == (0, [])
    assert first.assigned.tolist() == [1, 0]
    assert first.usable.tolist() == [True, False]
    _, empty = traced(tracker, Detections.empty(embedding_dim=4))
    assert empty.assigned.shape == (0,)
    assert empty.stages[0].matches.shape == (0, 2)
