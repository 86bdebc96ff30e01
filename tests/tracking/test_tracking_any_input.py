"""Whatever is fed to it, a tracker does not crash, repeats no id within a frame and reports finite numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.tracking.association import RECIPES

STAGED = tuple(name for name in RECIPES if name != "fusion")  # "fusion" has no such parts to switch
ANY = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],  # shrinking such streams takes minutes and tells little
}
GREATEST = float(np.finfo(np.float32).max)
SPECIAL = [0.0, -0.0, 1.0, 1e-45, 1e-30, 1e10, 1e30, GREATEST, -GREATEST, 2.0**24, 100.0, 140.0, 200.0]

coordinates = st.one_of(
    st.sampled_from(SPECIAL), st.floats(-GREATEST, GREATEST, width=32), st.floats(-50, 2000, width=32)
)
people = st.builds(
    lambda left, top, width, height: [left, top, left + width, top + height],
    st.floats(0, 500, width=32),
    st.floats(0, 300, width=32),
    st.floats(0, 80, width=32),
    st.floats(0, 200, width=32),
)
boxes = st.one_of(people, people, st.lists(coordinates, min_size=4, max_size=4))
scores = st.one_of(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.9, 1.0]), st.floats(0, 1, width=32))
looks = st.one_of(
    st.sampled_from([[1.0, 0, 0], [0, 1.0, 0], [0.0, 0, 0], [GREATEST] * 3, [1e-45, 0, 0], [-1.0, 0, 0]]),
    st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3),
)


@st.composite
def frames(draw):
    """A frame with up to eight objects, some of them twice or as often as a crowd."""
    objects = draw(st.lists(st.tuples(boxes, scores, looks, st.integers(0, 2)), max_size=8))
    repeats = draw(st.sampled_from([1, 1, 1, 2, 30]))
    box, score, look, kind = zip(*objects, strict=True) if objects else ((), (), (), ())
    with np.errstate(over="ignore"):
        return Detections(
            boxes=np.tile(np.array(box, np.float32).reshape(-1, 4), (repeats, 1)),
            scores=np.tile(np.array(score, np.float32), repeats),
            embeddings=np.tile(np.array(look, np.float32).reshape(-1, 3), (repeats, 1)),
            classes=np.tile(np.array(kind, int), repeats),
        )


zooms = st.sampled_from([1.0, 1.0, 1.01, 0.5, 3.0, 1e-6, 1e6, 1e30])
cameras = st.one_of(
    st.none(),
    st.none(),
    st.builds(
        lambda zoom, angle, shift: (
            zoom * np.array([[np.cos(angle), -np.sin(angle), shift], [np.sin(angle), np.cos(angle), -shift]])
        ),
        zooms,
        st.floats(-4, 4),
        st.sampled_from([0.0, 3.5, -200.0, 1e6]),
    ),
)
steps = st.one_of(st.none(), st.none(), st.sampled_from([1e-9, 1e-4, 1 / 60, 1 / 30, 0.5, 1.0, 2.0, 3600.0, 1e9]))
switches = st.fixed_dictionaries(
    {
        "use_reid": st.booleans(),
        "use_reupdate": st.booleans(),
        "track_buffer": st.sampled_from([0, 3, 30, 1000]),
        "motion_gate": st.sampled_from([9.4877, 0.0, 1e6, float("inf")]),
        "first_iou_limit": st.sampled_from([0.8, 1.0, 0.0]),
        "embedding_momentum": st.sampled_from([0.9, 0.0, 1.0]),
    }
)


def survive(tracker, stream):
    """Feed a stream of (detections, step of time, camera); yield the tracks, after what holds for every frame."""
    now, classes = 0.0, {}
    for detections, step, camera in stream:
        now = max(now + (step or 1 / 30), np.nextafter(now, np.inf))
        tracks = tracker.update(detections, timestamp=None if step is None else now, camera=camera)
        assert len(np.unique(tracks.ids)) == len(tracks)
        assert np.isfinite(tracks.boxes).all()
        assert np.isfinite(tracks.scores).all()
        for identity, kind in zip(tracks.ids.tolist(), tracks.classes.tolist(), strict=True):
            assert classes.setdefault(identity, kind) == kind
        yield detections, tracks


@pytest.mark.parametrize("association", STAGED)
@settings(max_examples=60, **ANY)
@given(switched=switches, stream=st.lists(st.tuples(frames(), steps, cameras), min_size=1, max_size=12))
def test_update_survives(association, switched, stream):
    tracker = OnlineTracker(association=association, **switched)
    for detections, tracks in survive(tracker, stream):
        assert np.isfinite(tracker.tracks.mean).all()
        assert np.isfinite(tracker.tracks.covariance).all()
        assert len(tracks) <= len(detections)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("use_reid", [True, False])
@settings(max_examples=60, **ANY)
@given(stream=st.lists(st.tuples(frames(), steps, cameras), min_size=1, max_size=12))
def test_fusion_survives_without_a_warning(use_reid, stream):
    tracker = OnlineTracker(association="fusion", use_reid=use_reid)
    for _ in survive(tracker, stream):
        assert (tracker.tracks.spread.diagonal(axis1=2, axis2=3) >= 0).all()


@pytest.mark.parametrize("use_kalman", [True, False])
@pytest.mark.parametrize("association", STAGED)
@settings(max_examples=20, **ANY)
@given(stream=st.lists(frames(), min_size=1, max_size=6))
def test_without_the_filter_too(association, use_kalman, stream):
    tracker = OnlineTracker(association=association, use_kalman=use_kalman)
    for detections in stream:
        tracks = tracker.update(detections)
        assert len(np.unique(tracks.ids)) == len(tracks)
        assert np.isfinite(tracks.boxes).all()


@pytest.mark.parametrize("association", RECIPES)
@settings(max_examples=20, **ANY)
@given(
    detections=frames(),
    column=st.sampled_from(["boxes", "scores", "embeddings"]),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    place=st.integers(0, 10**6),
)
def test_what_is_not_finite_is_refused(association, detections, column, value, place):
    given_values = getattr(detections, column)
    if not given_values.size:
        return
    given_values.flat[place % given_values.size] = value
    tracker = OnlineTracker(association=association)
    with pytest.raises(ValueError, match=rf"Detections\.{column} of frame 1"):
        tracker.update(detections)
    assert tracker.frame == 0
