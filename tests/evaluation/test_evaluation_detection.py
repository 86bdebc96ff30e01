"""Detection AP: by hand, against picking in turn, and against figures of pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmot_pl.boxes import pairwise_iou
from fairmot_pl.evaluation.detection import (
    BANDS,
    IGNORED,
    IOUS,
    TRUE,
    Band,
    TruthBoxes,
    detection_figures,
    detection_record,
    merge_detection,
    precision_recall,
)

PYCOCOTOOLS = {
    **{"AP": 0.4002366720274788, "AP50": 0.6885813448220793},
    **{"AP_height_0-50": 0.29483188308575653, "AP50_height_0-50": 0.6438374614430658},
    **{"AP_height_50-100": 0.38871510341943605, "AP50_height_50-100": 0.6768174801436921},
    **{"AP_height_100-200": 0.5391503427342712, "AP50_height_100-200": 0.768284859582698},
}


def person(frame, left, height=80.0, *, ignored=False, visibility=1.0):
    return frame, [left, 0.0, left + 30.0, height], ignored, visibility


def truth_of(*people):
    return TruthBoxes(
        frames=np.array([frame for frame, *_ in people], np.int64),
        boxes=np.array([box for _, box, *_ in people], float).reshape(-1, 4),
        ignored=np.array([ignored for *_, ignored, _ in people], bool),
        visibility=np.array([visibility for *_, visibility in people], float),
    )


def record_of(truth, *found, **options):
    """`found`: frame, left, score and, if not 80, height."""
    boxes = np.array([[left, 0.0, left + 30.0, (rest or [80.0])[0]] for _, left, _, *rest in found]).reshape(-1, 4)
    frames, scores = np.array([f[0] for f in found], np.int64), np.array([f[2] for f in found], np.float32)
    return detection_record(truth, frames, boxes, scores, **options)


TWO = truth_of(person(1, 0), person(1, 100))


@pytest.mark.parametrize(
    ("truth", "found", "ap50"),
    [
        (TWO, [(1, 0, 0.9), (1, 100, 0.8)], 1.0),
        (TWO, [(1, 0, 0.9)], 51 / 101),  # recalls 0 to 0.50
        (TWO, [(1, 0, 0.9), (1, 500, 0.8), (1, 100, 0.7)], (51 + 50 * 2 / 3) / 101),
        (TWO, [(1, 500, 0.9), (1, 0, 0.8), (1, 100, 0.7)], 2 / 3),  # precision 1/2 at recall 0.5 is raised to 2/3
        (TWO, [(1, 0, 0.9), (1, 2, 0.8), (1, 100, 0.7)], (51 + 50 * 2 / 3) / 101),  # the second on one is false
        (TWO, [(2, 0, 0.9), (2, 100, 0.8)], 0.0),  # in another frame
        (TWO, [], 0.0),
        (truth_of(), [(1, 0, 0.9)], 0.0),
        (truth_of(), [], 0.0),
        # an ignored box takes its detection out; a second one there is false
        (truth_of(person(1, 0), person(1, 100, ignored=True)), [(1, 100, 0.9), (1, 0, 0.8)], 1.0),
        (truth_of(person(1, 0), person(1, 100, ignored=True)), [(1, 100, 0.9), (1, 101, 0.8), (1, 0, 0.7)], 0.5),
        # one that counts comes first, however well the ignored box fits
        (truth_of(person(1, 0, ignored=True), person(1, 5)), [(1, 0, 0.9)], 1.0),
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_ap50_by_hand(truth, found, ap50, full):
    figures = detection_figures(record_of(truth, *found, full=full))
    assert figures["AP50"] == pytest.approx(ap50, abs=1e-12)
    assert ("AP" in figures) is full


def test_placement_decides_how_many_thresholds_are_passed():
    # 26 of 30 + 4 pixels of width: an IoU of 0.765 passes 0.50 to 0.75
    figures = detection_figures(record_of(truth_of(person(1, 0)), (1, 4, 0.9)))
    assert figures["AP"] == pytest.approx(6 / 10)


def test_bands_ignore_the_others():
    people = [person(1, 0, 40), person(1, 100, 80, visibility=0.3), person(1, 200, 400)]
    found = [(1, 100, 0.9), (1, 200, 0.8, 400), (1, 600, 0.7, 400), (1, 0, 0.6, 40)]
    figures = detection_figures(record_of(truth_of(*people), *found))
    # the false alarm is 400 high, so it touches no other height, and comes after that person
    bands = {name.removeprefix("AP50_"): value for name, value in figures.items() if name.startswith("AP50_")}
    assert bands == pytest.approx(
        {"height_0-50": 1, "height_50-100": 1, "height_200-inf": 1, "visibility_0.25-0.5": 1}
        | {"visibility_0.75-1": (51 + 50 * 2 / 3) / 101}  # it has no visibility: wrong in every such band
    )


def test_without_visibility_there_are_no_bands_of_it():
    unknown = record_of(truth_of(person(1, 0), person(1, 100)), (1, 0, 0.9), (1, 500, 0.8))
    assert not [name for name in detection_figures(unknown) if "visibility" in name]
    known = record_of(truth_of(person(1, 0, visibility=0.3)), (1, 0, 0.9))
    together = merge_detection([unknown, known])
    assert together.positives[BANDS.index(Band("visibility", 0.75, np.inf))] == 2, "of one set that tells it"
    assert detection_figures(together)["AP50_visibility_0.25-0.5"] == 1


def harmed(seed: int):
    """A crowd that overlaps, some of it ignored, and detections of it."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    corner, size = rng.uniform(0, 120, (count, 2)).round(1), rng.uniform(20, 130, (count, 2)).round(1)
    frames = np.sort(rng.integers(1, 5, count))
    truth = TruthBoxes(
        frames=frames,
        boxes=np.concatenate([corner, corner + size], axis=1),
        ignored=rng.random(count) < 0.2,
        visibility=rng.random(count).round(2),
    )
    pick = np.sort(rng.integers(0, count, 2 * count))
    boxes = truth.boxes[pick] + rng.normal(0, 5, (len(pick), 4)).round(1)
    scores = rng.permutation(len(pick)).astype(np.float32) / len(pick)
    return truth, frames[pick], boxes, scores


