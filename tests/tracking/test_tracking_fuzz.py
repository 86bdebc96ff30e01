"""Streams nobody chose: `OnlineTracker` and a slow list-based tracker must agree on every frame."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.tracking.track import TrackState
from tracking.listed_tracker import ListedTracker
from tracking.streams import golden_stream

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")
SCREEN = np.array([1920, 1080])


def rough_stream(rng, people, frames, dim):
    """People who walk, vanish for up to 45 frames and look alike in part; false alarms, camera jumps, dark stretches.

    Scores have two digits and end at 0.99, so they tie and meet thresholds exactly. Up to three frames go by
    before the first detection.
    """
    centre, speed = rng.uniform(0, SCREEN, (people, 2)), rng.normal(0, rng.choice([1, 4, 10]), (people, 2))
    height, aspect = rng.uniform(40, 300, people), rng.uniform(0.3, 0.6, people)
    looks, noise = rng.normal(size=(people, dim)), rng.uniform(0, 0.6)
    looks[::3] = looks[0]
    hidden, dark = np.zeros(people, int), int(rng.integers(0, 4))
    for _ in range(frames):
        speed = np.where((centre < 0) | (centre > SCREEN), -speed, speed + rng.normal(0, 0.3, speed.shape))
        centre = centre + speed + (rng.random() < 0.03) * rng.normal(0, 60, 2)
        hidden = np.where((hidden == 0) & (rng.random(people) < 0.06), rng.integers(1, 45, people), hidden - 1).clip(0)
        dark = int(rng.integers(1, 40)) if rng.random() < 0.02 else max(dark - 1, 0)
        who = np.flatnonzero((hidden == 0) & (dark == 0))
        extra = int(rng.integers(0, 3)) if len(who) else 0
        at = np.concatenate([centre[who] + rng.normal(0, 2, (len(who), 2)), rng.uniform(0, SCREEN, (extra, 2))])
        tall = np.append(height[who], rng.uniform(40, 200, extra)) * np.exp(rng.normal(0, 0.03, len(at)))
        half = tall[:, None] / 2 * np.column_stack([np.append(aspect[who], np.full(extra, 0.4)), np.ones(len(at))])
        look = np.concatenate([looks[who], rng.normal(size=(extra, dim))]) + noise * rng.normal(size=(len(at), dim))
        score = rng.uniform(0.1, 1.1, len(at)).clip(0, 0.99).round(2)
        yield Detections(
            boxes=np.concatenate([at - half, at + half], axis=1),
            scores=score,
            embeddings=look / np.linalg.norm(look, axis=1, keepdims=True),
            classes=np.zeros(len(at)),
        ).select(np.argsort(-score, kind="stable"))


def assert_agree(stream, association, **settings):
    """On ids, boxes and scores of every frame, and on how many tracks are alive and lost; the ids given."""
    ours, listed = OnlineTracker(association=association, **settings), ListedTracker(association, **settings)
    for number, detections in enumerate(stream, 1):
        got, want = ours.update(detections), listed.update(detections)
        want = want[np.argsort(want[:, 0])]
        assert got.ids.tolist() == want[:, 0].tolist(), f"frame {number}"
        np.testing.assert_allclose(got.boxes, want[:, 1:5], atol=1e-3, err_msg=f"frame {number}")
        np.testing.assert_array_equal(got.scores, want[:, 5], f"frame {number}")
        lost = int((ours.tracks.states == TrackState.LOST).sum())
        assert (len(ours.tracks) - lost, lost) == (len(listed.tracked), len(listed.lost)), f"frame {number}"
    return listed


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_rough_streams(association, seed):
    rng = np.random.default_rng(seed)
    people = int(rng.integers(1, 15)) if seed % 4 else int(rng.integers(15, 61))
    stream = rough_stream(rng, people, frames=80 if seed % 4 else 40, dim=int(rng.choice([2, 8, 64, 512])))
    listed = assert_agree(
        stream,
        association,
        frame_rate=(14, 25, 30)[seed % 3],
        score_threshold=(0.4, 0.3, 0.6)[seed // 4],
    )
    assert listed.next_id > 2


@pytest.mark.parametrize(
    "association", ["byte_reid", *(pytest.param(name, marks=pytest.mark.slow) for name in ASSOCIATIONS[:2])]
)
def test_a_crowd_of_200(association):
    listed = assert_agree(rough_stream(np.random.default_rng(0), 200, frames=6, dim=64), association)
    assert listed.next_id > 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_many_rough_streams(association, seed):
    rng = np.random.default_rng(seed)
    stream = rough_stream(rng, int(rng.integers(1, 61)), frames=120, dim=int(rng.choice([2, 8, 64, 128, 512])))
    assert_agree(stream, association, frame_rate=(14, 25, 30)[seed % 3])


@pytest.mark.parametrize("gap", [30, 31, 32])
def test_a_removed_track_may_return_once(gap):
    """After 30 unseen frames by right, after 31 because the lost list is cleared late, after 32 no more."""
    one = Detections(boxes=[[100, 100, 140, 200]], scores=[0.9], embeddings=np.eye(4)[:1], classes=[0])
    nobody = Detections.empty(4)
    for association in ASSOCIATIONS:
        stream = [one] * 5 + [nobody] * gap + [one] * 3 + [nobody] + [one] * 3
        listed = assert_agree(stream, association)
        assert len(listed.removed) > 0 or gap == 30
        # gap 31: back as 1, then gone for good with the next miss; gap 32: a new life, lost and found
        assert listed.next_id == {30: 2, 31: 3, 32: 3}[gap]


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_equal_scores_start_tracks_in_the_order_given(association):
    left = np.array([700, 100, 400, 1000.0])
    boxes = np.column_stack([left, left * 0, left + 40, left * 0 + 100])
    frame = Detections(boxes=boxes, scores=[0.9, 0.9, 0.9, 0.95], embeddings=np.eye(4), classes=np.zeros(4))
    for first_frames in ([], [Detections.empty(4)]):
        tracker = OnlineTracker(association=association)
        for detections in [*first_frames, frame, frame]:
            tracks = tracker.update(detections)
        np.testing.assert_allclose(tracks.boxes[:, 0], [1000, 700, 100, 400])


@pytest.mark.parametrize("association", ASSOCIATIONS)
@pytest.mark.parametrize(
    "stream", ["a", pytest.param("b", marks=pytest.mark.slow), pytest.param("c", marks=pytest.mark.slow)]
)
def test_the_listed_tracker_is_the_reference(golden, association, stream):
    """Ids, boxes, scores and all four counts (tracked, lost, ever removed, reported) of the recorded runs."""
    label = {"fairmot": "jde", "byte": "byte", "byte_reid": "bytereid"}[association]
    with np.load(golden(f"tracker_{stream}.npz")) as stored:
        frames = list(golden_stream(stored))
        runs = {rate: [stored[f"{label}_fr{rate}__{name}"] for name in ("tracks", "counts")] for rate in (30, 25)}
    for rate, (tracks, counts) in runs.items():
        listed, rows = ListedTracker(association, frame_rate=rate), []
        for number, detections in enumerate(frames, 1):
            out = listed.update(detections)
            sizes = [len(listed.tracked), len(listed.lost), len(listed.removed), len(out)]
            assert sizes == counts[number - 1].tolist()
            rows += [[number, one, x1, y1, x2 - x1, y2 - y1, score] for one, x1, y1, x2, y2, score in out]
        got, want = (np.array(r)[np.lexsort((np.array(r)[:, 1], np.array(r)[:, 0]))] for r in (rows, tracks))
        np.testing.assert_array_equal(got[:, :2], want[:, :2])
        np.testing.assert_allclose(got[:, 2:], want[:, 2:], atol=1e-3)
