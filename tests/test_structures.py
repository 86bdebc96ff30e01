"""The records that pass between stages."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from fairmot_pl.structures import Detections, FrameOutput, Tracks


def detections(count=3, dim=4):
    return Detections(
        boxes=np.arange(count * 4).reshape(count, 4),
        scores=np.linspace(1, 0.5, count),
        embeddings=np.ones((count, dim)),
        classes=np.zeros(count),
    )


def test_types_are_settled_on_entry():
    found = detections()
    assert (found.boxes.dtype, found.scores.dtype, found.classes.dtype) == (np.float32, np.float32, np.int64)


def test_select_keeps_fields_together():
    picked = detections().select(np.array([2, 0]))
    assert picked.boxes[:, 0].tolist() == [8, 0]
    assert picked.scores[0] < picked.scores[1]
    assert len(detections().select(np.array([False, True, False]))) == 1


def test_nothing_found():
    assert len(Detections.empty(128)) == 0
    assert Detections.empty(128).embeddings.shape == (0, 128)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boxes", np.zeros((3, 5))),
        ("scores", np.zeros(2)),
        ("embeddings", np.zeros(3)),
        ("classes", np.zeros((3, 1))),
    ],
)
def test_wrong_shapes_are_named(field, value):
    fields = {name: getattr(detections(), name) for name in ("boxes", "scores", "embeddings", "classes")}
    with pytest.raises(ValueError, match=f"Detections.{field} has shape"):
        Detections(**{**fields, field: value})


def test_records_are_frozen():
    tracks = Tracks(ids=[1], boxes=[[0, 0, 1, 1]], scores=[1], classes=[0])
    with pytest.raises(FrozenInstanceError):
        tracks.ids = np.zeros(1)


def test_a_frame_output_needs_an_identity_for_every_embedding():
    output = FrameOutput(detections=detections(), truth_embeddings=np.ones((2, 4)), truth_identities=[5, -1])
    assert (output.truth_embeddings.dtype, output.truth_identities.dtype) == (np.float32, np.int64)
    with pytest.raises(ValueError, match="2 truth_embeddings and 1 truth_identities"):
        FrameOutput(detections=detections(), truth_embeddings=np.ones((2, 4)), truth_identities=[5])
    with pytest.raises(ValueError, match=r"FrameOutput.truth_embeddings has shape \(4,\)"):
        FrameOutput(detections=detections(), truth_embeddings=np.ones(4), truth_identities=[5])
