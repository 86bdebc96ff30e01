"""From the outputs of a network, frame by frame, to detection and re-ID figures."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.evaluation.preprocess import boxes_to_detect
from fairmot_pl.evaluation.quality import SequenceOutputs, combine_quality
from fairmot_pl.mot_format import MotTable
from fairmot_pl.structures import Detections, FrameOutput


def output(rows, *, found=None, broken=False):
    """What a network says that finds the people of some rows exactly, and tells them apart."""
    boxes = rows[:, 2:6] if found is None else rows[found, 2:6]
    ids = rows[:, 1].astype(int)
    return FrameOutput(
        detections=Detections(
            boxes=tlwh_to_xyxy(boxes),
            scores=np.linspace(0.9, 0.5, len(boxes)),
            embeddings=np.ones((len(boxes), 3)),
            classes=np.zeros(len(boxes)),
        ),
        truth_embeddings=np.zeros((0, 3)) if broken else np.eye(3, dtype=np.float32)[ids - 1],
        truth_identities=np.zeros(0) if broken else ids,
    )


def measured(truth, *, full=True, missing=()):
    outputs = SequenceOutputs(full=full)
    for frame in np.unique(truth[:, 0]):
        rows = truth[truth[:, 0] == frame]
        gone = frame in missing
        outputs.add(int(frame), output(rows, found=slice(0, 0) if gone else None, broken=gone))
    return outputs.measure(MotTable.from_rows(truth), benchmark="MOT17")


def test_a_network_that_is_right(standing):
    quality = combine_quality({name: measured(standing([1, 2, 3], range(1, 8))) for name in ("b", "a")})
    assert list(quality.sequences) == ["a", "b"]
    for figures in (quality.overall, *quality.sequences.values()):
        assert {figures[name] for name in ("AP", "AP50", "rank1", "mAP")} == {1.0}
    # in two sequences, everybody looks like somebody of the other one
    assert quality.sequences["a"]["TPR@FAR=0.1"] == 1.0
    assert quality.overall["TPR@FAR=0.0001"] == 0.0
    assert quality.full
    assert quality.flat()["val/AP50"] == 1.0
    assert quality.curve["precision"] == [1.0] * 101


def test_a_cheap_validation_knows_ap50_alone(standing):
    quality = combine_quality({"a": measured(standing([1, 2], range(1, 4)), full=False)})
    assert quality.overall == {"AP50": 1.0}
    assert not quality.full


def test_frames_that_could_not_be_read_are_missed(standing):
    quality = combine_quality({"a": measured(standing([1, 2], range(1, 11)), missing=(1, 2, 3, 4, 5))})
    assert quality.overall["AP50"] == pytest.approx(51 / 101)
    assert quality.overall["rank1"] == 1.0


def test_records_travel_between_processes(standing):
    record = measured(standing([1, 2], range(1, 5)))
    again = combine_quality({"a": pickle.loads(pickle.dumps(record))})
    here = combine_quality({"a": record})
    assert again == here
    np.testing.assert_array_equal(again.similarity, here.similarity)
    np.testing.assert_array_equal(again.looks.points, here.looks.points)


def test_no_frame_at_all():
    quality = combine_quality(
        {"a": SequenceOutputs(full=True).measure(MotTable.from_rows(np.zeros((0, 9))), benchmark="MOT17")}
    )
    assert quality.overall == {"AP": 0.0, "AP50": 0.0}


@pytest.mark.parametrize(
    ("kind", "flag", "mot15", "mot17", "mot20"),
    [
        (1, 1, "find", "find", "find"),
        (1, 0, "ignore", "ignore", "ignore"),
        (7, 0, "ignore", "ignore", "ignore"),
        (6, 0, "ignore", None, "ignore"),
        (3, 0, "ignore", None, None),
        (3, 1, "find", None, None),
    ],
)
def test_who_is_to_be_found_and_who_may_be(row, kind, flag, mot15, mot17, mot20):
    table = MotTable.from_rows(np.array([row(1, 1, kind=kind, flag=flag)]))
    for benchmark, want in {"MOT15": mot15, "MOT17": mot17, "MOT20": mot20}.items():
        truth = boxes_to_detect(table, benchmark)
        got = None if not len(truth.frames) else "ignore" if truth.ignored[0] else "find"
        assert got == want, benchmark
