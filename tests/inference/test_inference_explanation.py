import dataclasses
from collections import Counter

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.evaluation.causes import Cause
from fairmot_pl.evaluation.clear_identity import clear_identity_counts
from fairmot_pl.evaluation.preprocess import prepare
from fairmot_pl.inference.candidates import candidates_for
from fairmot_pl.inference.explanation import explain_sequence
from fairmot_pl.mot_format import MotTable, read_mot, track_rows
from fairmot_pl.reporting.switch_words import cause_in_words
from fairmot_pl.tracking.trace import traced
from inference import rendered
from inference.planted import PLANTS, planted
from inference.planted_causes import explained, named_causes, tracked
from tracking.streams import recorded_frames

SELDOM = {"fusion": {"occlusion", "missed detection"}}
"""What hardly ever makes an association change an id."""


@pytest.mark.parametrize("association", ["fairmot", "byte_reid", "fusion"])
def test_planted_causes_are_named(association):
    plants = [plant for plant in PLANTS if plant not in SELDOM.get(association, ())]
    named = {plant: named_causes(plant, range(9), association, wanted=2) for plant in plants}
    assert all(named[plant][plant] > 0 for plant in plants), named
    switches, right = sum(map(Counter.total, named.values())), sum(named[plant][plant] for plant in plants)
    assert right >= 0.95 * switches, named


def test_planted_causes_are_named_from_pictures():
    named = named_causes("camera jump", range(3), "fairmot", wanted=1, source=rendered.rendered, first=True)
    assert named.total() == named["camera jump"] > 0, named


def test_who_hid_whom_and_what_refused_the_old_track():
    (found,) = explained(planted("occlusion", 0), "fairmot").switches
    assert found.cause is Cause.OCCLUSION
    assert (found.hidden, found.hider, found.hider_counts) == (found.switch.identity, 2, True)
    assert found.visible < 0.1
    assert found.switch.last_frame < found.darkest < found.decided <= found.switch.frame
    assert found.evidence.unseen_hidden > 5
    old, new = found.candidates[:2]
    assert (old.track, old.role, new.track, new.role) == (found.switch.old_id, "old", found.switch.new_id, "new")
    assert new.state == "starts here"
    assert old.state == "lost" or found.old_fate.startswith("ended in frame")


def test_a_gate_is_named():
    (found,) = explained(planted("fragment", 0), "fairmot").switches  # a leap
    old, new = found.candidates[:2]
    assert old.state == "confirmed"
    assert old.appearance < 0.4
    assert old.motion > 9.4877
    assert "beyond the motion gate" in old.outcome
    assert "overlap: none" in old.outcome
    assert new.outcome == "no track took the detection, so it starts one"


def test_without_a_column_of_visibility_boxes_tell_who_is_hidden():
    found = explained(planted("occlusion", 0), "fairmot", columns=7).switches
    assert [one.cause for one in found] == [Cause.OCCLUSION]


def test_without_embeddings_nobody_looks_alike():
    for seed in range(4):
        for found in explained(planted("look-alike", seed), "byte").switches:
            assert found.cause is not Cause.LOOK_ALIKE
            assert all(candidate.appearance is None for candidate in found.candidates)


def test_results_of_another_tracker_are_refused():
    truth, results, detections = tracked(planted("missed detection", 1), "fairmot")
    other = dataclasses.replace(results, ids=results.ids + 50)
    with pytest.raises(ValueError, match=r"planted: the results of frame 1 have ids \[51, 52.*does not give"):
        explain_sequence(
            "planted", truth, other, ((1, found, {}) for found in detections), OnlineTracker(), benchmark="MOT17"
        )


def test_no_results_no_ground_truth_no_frames():
    empty = MotTable.from_rows(np.zeros((0, 10)))
    truth = planted("fragment", 0).truth()
    for ground_truth in (truth, empty):
        found = explain_sequence(
            "A", ground_truth, empty, [(1, Detections.empty(4), {})], OnlineTracker(), benchmark="MOT15"
        )
        assert found.switches == found.fragments == []
        assert (found.found == -1).all()


@pytest.mark.parametrize(
    ("stream", "association"),
    [("TUD-Campus", "fairmot"), ("TUD-Campus_oracle", "fairmot"), ("TUD-Campus", "fusion"), ("ETH-Sunnyday", "fusion")],
)
def test_every_switch_of_real_streams_is_explained(real_data, stream, association):
    seen, frame_rate = recorded_frames(real_data / "streams" / f"{stream}.npz")
    frames = [(number, detections, {}) for number, detections in enumerate(seen, 1)]
    settings = {"frame_rate": frame_rate, "association": association}
    tracker = OnlineTracker(**settings)
    results = [track_rows(frame, tracker.update(found)) for frame, found, _ in frames]
    results = MotTable.from_rows(np.concatenate(results))
    truth = read_mot(real_data / "streams" / "gt" / f"{stream.removesuffix('_oracle')}.txt")
    found = explain_sequence(stream, truth, results, frames, OnlineTracker(**settings), benchmark="MOT15")
    counts = clear_identity_counts(prepare(truth, results, benchmark="MOT15"))
    assert len(found.switches) == counts.idsw > 0
    assert len(found.fragments) == counts.frag
    for one in found.switches:
        if association != "fusion":  # which may be right about the old track without seeing anything
            assert one.switch.last_frame < one.decided
            assert one.switch.last_frame <= one.darkest
            assert one.by_detection
        assert one.darkest <= one.decided <= one.switch.frame
        old, new = one.candidates[:2]
        assert [(old.role, old.track), (new.role, new.track)] == [
            ("old", one.switch.old_id),
            ("new", one.switch.new_id),
        ]
        assert new.state == "starts here" or "matched" in new.outcome or not one.by_detection


def test_tracks_where_no_detection_decided():
    tracker = OnlineTracker(association="fusion")
    boxes = np.array([[0, 0, 40, 100], [300, 0, 340, 100.0]])
    both = Detections(boxes=boxes, scores=[0.9, 0.9], embeddings=np.eye(2), classes=[0, 0])
    for _ in range(4):
        tracker.update(both)
    tracks, trace = traced(tracker, both.select(np.array([True, False])))
    assert tracks.ids.tolist() == [1, 2]  # the second is reported though nothing is seen of it
    old, new = candidates_for(trace, None, old=1, new=2, persons={1: 7}, gate=9.0)
    assert (old.person, old.elsewhere, old.outcome) == (7, True, "not this person's detection")
    assert (new.state, new.unseen, new.outcome) == ("confirmed", 0, "no detection")
    assert old.overlap is new.overlap is new.appearance is new.motion is None
    assert candidates_for(trace, None, old=5, new=2, persons={}, gate=9.0)[0].outcome == "no longer there"


def test_fusion_says_what_place_and_look_add_up_to_and_when_a_track_began():
    found = explained(planted("fragment", 0), "fusion").switches[0]
    old, new = found.candidates[:2]
    assert "evidence: " in old.outcome
    assert "not above 0" in old.outcome or "too far" in old.outcome
    assert (new.state, new.track) == ("starts here", found.switch.new_id)
    assert found.switch.last_frame <= found.decided < found.switch.frame  # it got its id a frame later
    words = cause_in_words(found, OnlineTracker(association="fusion"))
    assert f"So track {new.track} started." in words
