"""Association by evidence: the life of a track, a moving camera, hidden people, weak scores, time."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker, evaluate_tracking
from fairmot_pl.boxes import pairwise_iou
from tracking.streams import LOOKS, crowd

NOBODY = Detections.empty(16)


def scene(*people, score=0.9, scores=None, classes=None):
    """Detections of `(left, bottom, height, look)`, four tenths as wide as high."""
    rows = np.array([[left, bottom - height, left + 0.4 * height, bottom] for left, bottom, height, _ in people], float)
    return Detections(
        boxes=rows.reshape(-1, 4),
        scores=np.full(len(people), score) if scores is None else scores,
        embeddings=LOOKS[[look for *_, look in people]].reshape(-1, 16),
        classes=np.zeros(len(people)) if classes is None else classes,
    )


def fusion(**settings):
    """A tracker that knows of somebody far away, so that it has an idea of the image."""
    tracker = OnlineTracker(association="fusion", **settings)
    tracker.update(scene(FAR))
    return tracker


FAR = (1800, 1000, 100, 15)


def near(tracks, *lefts):
    """Ids by place, without the one far away."""
    centre = tracks.boxes[:, [0, 2]].mean(axis=1)
    ids = [int(tracks.ids[np.abs(centre - left - 20).argmin()]) for left in lefts]
    assert len(tracks) == len(lefts) + 1
    return ids


def test_everybody_in_the_first_frame_is_reported_at_once():
    tracks = OnlineTracker(association="fusion").update(scene((0, 200, 100, 0), (300, 200, 100, 1)))
    assert tracks.ids.tolist() == [1, 2]
    np.testing.assert_allclose(tracks.boxes, [[0, 100, 40, 200], [300, 100, 340, 200]])


def test_a_newcomer_is_reported_when_seen_again():
    tracker = fusion()
    assert tracker.update(scene(FAR, (100, 400, 100, 0))).ids.tolist() == [1]
    assert tracker.update(scene(FAR, (101, 400, 100, 0))).ids.tolist() == [1, 2]


def test_what_is_seen_once_is_never_reported():
    tracker = fusion()
    for number in range(12):
        tracks = tracker.update(scene(FAR, (100 + 137 * number, 200 + 61 * number, 90, number)))
        assert tracks.ids.tolist() == [1]
    assert len(tracker.tracks) < 8


@pytest.mark.parametrize("score", [0.1, 0.3, 0.45])
def test_low_scores_start_nothing_but_continue_somebody(score):
    tracker = fusion()
    for _ in range(5):
        assert len(tracker.update(scene(FAR, (100, 400, 100, 0), scores=[0.9, score]))) == 1
    for _ in range(5):
        tracker.update(scene(FAR, (100, 400, 100, 0)))
    for number in range(5):
        tracks = tracker.update(scene(FAR, (100 + 2 * number, 400, 100, 0), scores=[0.9, score]))
    assert near(tracks, 108) == [2]
    np.testing.assert_allclose(tracks.boxes[1, 0], 108, atol=3)


def test_a_miss_is_bridged_where_the_person_should_be():
    tracker = fusion()
    for number in range(15):
        tracker.update(scene(FAR, (100 + 3 * number, 400, 100, 0)))
    tracks = tracker.update(scene(FAR))
    assert near(tracks, 145) == [2]
    np.testing.assert_allclose(tracks.boxes[1], [145, 300, 185, 400], atol=4)
    assert tracks.scores[1] == np.float32(0.9)


def test_who_is_not_seen_can_be_left_out():
    tracker = fusion(report_unseen=False)
    for step in range(20):
        tracker.update(scene(FAR, (100 + step, 400, 100, 0)))
    assert tracker.update(scene(FAR)).ids.tolist() == [1]
    assert tracker.update(scene(FAR, (121, 400, 100, 0))).ids.tolist() == [1, 2]


def test_who_is_hidden_is_believed_to_be_there_longer_than_who_is_in_plain_sight():
    def frames_reported(*others):
        tracker = fusion()
        for _ in range(20):
            tracker.update(scene(FAR, (100, 400, 100, 0), *others))
        count = 0
        while 2 in tracker.update(scene(FAR, *others)).ids and count < 60:
            count += 1
        return count

    in_front, beside = (98, 405, 105, 1), (400, 405, 105, 1)
    assert 1 <= frames_reported(beside) < 8
    assert frames_reported(in_front) > 2 * frames_reported(beside)


def test_a_lost_person_returns_under_the_same_id_and_is_forgotten_in_time():
    for seconds, expected in ((1.0, 2), (4.0, 3)):
        tracker = fusion()
        for _ in range(20):
            tracker.update(scene(FAR, (100, 400, 100, 0)))
        for _ in range(round(30 * seconds)):
            tracks = tracker.update(scene(FAR))
        assert tracks.ids.tolist() == [1]
        for _ in range(2):
            tracks = tracker.update(scene(FAR, (100, 400, 100, 0)))
        assert near(tracks, 100) == [expected]


def test_two_who_cross_keep_their_ids_by_motion_or_by_looks():
    for looks in ((0, 1), (0, 0)):
        tracker = fusion()
        for number in range(41):
            left, right = 100 + 5 * number, 300 - 5 * number
            tracks = tracker.update(scene(FAR, (left, 400, 100, looks[0]), (right, 402, 100, looks[1])))
        assert near(tracks, 300, 100) == [2, 3]


def test_looks_decide_where_places_do_not():
    """Two people stand together, vanish for half a second, and are found with their places changed."""
    tracker = fusion()
    for _ in range(20):
        tracker.update(scene(FAR, (100, 400, 100, 0), (160, 400, 100, 1)))
    for _ in range(15):
        tracker.update(scene(FAR))
    for _ in range(2):
        tracks = tracker.update(scene(FAR, (100, 400, 100, 1), (160, 400, 100, 0)))
    assert near(tracks, 100, 160) == [3, 2]


def test_a_hidden_edge_does_not_shrink_who_is_known():
    """Somebody's legs vanish behind a table from one frame to the next: the same person, and for a while as tall."""
    tracker = fusion()
    for _ in range(30):
        tracker.update(scene(FAR, (100, 400, 100, 0)))
    waist_up = Detections.select(scene(FAR, (100, 400, 100, 0)), np.array([0, 1]))
    waist_up.boxes[1, 3] = 360
    tracks = tracker.update(waist_up)
    assert near(tracks, 100) == [2]
    assert tracks.boxes[1, 3] > 385


