"""Checkpoints: found, read, refused."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import torch

from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.models.weights import load_fairmot, to_reference_state_dict
from fairmot_pl.training.checkpoint import (
    CheckpointError,
    find_checkpoint,
    load_module,
    start_from,
    trained_input_size,
    write_checkpoint,
)
from fairmot_pl.training.module import FairMOTModule


def module(**changes):
    values = {
        "num_identities": 5,
        "backbone": "mobilenetv3_small_050",
        "reid_dim": 8,
        "box_encoding": "ltrb",
        "deformable": False,
        "num_classes": 1,
        "head_channels": 8,
        "pretrained": False,
        "heatmap_weight": 1.0,
        "size_weight": 0.1,
        "offset_weight": 1.0,
        "weighting": "uncertainty",
        "weighting_options": {"detection": -1.85, "reid": -1.05},
        "learning_rate": 1e-4,
        "lr_drop_epochs": [20],
        "lr_drop_factor": 0.1,
    }
    return FairMOTModule(**{**values, **changes})


@pytest.fixture
def saved(tmp_path):
    from pytorch_lightning import Trainer

    made = module()
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path)
    trainer.strategy.connect(made)
    path = tmp_path / "checkpoints" / "best.ckpt"
    trainer.save_checkpoint(path)
    return made, path


def test_classifier_and_loss_weights_are_in_the_checkpoint(saved):
    made, path = saved
    again = load_module(path)
    assert again.state_dict().keys() == made.state_dict().keys()
    assert any("identity" in key for key in made.state_dict())
    assert any("weighting" in key for key in made.state_dict())
    for key, value in made.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_loads_in_a_fresh_process_under_weights_only(saved):
    _, path = saved
    code = (
        "from fairmot_pl.training.module import FairMOTModule; "
        f"found = FairMOTModule.load_from_checkpoint({str(path)!r}, map_location='cpu', weights_only=True); "
        "print(found.hparams.reid_dim)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "8"


def test_the_folder_of_a_run_stands_for_its_best_checkpoint(saved, tmp_path):
    assert find_checkpoint(tmp_path) == saved[1]


def test_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match=r"a folder without checkpoints/best.ckpt"):
        find_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"nowhere.ckpt is not there"):
        find_checkpoint(tmp_path / "nowhere.ckpt")


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_truncated(saved, kept):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(
        CheckpointError, match=r"best.ckpt cannot be read as weights: it is (empty|damaged or cut short)"
    ):
        load_module(path)


def test_foreign(tmp_path):
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="not one of this package's training runs"):
        load_module(tmp_path / "other.ckpt")


def test_start_from_takes_the_network_alone(saved):
    made, path = saved
    fresh = module(num_identities=9)
    classifier = {key: value.clone() for key, value in fresh.loss.state_dict().items()}
    start_from(fresh, path)
    for key, value in made.model.state_dict().items():
        assert torch.equal(value, fresh.model.state_dict()[key])
    for key, value in classifier.items():
        assert torch.equal(value, fresh.loss.state_dict()[key])


def test_another_reid_dim_is_named(saved):
    with pytest.raises(CheckpointError, match=r"has reid_dim=8, this run has model.reid_dim=16; set model.reid_dim=8"):
        start_from(module(reid_dim=16), saved[1])


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"neck": "csp"}, "neck"), ({"box_encoding": "wh"}, "box_encoding"), ({"head_channels": 4}, "head_channels")],
)
def test_any_other_difference_is_named_too(saved, changes, key):
    with pytest.raises(CheckpointError, match=rf"this run has model\.{key}="):
        start_from(module(**changes), saved[1])


def test_a_start_from_a_detector_says_what_stays_fresh(tmp_path, caplog):
    light = {"backbone": "resnet18", "neck": "deconv", "deformable": False, "head_channels": 8}
    detector = build_fairmot(**light, num_classes=80, box_encoding="wh")
    state = {key: value for key, value in to_reference_state_dict(detector).items() if not key.startswith("id.")}
    path = tmp_path / "ctdet.pth"
    torch.save({"epoch": 1, "state_dict": state}, path)
    fresh = module(**light)
    with caplog.at_level(logging.INFO, logger="fairmot_pl"):
        report = start_from(fresh, path)
    said = "\n".join(record.getMessage() for record in caplog.records)
    for part in (
        "detection_head.heatmap.2.weight, detection_head.heatmap.2.bias, detection_head.size.2.weight",
        "reid_head.embedding.0.weight, reid_head.embedding.0.bias",
        "not from the file: a detector has no re-ID head",
    ):
        assert part in said
    assert torch.equal(fresh.model.detection_head.offset[2].weight, state["reg.2.weight"])
    assert len(report.fresh) == 4 + 4 + 2


def test_a_module_that_no_trainer_holds_is_written_as_a_checkpoint(tmp_path):
    made, path = module(num_identities=0), tmp_path / "made.ckpt"
    write_checkpoint(made, path)
    for again in (
        load_module(path).model,
        load_fairmot(path),
        FairMOTModule.load_from_checkpoint(path, weights_only=True).model,
    ):
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in made.model.state_dict().items())
    assert trained_input_size(path) is None
    with pytest.raises(FileExistsError, match="is there already"):
        write_checkpoint(made, path)
