"""Run the commands in this process, on worlds a few pixels wide."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

from fairmot_pl.training.checkpoint import write_checkpoint
from fairmot_pl.training.module import FairMOTModule

TINY = [
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "data.synthetic.train=1",
    "data.synthetic.val=2",
    "data.synthetic.frames=6",
    "data.synthetic.val_frames=6",
    "data.synthetic.people=3",
    "data.synthetic.occluders=0",
    "data.synthetic.image_size=[96,160]",
    "data.input_size=[96,160]",
    "data.batch_size=2",
    "data.num_workers=0",
]
SMALL_NET = [
    "model.backbone=mobilenetv3_small_050",
    "model.reid_dim=8",
    "model.head_channels=8",
    "model.deformable=false",
    "model.pretrained=false",
]
SHORT = [
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=1",
    "callbacks.media.frames=3",
    "optimizer.warmup_steps=0",
]
LOOSE = [
    *("tracker.score_threshold=0.02", "tracker.new_track_threshold=0.02"),
    *("callbacks.tracking.min_box_area=0", "callbacks.tracking.max_aspect_ratio=50", "callbacks.media.frames=0"),
]
"""So that a network that has learnt nothing has tracks, too."""


@dataclass
class Ran:
    """What a command printed and left."""

    out: str
    err: str
    folder: Path

    @property
    def metrics(self) -> dict[str, float]:
        return json.loads((self.folder / "metrics.json").read_text())


@pytest.fixture(scope="session")
def world_root(tmp_path_factory) -> Path:
    """One rendered world for all tests of the session."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture
def run(tmp_path, monkeypatch, capfd) -> Callable[..., Ran]:
    """`run("train", "+experiment=synthetic", ...)` as the command line would, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("FAIRMOT_DEBUG", raising=False)

    def command(entry: str, *arguments: str) -> Ran:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", [entry, *arguments])
        import_module(f"fairmot_pl.{entry}").main()
        printed = capfd.readouterr()
        last = printed.out.strip().splitlines()[-1]
        assert last.startswith("results: "), printed.out
        return Ran(printed.out, printed.err, tmp_path / last.removeprefix("results: "))

    return command


@pytest.fixture
def train_tiny(run, world_root) -> Callable[..., Ran]:
    """Train on the tiny world; further overrides win."""

    def command(*overrides: str) -> Ran:
        return run("train", "+experiment=synthetic", f"data.root={world_root}", *TINY, *SMALL_NET, *SHORT, *overrides)

    return command


@pytest.fixture
def refused(run, capfd) -> Callable[..., str]:
    """Run a command that must fail; returns the one line it says."""

    def command(entry: str, *arguments: str) -> str:
        with pytest.raises(SystemExit) as stop:
            run(entry, *arguments)
        assert stop.value.code == 1
        said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(said) == 1, said
        return said[0]

    return command


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A network that has learnt nothing."""
    torch.manual_seed(0)
    module = FairMOTModule(
        **{"num_identities": 0, "backbone": "mobilenetv3_small_050", "reid_dim": 8, "box_encoding": "ltrb"},
        **{"deformable": False, "num_classes": 1, "head_channels": 8, "pretrained": False, "score_threshold": 0.01},
        **{"heatmap_weight": 1.0, "size_weight": 1.0, "offset_weight": 1.0, "weighting": "fixed"},
        **{"weighting_options": {}, "learning_rate": 0.1, "lr_drop_epochs": [], "lr_drop_factor": 0.1},
    )
    write_checkpoint(module, tmp_path / "random.ckpt")
    return tmp_path / "random.ckpt"