@pytest.mark.parametrize("speed", [(14, 0), (-12, 8), (0, -15)])
def test_a_jolting_camera_is_told_by_the_tracks(speed):
    """The image jumps to and fro by far more than anybody walks, and half of the people are lost meanwhile."""
    rng = np.random.default_rng(1)
    people = [(200 + 150 * k, 300 + 60 * k, 60 + 10 * k, k) for k in range(8)]
    tracker, shift = OnlineTracker(association="fusion"), np.zeros(2)
    for number in range(40):
        shift = shift + np.array(speed) * (1 if number % 8 < 4 else -1) if number > 10 else shift
        seen = [p for p in people if number < 12 or p[3] % 2 == 0 or number > 36]
        moved = [(left + shift[0] + rng.normal(), b + shift[1] + rng.normal(), h, look) for left, b, h, look in seen]
        tracks = tracker.update(scene(*moved))
    assert tracks.ids.tolist() == list(range(1, 9))


def test_a_given_camera_moves_everybody():
    """A cut to another view, told to the tracker: the people go on, wherever they are in the image now."""
    people = [(200 + 150 * k, 500, 100, k) for k in range(4)]
    tracker = OnlineTracker(association="fusion")
    for _ in range(10):
        tracker.update(scene(*people))
    zoom, shift = 1.5, np.array([-400.0, 120.0])
    affine = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    moved = [
        (zoom * left + shift[0], zoom * bottom + shift[1], zoom * height, look) for left, bottom, height, look in people
    ]
    tracks = tracker.update(scene(*moved), camera=affine)
    assert tracks.ids.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(tracks.boxes, scene(*moved).boxes, atol=3)


