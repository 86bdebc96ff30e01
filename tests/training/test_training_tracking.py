"""The callback that tracks validation sequences."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.structures import AnnotatedSequence, Detections
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences


@pytest.fixture
def callback():
    made = TrackValidationSequences(tracker={"association": "byte"})
    made._sequences = [AnnotatedSequence(name=name, frames=(), frame_rate=30) for name in ("A", "B")]
    made._rows = {0: [], 1: []}
    return made


def person(left=10.0):
    return Detections(boxes=[[left, 10, left + 40, 120]], scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0])


def test_sequences_do_not_share_a_tracker(callback):
    for frame in (1, 2):
        callback._track(0, frame, person())
        callback._track(1, frame, person(200))
    assert {int(rows[0, 1]) for sequence in (0, 1) for rows in callback._rows[sequence]} == {1}


def test_frames_must_come_in_order(callback):
    callback._track(0, 5, person())
    with pytest.raises(RuntimeError, match="A: frame 4 came after frame 5"):
        callback._track(0, 4, person())


def test_the_filling_up_of_a_process_is_ignored(callback):
    callback._track(0, 1, person())
    callback._track(0, 1, person())
    assert len(callback._rows[0]) == 1
