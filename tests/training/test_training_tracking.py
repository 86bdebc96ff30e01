"""The callback that tracks validation sequences."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pytorch_lightning.trainer.states import TrainerFn

from fairmot_pl.evaluation.quality import SequenceOutputs
from fairmot_pl.structures import AnnotatedSequence, Detections, FrameOutput
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences


@pytest.fixture
def callback():
    made = TrackValidationSequences(tracker={"association": "byte"})
    made._sequences = [AnnotatedSequence(name=name, frames=(), frame_rate=30) for name in ("A", "B")]
    made._rows = {0: [], 1: []}
    made._outputs = {index: SequenceOutputs(full=False) for index in (0, 1)}
    return made


def person(left=10.0):
    found = Detections(boxes=[[left, 10, left + 40, 120]], scores=[0.9], embeddings=np.zeros((1, 0)), classes=[0])
    return FrameOutput(detections=found, truth_embeddings=np.ones((1, 1)), truth_identities=[1])


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


@pytest.mark.parametrize(
    ("every", "period", "epochs", "full"),
    [
        (1, 1, 3, {0, 1, 2}),
        (2, 1, 5, {1, 3, 4}),
        (5, 1, 3, {2}),
        (2, 5, 22, {9, 19}),
        (5, 5, 24, {19}),
        (3, 1, -1, {2, 5}),
    ],
)
def test_every_so_many_validations_and_the_last_are_full(every, period, epochs, full):
    callback = TrackValidationSequences(tracker={}, full_every=every)
    trainer = SimpleNamespace(
        state=SimpleNamespace(fn=TrainerFn.FITTING), check_val_every_n_epoch=period, max_epochs=epochs
    )
    validated = range(period - 1, epochs if epochs > 0 else 6, period)
    found = set()
    for trainer.current_epoch in validated:
        if callback._is_full(trainer):
            found.add(trainer.current_epoch)
    assert found == full
    trainer.state.fn = TrainerFn.VALIDATING
    assert callback._is_full(trainer)


def test_a_cadence_of_nothing_is_refused():
    with pytest.raises(ValueError, match="full_every is 0; allowed: 1"):
        TrackValidationSequences(tracker={}, full_every=0)
    with pytest.raises(ValueError, match="'devkit'; allowed: 'trackeval', 'reference'"):
        TrackValidationSequences(tracker={}, protocol="devkit")
