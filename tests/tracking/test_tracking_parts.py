"""The switches of the association's parts: overlap, appearance, motion."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from fairmot_pl import Detections, OnlineTracker, evaluate_tracking
from tracking.streams import golden_stream

ASSOCIATIONS = ("fairmot", "byte", "byte_reid")
WITH_REID = ("fairmot", "byte_reid")
WITHOUT_REID = [("fairmot", {"use_reid": False}), ("byte_reid", {"use_reid": False}), ("byte", {})]
LOOKS = np.eye(8, dtype=np.float32)


def frame(*people, score=0.9):
    """Detections 40 x 100 px of `(left, look)`."""
    left = np.array([left for left, _ in people], float)
    return Detections(
        boxes=np.column_stack([left, 0 * left, left + 40, 0 * left + 100]),
        scores=np.full(len(left), score),
        embeddings=LOOKS[[look for _, look in people]].reshape(-1, 8),
        classes=np.zeros(len(left)),
    )


def walk(tracker, left, *, speed=0, frames=10, look=0):
    """Someone walks from `left`; where they would be in the frame after the last."""
    for _ in range(frames):
        tracker.update(frame((left, look)))
        left += speed
    return left


def ids_by_place(tracks):
    return tracks.ids[np.argsort(tracks.boxes[:, 0])].tolist()


@pytest.mark.parametrize("association", WITH_REID)
@pytest.mark.parametrize(
    ("parts", "left_then_right"),
    [
        ({}, [1, 2]),  # who looks right is too far away: the gate leaves it to overlap
        ({"use_reid": False}, [1, 2]),
        ({"use_iou": False}, []),
        ({"use_kalman": False}, [2, 1]),
        ({"use_reid": False, "use_kalman": False}, [1, 2]),
        ({"use_iou": False, "use_kalman": False}, [2, 1]),
    ],
)
def test_two_people_swap_their_looks(association, parts, left_then_right):
    tracker = OnlineTracker(association=association, **parts)
    for _ in range(5):
        assert ids_by_place(tracker.update(frame((100, 0), (300, 1)))) == [1, 2]
    assert ids_by_place(tracker.update(frame((100, 1), (300, 0)))) == left_then_right


def test_byte_never_looks():
    for use_reid in (True, False):
        tracker = OnlineTracker(association="byte", use_reid=use_reid)
        for looks in ((0, 1), (0, 1), (1, 0)):
            tracks = tracker.update(frame((100, looks[0]), (300, looks[1])))
        assert ids_by_place(tracks) == [1, 2]


@pytest.mark.parametrize(
    ("association", "parts", "kept"),
    [
        ("fairmot", {}, False),  # beyond the gate
        ("fairmot", {"use_kalman": False}, True),
        ("fairmot", {"use_iou": False, "use_kalman": False}, True),
        ("fairmot", {"use_reid": False}, False),
        ("fairmot", {"use_reid": False, "use_kalman": False}, False),
        ("byte_reid", {"use_kalman": False}, True),
        ("byte", {"use_kalman": False}, False),
    ],
)
def test_the_camera_jumps(association, parts, kept):
    tracker = OnlineTracker(association=association, **parts)
    walk(tracker, 100)
    assert (tracker.update(frame((500, 0))).ids.tolist() == [1]) == kept


@pytest.mark.parametrize(("association", "without"), WITHOUT_REID)
@pytest.mark.parametrize("use_kalman", [True, False])
def test_overlap_finds_whom_motion_predicted_after_a_long_occlusion(association, without, use_kalman):
    tracker = OnlineTracker(association=association, use_kalman=use_kalman, **without)
    left = walk(tracker, 0, speed=8, frames=20)
    for _ in range(15):
        tracker.update(Detections.empty())
        left += 8
    back = [tracker.update(frame((left, 0))).ids.tolist() for _ in range(2)][1]
    assert back == ([1] if use_kalman else [2])


@pytest.mark.parametrize("association", WITH_REID)
@pytest.mark.parametrize("use_iou", [True, False])
def test_appearance_alone_survives_a_long_occlusion(association, use_iou):
    tracker = OnlineTracker(association=association, use_kalman=False, use_iou=use_iou)
    walk(tracker, 0, speed=8, frames=20)
    for _ in range(15):
        tracker.update(Detections.empty())
    assert tracker.update(frame((900, 0))).ids.tolist() == [1]


@pytest.mark.parametrize("association", ASSOCIATIONS)
def test_without_motion_a_track_is_its_last_detection(association):
    tracker, filtered = (OnlineTracker(association=association, use_kalman=on) for on in (False, True))
    for left in (0, 7, 3, 11):
        exact, smooth = (one.update(frame((left, 0))) for one in (tracker, filtered))
        np.testing.assert_allclose(exact.boxes, [[left, 0, left + 40, 100]], atol=1e-9)
    assert abs(smooth.boxes[0, 0] - 11) > 0.1
    for _ in range(3):
        tracker.update(Detections.empty())
    np.testing.assert_allclose(tracker.tracks.boxes, [[11, 0, 51, 100]], atol=1e-9)


@pytest.mark.parametrize("association", WITH_REID)
@pytest.mark.parametrize("use_kalman", [True, False])
@pytest.mark.parametrize(("look", "confirmed"), [(1, [1, 2]), (2, [1])])
def test_without_overlap_a_second_look_confirms(association, use_kalman, look, confirmed):
    tracker = OnlineTracker(association=association, use_iou=False, use_kalman=use_kalman)
    walk(tracker, 100, frames=2)
    assert tracker.update(frame((100, 0), (400, 1))).ids.tolist() == [1]
    assert tracker.update(frame((100, 0), (402, look))).ids.tolist() == confirmed


@pytest.mark.parametrize(("use_iou", "ids"), [(True, [1]), (False, [])])
def test_the_low_band_needs_overlap(use_iou, ids):
    tracker = OnlineTracker(association="byte_reid", use_iou=use_iou)
    walk(tracker, 100)
    assert tracker.update(frame((100, 0), score=0.3)).ids.tolist() == ids


@pytest.mark.parametrize("association", WITH_REID)
def test_without_reid_no_embeddings_are_needed(association):
    bare = Detections(boxes=[[0, 0, 40, 100]], scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0])
    tracker = OnlineTracker(association=association, use_reid=False)
    assert [tracker.update(bare).ids.tolist() for _ in range(3)] == [[1]] * 3
    assert tracker.tracks.embeddings.shape == (1, 0)
    with pytest.raises(ValueError, match="use_reid=False"):
        OnlineTracker(association=association).update(bare)


@pytest.mark.parametrize(
    ("association", "parts", "message"),
    [(association, {"use_iou": False, "use_reid": False}, "both False.*keep one") for association in ASSOCIATIONS]
    + [("byte", {"use_iou": False}, "use_iou is False, but association 'byte'.*choose 'fairmot' or 'byte_reid'")],
)
@pytest.mark.parametrize("use_kalman", [True, False])
def test_what_cannot_associate_is_refused(association, parts, message, use_kalman):
    with pytest.raises(ValueError, match=message):
        OnlineTracker(association=association, use_kalman=use_kalman, **parts)


def parts_that_run():
    for use_iou, use_reid, use_kalman in product((True, False), repeat=3):
        if use_iou or use_reid:
            yield {"use_iou": use_iou, "use_reid": use_reid, "use_kalman": use_kalman}


@pytest.mark.parametrize("stream", ["a", "b"])
def test_all_parts_together_are_best(golden, rows_of, stream):
    """The table in docs/reproduction.md, of which only the clear directions are held here."""
    with np.load(golden(f"tracker_{stream}.npz")) as stored:
        truth, detections = stored["gt"], list(golden_stream(stored))
    figures = {}
    for parts in parts_that_run():
        rows = rows_of(OnlineTracker(**parts), detections)
        figures[tuple(parts.values())] = evaluate_tracking({"a": truth}, {"a": rows}, benchmark="MOT15").overall
    hota, idf1, switches = ({key: one[name] for key, one in figures.items()} for name in ("HOTA", "IDF1", "IDSW"))
    complete, overlap_alone = (True, True, True), (True, False, False)
    assert max(hota, key=hota.__getitem__) == complete
    for values, worse in ((hota, min), (idf1, min), (switches, max)):
        assert worse(values, key=values.__getitem__) == overlap_alone
    assert hota[complete] - hota[overlap_alone] > 0.02
