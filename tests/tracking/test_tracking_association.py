import numpy as np
import pytest

from fairmot_pl.structures import Detections
from fairmot_pl.tracking.association import RECIPES, Band, Stage, associate, bands, compose, overlap
from fairmot_pl.tracking.settings import TrackerSettings
from fairmot_pl.tracking.track import TrackState, TrackTable

TENTATIVE, CONFIRMED, LOST = TrackState


def people(*left, scores=None, classes=None):
    """Boxes 40 x 100 whose left edges are given, every one looking different."""
    count = len(left)
    x = np.array(left, float)
    return Detections(
        boxes=np.column_stack([x, np.zeros(count), x + 40, np.full(count, 100)]),
        scores=np.full(count, 0.9) if scores is None else scores,
        embeddings=np.eye(8)[:count],
        classes=np.zeros(count) if classes is None else classes,
    )


def tracks_at(detections, states):
    made = TrackTable.born(detections, first_id=1, frame=1, state=CONFIRMED)
    made.states[:] = states
    return made


def pairs_of(tracks, detections, stages, settings=None):
    banded = bands(detections.scores, settings or TrackerSettings())
    return sorted(map(tuple, associate(tracks, detections, stages, banded).pairs.tolist()))


def test_bands_are_open_intervals():
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32)
    banded = bands(scores, TrackerSettings(low_score_threshold=0.2, score_threshold=0.4))
    assert banded[Band.HIGH].tolist() == [False, False, False, False, True]
    assert banded[Band.LOW].tolist() == [False, False, True, False, False]


def test_a_low_threshold_above_the_high_one_empties_the_band():
    banded = bands(np.linspace(0, 1, 11), TrackerSettings(low_score_threshold=0.5, score_threshold=0.3))
    assert not banded[Band.LOW].any()


def test_a_stage_sees_its_states_and_its_band_only():
    tracks = tracks_at(people(0, 100, 200), [TENTATIVE, CONFIRMED, LOST])
    detections = people(0, 100, 200, scores=[0.9, 0.3, 0.9])

    def matched(states, band):
        return pairs_of(tracks, detections, (Stage(states, band, overlap, 0.5),))

    assert matched((TENTATIVE, CONFIRMED, LOST), Band.HIGH) == [(0, 0), (2, 2)]
    assert matched((CONFIRMED, LOST), Band.LOW) == [(1, 1)]
    assert matched((CONFIRMED,), Band.HIGH) == []


def test_later_stages_take_what_is_left():
    tracks = tracks_at(people(0, 10), CONFIRMED)
    strict = Stage((CONFIRMED,), Band.HIGH, overlap, 0.1)
    lax = Stage((CONFIRMED,), Band.HIGH, overlap, 0.9)
    detections = people(10, 25)
    assert pairs_of(tracks, detections, (strict,)) == [(1, 0)]
    assert pairs_of(tracks, detections, (strict, lax)) == [(0, 1), (1, 0)]


def test_classes_never_mix():
    tracks = tracks_at(people(0, 100, classes=[0, 1]), CONFIRMED)
    stage = Stage((CONFIRMED,), Band.HIGH, overlap, 0.9)
    assert pairs_of(tracks, people(0, 100, classes=[1, 1]), (stage,)) == [(1, 1)]


STAGED = [name for name in RECIPES if compose(TrackerSettings(association=name)).stages]


@pytest.mark.parametrize("name", STAGED)
def test_no_tracks_and_no_detections_are_fine(name):
    association = compose(TrackerSettings(association=name))
    nobody, someone = Detections.empty(), people(0)
    assert pairs_of(tracks_at(nobody, CONFIRMED), someone, association.stages) == []
    assert pairs_of(tracks_at(someone, CONFIRMED), nobody, association.stages) == []
    assert pairs_of(tracks_at(someone, CONFIRMED), someone, association.stages) == [(0, 0)]


@pytest.mark.parametrize(("name", "expected"), [("fairmot", []), ("byte", [(0, 0)]), ("byte_reid", [(0, 0)])])
def test_only_byte_gives_unsure_detections_a_chance(name, expected):
    association = compose(TrackerSettings(association=name))
    tracks = tracks_at(people(0), CONFIRMED)
    assert pairs_of(tracks, people(0, scores=[0.3]), association.stages) == expected


@pytest.mark.parametrize(
    ("keyword", "association", "state", "score"),
    [
        ("iou_limit", "fairmot", CONFIRMED, 0.9),
        ("tentative_iou_limit", "fairmot", TENTATIVE, 0.9),
        ("first_iou_limit", "byte", LOST, 0.9),
        ("low_iou_limit", "byte_reid", CONFIRMED, 0.3),
    ],
)
def test_every_iou_limit_reaches_its_stage(keyword, association, state, score):
    """Shifted by 15 px, boxes of 41 px (counted in pixels) share 26 of 56 columns: distance 30 / 56."""
    tracks = tracks_at(people(0), state)
    detections = people(15, scores=[score])
    detections = Detections(
        boxes=detections.boxes, scores=[score], embeddings=np.eye(8)[[5]], classes=detections.classes
    )
    for limit, expected in ((30 / 56 + 0.01, [(0, 0)]), (30 / 56 - 0.01, [])):
        settings = TrackerSettings(association=association, **{keyword: limit})
        assert pairs_of(tracks, detections, compose(settings).stages) == expected


def test_appearance_limit_gate_and_weight_reach_their_stage():
    looks_alike = people(0)
    tracks = tracks_at(looks_alike, LOST)
    other_look = Detections(boxes=looks_alike.boxes, scores=[0.9], embeddings=np.eye(8)[[1]], classes=[0])
    elsewhere = Detections(boxes=looks_alike.boxes + 60, scores=[0.9], embeddings=np.eye(8)[:1], classes=[0])

    def matches(detections, **keywords):
        return bool(pairs_of(tracks, detections, compose(TrackerSettings(**keywords)).stages))

    assert matches(looks_alike)
    assert not matches(other_look)
    assert matches(other_look, appearance_limit=1.0)
    assert not matches(elsewhere)
    assert not matches(elsewhere, motion_gate=1e6)
    assert matches(elsewhere, motion_gate=1e6, motion_weight=0)
