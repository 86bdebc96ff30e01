"""A run stopped by Ctrl-C and resumed ends where one that was not stopped ends."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from fairmot_pl.training.callbacks.throughput import Throughput
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences


def weights(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("averaging", ["null", "0.9"])
@pytest.mark.parametrize(
    ("where", "when"),
    [
        pytest.param("step", 2, id="in an epoch"),
        pytest.param("step", 3, id="at its last step"),
        pytest.param("validation", 1, id="in validation"),
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume=nowhere"], r"resume=nowhere: nowhere/config.yaml is not there"),
    ],
)
def test_what_cannot_be_resumed(refused, arguments, message):
    assert message in refused("train", *arguments)


def test_a_finished_run_can_be_made_longer(train_tiny, run):
    short, whole = train_tiny("trainer.max_epochs=1"), train_tiny("trainer.max_epochs=2")
    longer = run("train", f"resume={short.folder}", "trainer.max_epochs=2")
    looks = ("train/grad_", "train/identity_chance")  # taken every 50 steps: here in the first step alone
    assert longer.metrics == {key: value for key, value in whole.metrics.items() if not key.startswith(looks)}


def test_a_resumed_run_cannot_change_its_network(train_tiny, refused):
    trained = train_tiny("trainer.max_epochs=1")
    said = refused("train", f"resume={trained.folder}", "model.reid_dim=16", "trainer.max_epochs=2")
    assert "model.reid_dim=16 cannot go with resume=" in said
