import dataclasses
import math

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.tracking.settings import TrackerSettings

NAMES = [field.name for field in dataclasses.fields(TrackerSettings) if field.name != "association"]


@pytest.mark.parametrize("value", [-0.1, math.nan, "0.4", -math.inf], ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_outside_its_range_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is .*expected"):
        OnlineTracker(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame_rate", 0),
        ("frame_rate", math.inf),
        ("score_threshold", 1.1),
        ("appearance_limit", 2.5),
        ("iou_limit", 1.5),
        ("track_buffer", math.inf),
        ("track_buffer", None),
        ("use_iou", "false"),
        ("use_reid", 1),
        ("use_kalman", None),
        ("score_threshold", None),
    ],
)
def test_further_values_outside(name, value):
    with pytest.raises(ValueError, match=name):
        OnlineTracker(**{name: value})


@pytest.mark.parametrize(
    ("given", "nearest"), [("bite", "byte"), ("FairMOT-", "fairmot"), ("byte-reid", "byte_reid"), ("", "")]
)
def test_an_unknown_association_names_the_known_and_the_nearest(given, nearest):
    with pytest.raises(ValueError, match=r"fairmot, byte, byte_reid") as error:
        OnlineTracker(association=given)
    assert repr(given) in str(error.value)
    assert nearest in str(error.value)


def test_an_unknown_keyword_is_refused():
    with pytest.raises(TypeError, match="match_thres"):
        OnlineTracker(match_thres=0.8)


@pytest.mark.parametrize(
    ("frame_rate", "track_buffer", "frames"),
    [(30, 30, 30), (25, 30, 25), (14, 30, 14), (60, 30, 60), (30, 0, 0)],
)
def test_the_buffer_follows_the_frame_rate(frame_rate, track_buffer, frames):
    assert OnlineTracker(frame_rate=frame_rate, track_buffer=track_buffer).buffer == frames


def test_a_numpy_threshold_compares_like_a_plain_one():
    at_the_threshold = Detections(boxes=[[0, 0, 40, 100]], scores=[0.4], embeddings=np.ones((1, 4)), classes=[0])
    for threshold in (0.4, np.float64(0.4), np.float32(0.4)):
        assert len(OnlineTracker(score_threshold=threshold).update(at_the_threshold)) == 0


def test_settings_are_readable_and_fixed():
    tracker = OnlineTracker(score_threshold=0.3)
    assert tracker.score_threshold == 0.3
    with pytest.raises(dataclasses.FrozenInstanceError):
        tracker.score_threshold = 0.5