def test_time_counts_not_frames():
    """At a fifth of the frames, tracks live for as long, and people have walked five times as far."""
    for rate in (30, 6):
        tracker = fusion(frame_rate=rate)
        for number in range(3 * rate):
            tracks = tracker.update(scene(FAR, (100 + 60 * number / rate, 400, 100, 0)))
        assert near(tracks, 100 + 60 * (3 - 1 / rate)) == [2]
        for _ in range(2 * rate):
            tracker.update(scene(FAR))
        assert len(tracker.tracks) == 2
        for _ in range(rate + rate // 3):
            tracker.update(scene(FAR))
        assert len(tracker.tracks) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05])
def test_whoever_is_seen_is_remembered_until_the_next_frame(seconds):
    tracker = fusion(memory_seconds=seconds)
    for number in range(6):
        seen = tracker.update(scene(FAR, (100 + number, 400, 100, 0))).ids.tolist()
        assert seen == ([1, 2] if number else [1])
    tracker.update(scene(FAR))
    assert len(tracker.update(scene(FAR)).ids) == 1  # and whoever is not is forgotten
    assert len(tracker.tracks) == 1


def test_scores_beyond_all_bounds_say_no_more_than_high_and_low_ones():
    tracker = fusion()
    with np.errstate(all="raise", under="ignore"):
        for _ in range(3):
            frame = scene(FAR, (100, 400, 100, 0))
            scores = np.array([1e30, -1e30], np.float32)
            frame = Detections(boxes=frame.boxes, scores=scores, embeddings=frame.embeddings, classes=frame.classes)
            assert len(tracker.update(frame)) == 1


def test_timestamps_say_how_much_time_went_by():
    plain, timed = fusion(frame_rate=30), OnlineTracker(association="fusion", frame_rate=30)
    timed.update(scene(FAR), timestamp=0.0)
    for number in range(1, 20):
        frame = scene(FAR, (100 + 2 * number, 400, 100, 0))
        want, got = plain.update(frame), timed.update(frame, timestamp=number / 30)
        np.testing.assert_array_equal(got.boxes, want.boxes)
    assert 2 not in timed.update(scene(FAR), timestamp=60.0).ids
    assert len(timed.tracks) <= 1


def test_classes_never_mix():
    tracker = OnlineTracker(association="fusion")
    for number in range(10):
        kind = 0 if number < 5 else 1
        tracks = tracker.update(scene((100, 400, 100, 0), classes=[kind]))
    assert dict(zip(tracks.ids.tolist(), tracks.classes.tolist(), strict=True)) == {2: 1}


def test_without_embeddings_places_alone_tell():
    tracker = OnlineTracker(association="fusion", use_reid=False)
    bare = [
        Detections(
            boxes=scene((100 + 3 * k, 400, 100, 0)).boxes, scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0]
        )
        for k in range(10)
    ]
    assert [tracker.update(frame).ids.tolist() for frame in bare] == [[1]] * 10
    with pytest.raises(ValueError, match="use_reid=False"):
        OnlineTracker(association="fusion").update(bare[0])


@pytest.mark.parametrize("part", [{"use_iou": False}, {"use_kalman": False}, {"use_reupdate": True}])
def test_parts_of_other_associations_are_refused(part):
    with pytest.raises(ValueError, match="no parts to switch but use_reid"):
        OnlineTracker(association="fusion", **part)


def test_ids_are_new_numbers_in_order_and_rows_sorted(rows_of):
    rows = rows_of(OnlineTracker(association="fusion"), crowd(7, 80))
    _, first = np.unique(rows[:, 1], return_index=True)
    assert rows[np.sort(first), 1].tolist() == list(range(1, len(first) + 1))
    for frame in np.unique(rows[:, 0]):
        assert (np.diff(rows[rows[:, 0] == frame, 1]) > 0).all()


EXTREMES = [
    [[0, 0, 1e30, 1e30]],
    [[-1e30, -1e30, 1e30, 1e30], [0, 0, 1e-20, 1e-20]],
    [[5, 5, 5, 5], [5, 5, 4, 9]],
    [[100, 100, 140, 200]] * 7,
    [[1e7, 1e7, 1e7 + 1, 1e7 + 1]],
]


