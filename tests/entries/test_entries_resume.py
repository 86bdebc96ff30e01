"""A run stopped by Ctrl-C and resumed ends where one that was not stopped ends."""

from __future__ import annotations

import json
import os
import signal

import pytest
import torch
from torch.nn import functional

from fairmot_pl.training import module
from fairmot_pl.training.callbacks.throughput import Throughput
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences


def weights(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("averaging", [pytest.param("null", marks=pytest.mark.slow), "0.9"])
@pytest.mark.parametrize(
    ("where", "when"),
    [
        pytest.param("step", 2, id="in an epoch"),
        pytest.param("step", 3, id="at its last step", marks=pytest.mark.slow),
        pytest.param("validation", 1, id="in validation", marks=pytest.mark.slow),
    ],
)
def test_stopped_and_resumed_equals_not_stopped(train_tiny, run, monkeypatch, tmp_path, where, when, averaging):
    averaged = f"optimizer.ema_decay={averaging}"
    whole = train_tiny(averaged)

    def interrupting(original):
        def hook(self, trainer, *rest):
            original(self, trainer, *rest)
            if trainer.state.fn == "fit" and trainer.global_step == 3 + (when if where == "step" else 0):
                os.kill(os.getpid(), signal.SIGINT)

        return hook

    owner = Throughput if where == "step" else TrackValidationSequences
    name = "on_train_batch_end" if where == "step" else "on_validation_batch_end"
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupting(getattr(owner, name)))
        with pytest.raises(SystemExit):
            train_tiny(averaged, "name=stopped")
    (folder,) = (tmp_path / "outputs" / "stopped").iterdir()
    assert not (folder / "metrics.json").exists()

    resumed = run("train", f"resume={folder}")
    assert resumed.folder == folder
    expected, found = weights(whole.folder), weights(folder)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert {key: value for key, value in resumed.metrics.items() if key.startswith("val/")} == {
        key: value for key, value in whole.metrics.items() if key.startswith("val/")
    }


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["gradnorm", "dwa"])
def test_a_balance_goes_on_where_it_was_stopped(train_tiny, run, monkeypatch, tmp_path, weighting):
    given = [f"loss/weighting={weighting}", "trainer.max_epochs=4", "trainer.check_val_every_n_epoch=4"]
    whole = train_tiny(*given)

    def interrupting(self, trainer, *rest):
        original(self, trainer, *rest)
        if trainer.global_step == 8:
            os.kill(os.getpid(), signal.SIGINT)

    original = Throughput.on_train_batch_end
    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_end", interrupting)
        with pytest.raises(SystemExit):
            train_tiny(*given, "name=stopped")
    (folder,) = (tmp_path / "outputs" / "stopped").iterdir()
    run("train", f"resume={folder}")
    expected, found = weights(whole.folder), weights(folder)
    assert any(key.startswith("loss.weighting") for key in expected)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def stopped_at(steps):
    """A hook that presses Ctrl-C once at each of these batches, counted over the run and over resumes."""
    left, original = list(steps), Throughput.on_train_batch_end

    def hook(self, trainer, module, outputs, batch, batch_idx):
        original(self, trainer, module, outputs, batch, batch_idx)
        if left and trainer.current_epoch * trainer.num_training_batches + batch_idx + 1 >= left[0]:
            left.pop(0)
            os.kill(os.getpid(), signal.SIGINT)

    return hook


DROPOUT = "a network that drops at random"


@pytest.mark.parametrize(
    ("given", "resumed_with", "stops"),
    [
        pytest.param(
            ["optimizer.ema_decay=0.9"],
            ["data.num_workers=2"],
            [2],
            marks=pytest.mark.slow,
            id="other number of workers",
        ),
        pytest.param(
            ["data.num_workers=2", "optimizer.ema_decay=0.9"],
            [],
            [1, 3, 5],
            id="two workers, three stops",
            marks=pytest.mark.slow,
        ),
        pytest.param(["data.num_workers=2"], [], [3], id="two workers, end of an epoch", marks=pytest.mark.slow),
        pytest.param(
            ["trainer.limit_train_batches=2"],
            ["data.num_workers=2"],
            [2],
            id="end of a shortened epoch",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["data.batch_size=1", "trainer.accumulate_grad_batches=4"],
            [],
            [2, 7],
            id="within accumulation",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["data.batch_size=1", "trainer.accumulate_grad_batches=2"],
            [],
            [6],
            id="end of an epoch",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["loss/identity=margin_softmax", "loss/weighting=pcgrad"],
            [],
            [2],
            id="margin softmax, pcgrad",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["loss/identity=triplet", "data.frames_per_sequence=2"],
            [],
            [4],
            id="triplet, frames in groups",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["loss/identity=focal", "loss/weighting=mgda_ub"], [], [1], id="focal, mgda", marks=pytest.mark.slow
        ),
        pytest.param(
            ["optimizer.warmup_steps=5", "optimizer.lr_drop_epochs=[1]"], [], [2, 4], id="rates", marks=pytest.mark.slow
        ),
        pytest.param([DROPOUT], ["data.num_workers=2"], [2], id="dropout"),
    ],
)
def test_whatever_a_run_carries_goes_on(train_tiny, run, monkeypatch, tmp_path, given, resumed_with, stops):
    if given == [DROPOUT]:
        given, original = [], module.build_fairmot

        def forgetful(**settings):
            network = original(**settings)
            network.neck.register_forward_hook(lambda part, _, maps: functional.dropout(maps, 0.5, part.training))
            return network

        monkeypatch.setattr(module, "build_fairmot", forgetful)
    quick = ["trainer.limit_val_batches=0", "logger.mode=disabled", *given]
    whole = train_tiny(*quick)
    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_end", stopped_at(stops))
        with pytest.raises(SystemExit):
            train_tiny(*quick, "name=stopped")
        (folder,) = (tmp_path / "outputs" / "stopped").iterdir()
        for _ in stops[1:]:
            with pytest.raises(SystemExit):
                run("train", f"resume={folder}")
        run("train", f"resume={folder}", *resumed_with)
    expected, found = weights(whole.folder), weights(folder)
    assert expected.keys() == found.keys()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    steps = [json.loads((ran / "capsule.json").read_text())["steps"] for ran in (whole.folder, folder)]
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume=nowhere"], r"resume=nowhere: nowhere/config.yaml is not there"),
    ],
)
def test_what_cannot_be_resumed(refused, arguments, message):
    assert message in refused("train", *arguments)


@pytest.mark.slow
def test_a_finished_run_can_be_made_longer(train_tiny, run):
    short, whole = train_tiny("trainer.max_epochs=1"), train_tiny("trainer.max_epochs=2")
    longer = run("train", f"resume={short.folder}", "trainer.max_epochs=2")
    looks = ("train/grad_", "train/identity_chance")  # taken every 50 steps: here in the first step alone
    assert longer.metrics == {key: value for key, value in whole.metrics.items() if not key.startswith(looks)}


def test_a_resumed_run_cannot_change_its_network(train_tiny, refused):
    trained = train_tiny("trainer.max_epochs=1")
    said = refused("train", f"resume={trained.folder}", "model.reid_dim=16", "trainer.max_epochs=2")
    assert "model.reid_dim=16 cannot go with resume=" in said