def in_turn(truth, frames, boxes, scores, ignored, threshold):
    """What COCO's loop does, one detection after another."""
    taken, outcome = set(), np.zeros(len(scores), int)
    for one in np.argsort(-scores, kind="stable"):
        rows = [row for row in np.flatnonzero(truth.frames == frames[one]) if row not in taken]
        iou = {row: pairwise_iou(truth.boxes[row : row + 1], boxes[one : one + 1])[0, 0] for row in rows}
        able = [row for row in rows if iou[row] >= threshold]
        if able:
            best = max(able, key=lambda row: (not ignored[row], iou[row], row))
            taken.add(best)
            outcome[one] = IGNORED if ignored[best] else TRUE
    return outcome


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_at_once_is_one_after_another(seed):
    truth, frames, boxes, scores = harmed(seed)
    record = detection_record(truth, frames, boxes, scores)
    for step, threshold in enumerate(IOUS):
        want = in_turn(truth, frames, boxes, scores, truth.ignored, threshold)
        np.testing.assert_array_equal(record.outcomes[:, 0, step], want)
    assert record.outcomes.shape[1:] == (len(BANDS), len(IOUS))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_records_of_parts_make_the_figures_of_the_whole(seed):
    truth, frames, boxes, scores = harmed(seed)

    def part(numbers):
        rows, found = np.isin(truth.frames, numbers), np.isin(frames, numbers)
        cut = TruthBoxes(**{name: getattr(truth, name)[rows] for name in TruthBoxes.__dataclass_fields__})
        return detection_record(cut, frames[found], boxes[found], scores[found])

    merged = merge_detection([part([3, 4]), part([1]), part([2, 9])])
    assert detection_figures(merged) == detection_figures(detection_record(truth, frames, boxes, scores))


def test_figures_of_pycocotools():
    """Of pycocotools 2.0.11 on these scenes, unlimited detections, heights in place of areas."""
    scenes = [harmed(seed) for seed in range(6)]
    figures = detection_figures(merge_detection([detection_record(*scene) for scene in scenes]))
    assert {name: figures[name] for name in PYCOCOTOOLS} == pytest.approx(PYCOCOTOOLS, abs=1e-9)


def test_curve_and_the_score_it_takes():
    curve = precision_recall(record_of(TWO, (1, 0, 0.9), (1, 500, 0.8), (1, 100, 0.75)))
    assert curve["recall"][50] == 0.5
    assert (curve["precision"][50], curve["score"][50]) == (1.0, pytest.approx(0.9))
    assert (curve["precision"][51], curve["score"][51]) == (pytest.approx(2 / 3), 0.75)
    never = precision_recall(record_of(TWO, (1, 0, 0.9)))
    assert (never["precision"][51], never["score"][51]) == (0.0, 0.0)


def test_merging_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        merge_detection([])