@pytest.mark.parametrize("order", range(5))
def test_extreme_boxes_break_nothing(order):
    tracker = OnlineTracker(association="fusion")
    rng = np.random.default_rng(order)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(40):
            boxes = EXTREMES[rng.integers(len(EXTREMES))]
            seen = Detections(
                boxes=boxes,
                scores=rng.choice([0, 0.5, 1], len(boxes)),
                embeddings=LOOKS[: len(boxes)],
                classes=[0] * len(boxes),
            )
            tracks = tracker.update(seen)
            assert np.isfinite(tracks.boxes).all()
            assert (tracks.boxes[:, 2:] > tracks.boxes[:, :2]).all()
            assert len(np.unique(tracks.ids)) == len(tracks)


def test_not_finite_is_refused():
    tracker = OnlineTracker(association="fusion")
    with pytest.raises(ValueError, match="NaN or infinite"):
        tracker.update(Detections(boxes=[[0, 0, np.nan, 9]], scores=[0.9], embeddings=LOOKS[:1], classes=[0]))


def test_memory_stays_flat():
    tracker = OnlineTracker(association="fusion")
    alive = []
    for detections in crowd(8, 400):
        tracker.update(detections)
        alive.append(len(tracker.tracks))
    assert max(alive[200:]) < 60


def walk(seed, frames=120, people=14):
    """A crowd that hides itself, as `(R, 6)` ground truth, and noisy detections of those who can be seen."""
    rng = np.random.default_rng(seed)
    at, speed = rng.uniform((100, 300), (1100, 600), (people, 2)), rng.normal(0, (3, 0.7), (people, 2))
    height = rng.uniform(90, 200, people)
    truth, stream = [], []
    for number in range(1, frames + 1):
        speed = np.where((at < (50, 300)) | (at > (1150, 650)), -speed, speed)
        at = at + speed
        boxes = np.column_stack([at[:, 0] - 0.2 * height, at[:, 1] - height, at[:, 0] + 0.2 * height, at[:, 1]])
        truth.append(
            np.column_stack(
                [np.full(people, number), np.arange(people), boxes[:, :2], 0.4 * height, height, np.ones(people)]
            )
        )
        hidden = ((pairwise_iou(boxes, boxes) > 0.35) & (boxes[:, None, 3] < boxes[None, :, 3])).any(axis=1)
        who = np.flatnonzero(~hidden & (rng.random(people) > 0.1))
        noise = rng.normal(0, 0.035, (len(who), 4)) * height[who, None]
        looks = LOOKS[who] + rng.normal(0, 0.15, (len(who), 16))
        stream.append(
            Detections(
                boxes=boxes[who] + noise,
                scores=rng.uniform(0.3, 0.95, len(who)),
                embeddings=looks,
                classes=np.zeros(len(who)),
            )
        )
    return np.concatenate(truth), stream


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_is_followed_better_than_by_stages(rows_of, seed):
    truth, stream = walk(seed)
    score = {}
    for name in ("fusion", "byte_reid", "byte", "fairmot"):
        summary = evaluate_tracking({"walk": truth}, {"walk": rows_of(OnlineTracker(association=name), stream)})
        score[name] = summary.overall["HOTA"], summary.overall["IDF1"]
    best = max(hota for name, (hota, _) in score.items() if name != "fusion")
    assert score["fusion"][0] > best + 0.1
    assert score["fusion"][1] > max(idf1 for name, (_, idf1) in score.items() if name != "fusion") + 0.05


def test_boxes_are_nearer_to_the_truth_than_detections():
    rng = np.random.default_rng(3)
    tracker, better = OnlineTracker(association="fusion"), []
    for number in range(120):
        true = np.array([[200 + 2 * number, 300, 260 + 2 * number, 450.0]])
        noisy = true + rng.normal(0, 0.04 * 150, (1, 4))
        tracks = tracker.update(Detections(boxes=noisy, scores=[0.9], embeddings=LOOKS[:1], classes=[0]))
        if number > 20:
            better.append(pairwise_iou(tracks.boxes, true)[0, 0] - pairwise_iou(noisy, true)[0, 0])
    assert np.mean(better) > 0.02
