"""Stages: each second is counted once, under the innermost action."""

from __future__ import annotations

import pytest
from pytorch_lightning.profilers import Profiler

from fairmot_pl.training import stage_profiler
from fairmot_pl.training.stage_profiler import StageProfiler, stage_of


@pytest.fixture
def clock(monkeypatch):
    """A clock that is put forward by hand."""

    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(stage_profiler, "time", made)
    return made


@pytest.mark.parametrize(
    ("action", "stage"),
    [
        ("[_TrainingEpochLoop].train_dataloader_next", "waiting for data"),
        ("[_EvaluationLoop].val_next", "waiting for data"),
        ("[Strategy]SingleDeviceStrategy.batch_to_device", "to the device"),
        ("[LightningDataModule]Data.transfer_batch_to_device", "to the device"),
        ("[Strategy]DDPStrategy.training_step", "network and losses"),
        ("[Strategy]SingleDeviceStrategy.backward", "backward"),
        ("[LightningModule]FairMOTModule.optimizer_step", "optimiser"),
        ("[Strategy]SingleDeviceStrategy.validation_step", "decoding"),
        ("network", "network"),
        ("association", "association"),
        ("[Callback]TrackValidationSequences.on_validation_epoch_end", "metrics"),
        ("[Callback]BestCheckpoint{'monitor': 'val/HOTA'}.on_validation_end", "BestCheckpoint"),
        ("[Callback]FairnessTelemetry.on_after_backward", "FairnessTelemetry"),
        ("run_training_epoch", "trainer and logging"),
    ],
)
def test_actions_have_their_stage(action, stage):
    assert stage_of(action) == stage


def test_what_runs_within_counts_there_only(clock):
    profiler = StageProfiler()
    with profiler.profile("run_training_epoch"):
        clock.now += 1
        for _ in range(2):
            with profiler.profile("[LightningModule]M.optimizer_step"):
                clock.now += 2
                with profiler.profile("[Strategy]S.training_step"):
                    clock.now += 4
                with profiler.profile("[Strategy]S.backward"):
                    clock.now += 8
                clock.now += 16
        with profiler.profile("[_EvaluationLoop].val_next"):
            clock.now += 32
        with profiler.profile("[Strategy]S.validation_step"), profiler.profile("network"):
            clock.now += 64
        for _ in range(3):
            with profiler.profile("association"):
                clock.now += 1
    times = profiler.times()
    assert times["training"].count == 2
    assert times["training"].seconds == {
        "trainer and logging": 1,
        "optimiser": 36,
        "network and losses": 8,
        "backward": 16,
    }
    assert times["validation"].count == 3
    assert times["validation"].seconds == {"waiting for data": 32, "decoding": 0, "network": 64, "association": 3}


def test_a_stage_that_raises_ends(clock):
    profiler = StageProfiler()

    def ended():
        with profiler.profile("[_EvaluationLoop].val_next"):
            clock.now += 5
            raise StopIteration

    with pytest.raises(StopIteration):
        ended()
    clock.now += 100
    with profiler.profile("association"):
        clock.now += 1
    assert profiler.times()["validation"].seconds == {"waiting for data": 5, "association": 1}


def test_another_profiler_hears_of_the_same_and_its_own_time_is_no_stages(clock):
    heard = []

    class Slow(Profiler):
        def start(self, action_name):
            clock.now += 100
            heard.append(action_name)

        stop = start

    profiler = StageProfiler(Slow())
    with profiler.profile("[Strategy]S.training_step"):
        clock.now += 1
        with profiler.profile("[Strategy]S.backward"):
            clock.now += 2
        clock.now += 4
    assert profiler.times()["training"].seconds == {"network and losses": 5, "backward": 2}
    assert [action.split(".")[-1] for action in heard] == ["training_step", "backward", "backward", "training_step"]


def test_nothing_measured_is_nothing():
    assert StageProfiler().times() == {}
