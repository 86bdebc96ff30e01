"""Releases become checkpoints that every command takes, and checkpoints become releases."""

from __future__ import annotations

import json

import pytest
import torch

from entries.conftest import SHORT, SMALL_NET, TINY
from fairmot_pl import import_weights
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.models.weights import load_fairmot, to_reference_state_dict
from fairmot_pl.training.checkpoint import write_checkpoint

LIGHT = {"backbone": "yolov5s", "neck": "csp", "deformable": False, "reid_dim": 64, "head_channels": 64}
LIGHT_KEYS = [f"model.{key}={value}" for key, value in LIGHT.items()]


@pytest.fixture
def release(tmp_path):
    """A release of the light network, and the network."""
    torch.manual_seed(0)
    model = build_fairmot(**LIGHT).eval()
    path = tmp_path / "light.pth"
    state = {f"module.{key}": value for key, value in to_reference_state_dict(model).items()}
    torch.save({"epoch": 30, "state_dict": state, "optimizer": {"state": {}}}, path)
    return path, model


def equal(first, second):
    return all(torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items())


def test_report_and_checkpoint(run, release):
    path, model = release
    ran = run("import_weights", str(path))
    assert ran.folder == path.parent
    for line in (
        "backbone       yolov5s",
        "neck           csp, plain convolutions",
        "reid_dim       64",
        "box_encoding   ltrb",
        f"parameters     {sum(p.numel() for p in model.parameters()):,}",
        "334 tensors read, 334 of them renamed",
        "2 not in the file",
        "epoch: 30, told here and not used",
    ):
        assert line in ran.out
    assert f"next: python -m fairmot_pl.track source=VIDEO_OR_FOLDER checkpoint={path.with_suffix('.ckpt')}" in ran.out
    loaded = load_fairmot(path.with_suffix(".ckpt"))
    assert equal(model, loaded)
    assert loaded.config == model.config


def test_every_command_takes_the_checkpoint(run, release, world_root, tmp_path):
    path, model = release
    imported = run("import_weights", str(path), "--output", "new/imported.ckpt").folder / "imported.ckpt"
    data = [f"data.root={world_root}", *TINY]
    scores = run("evaluate", f"checkpoint={imported}", *data).metrics
    assert 0 <= scores["val/HOTA"] <= 1
    render_dataset(tmp_path / "set", train=1, val=0, frames=3, people=2, image_size=(96, 160))
    source = tmp_path / "set" / "train" / "SYN-01" / "img1"
    tracked = run("track", f"source={source}", f"checkpoint={imported}", "input_size=[96,160]", "video=false")
    assert "tracks" in tracked.metrics
    base = [each for each in SMALL_NET if each.partition("=")[0] not in "".join(LIGHT_KEYS)]
    started = run(
        *("train", "+experiment=synthetic", *data, *base, *SHORT, *LIGHT_KEYS, f"model.init_from={imported}"),
        "model.pretrained=true",  # of no use with a start, so nobody asks for it
        *(
            "trainer.max_epochs=1",
            "optimizer.learning_rate=0.0",
            "callbacks.media.frames=0",
            "optimizer.ema_decay=null",
        ),
    )
    assert not any("ImageNet" in note for note in json.loads((started.folder / "provenance.json").read_text())["notes"])
    trained = load_fairmot(started.folder / "checkpoints" / "last.ckpt")
    assert torch.equal(trained.reid_head.embedding[2].weight, model.reid_head.embedding[2].weight)
    back = run("import_weights", str(started.folder), "--to-reference", "--output", str(tmp_path / "back.pth"))
    assert "tensors under the reference's names, bit for bit" in back.out
    assert "left out" not in back.out
    assert equal(load_fairmot(back.folder / "back.pth"), trained)


def test_nothing_is_overwritten_and_nothing_converted_twice(run, refused, release):
    path, _ = release
    run("import_weights", str(path))
    checkpoint = path.with_suffix(".ckpt")
    before = checkpoint.stat().st_mtime_ns
    assert "light.ckpt is there already and stays" in refused("import_weights", str(path))
    assert checkpoint.stat().st_mtime_ns == before
    assert "a checkpoint of this package already; --to-reference" in refused("import_weights", str(checkpoint))
    assert "is in the reference's layout already" in refused(
        "import_weights", str(path), "--to-reference", "--output", "other.pth"
    )


def test_what_a_release_has_beside_and_an_export_has_not_is_named(run, tmp_path):
    write_checkpoint(import_weights.as_module(build_fairmot(deformable=False)), tmp_path / "dla.ckpt")
    said = run("import_weights", str(tmp_path / "dla.ckpt"), "--to-reference").out
    assert "left out: ImageNet classifier (base.fc.weight, base.fc.bias)" in said
    assert "left out: projection that the reference computes but never uses (base.level3.project.0.weight" in said


def test_what_cannot_be_imported(refused, release, tmp_path):
    path, _ = release
    assert "no weights file" in refused("import_weights", str(tmp_path / "absent.pth"))
    content = torch.load(path, weights_only=True)
    content["state_dict"] = {
        key: value for key, value in content["state_dict"].items() if not key.startswith("module.id.")
    }
    torch.save(content, tmp_path / "detector.pth")
    assert "it can start a training: model.init_from=FILE" in refused("import_weights", str(tmp_path / "detector.pth"))
    assert list(tmp_path.glob("*.ckpt")) == []


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        import_weights.main(["--help"])
    assert stop.value.code == 0
    assert "python -m fairmot_pl.import_weights fairmot_dla34.pth" in capsys.readouterr().out
