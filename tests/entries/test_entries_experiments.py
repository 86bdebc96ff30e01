"""Every shipped experiment runs on tiny generated data."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from entries.conftest import SHORT, SMALL_NET
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.seqinfo import read_seqinfo, write_seqinfo

LIGHTER = [
    *SMALL_NET,
    *SHORT,
    *("trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=1", "trainer.limit_train_batches=2"),
    *("data.input_size=[96,160]", "data.batch_size=2", "data.num_workers=0", "logger.mode=disabled"),
]


@pytest.fixture(scope="module")
def mot17(tmp_path_factory):
    """Two sequences in MOT17's layout, with the names of two detectors' copies."""
    root = tmp_path_factory.mktemp("MOT17")
    render_dataset(root, train=1, val=0, frames=8, people=3, image_size=(96, 160))
    for detector in ("SDP", "FRCNN"):
        name = f"MOT17-02-{detector}"
        shutil.copytree(root / "train" / "SYN-01", root / "train" / name)
        info = read_seqinfo(root / "train" / name / "seqinfo.ini")
        write_seqinfo(root / "train" / name / "seqinfo.ini", type(info)(**{**info.__dict__, "name": name}))
    shutil.rmtree(root / "train" / "SYN-01")
    return root


@pytest.fixture(scope="module")
def crowdhuman(tmp_path_factory):
    root = tmp_path_factory.mktemp("CrowdHuman")
    (root / "Images").mkdir()
    for part, count in (("train", 3), ("val", 1)):
        lines = []
        for number in range(count):
            name = f"{part}{number}"
            cv2.imwrite(str(root / "Images" / f"{name}.jpg"), np.full((96, 160, 3), 90, np.uint8))
            boxes = [{"tag": "person", "fbox": [10 + 30 * k, 20, 20, 60], "extra": {}} for k in range(3)]
            lines.append(json.dumps({"ID": name, "gtboxes": boxes}))
        (root / f"annotation_{part}.odgt").write_text("\n".join(lines))
    return root


@pytest.mark.parametrize("experiment", ["mot17_half", pytest.param("mot17", marks=pytest.mark.slow)])
def test_mot17(run, mot17, experiment):
    ran = run("train", f"+experiment={experiment}", f"data.root={mot17}", *LIGHTER)
    assert "val/HOTA" in ran.metrics
    assert [path.name for path in (ran.folder / "tracks").iterdir()] == ["MOT17-02-SDP.txt"]
    warned = "validation frames are training frames too" in ran.out + ran.err
    assert warned == (experiment == "mot17")


def test_crowdhuman(run, crowdhuman):
    ran = run("train", "+experiment=crowdhuman", f"data.root={crowdhuman}", *LIGHTER)
    assert json.loads((ran.folder / "provenance.json").read_text())["data"]["identities"] == 12
    assert ran.metrics["train/loss/reid"] > 0


def test_overfit(run, mot17):
    sequences = "sequences=[MOT17-02-FRCNN]"
    ran = run(
        *("train", "+experiment=overfit", f"data.root={mot17}", *LIGHTER),
        *(f"data.train.folder.{sequences}", f"data.val.folder.{sequences}"),
    )
    assert "val/HOTA" in ran.metrics


def test_the_papers_network_runs_as_configured(run, mot17):
    ran = run(
        *("train", "+experiment=mot17_half", f"data.root={mot17}", *LIGHTER, "model.backbone=dla34"),
        *("model.deformable=true", "data.input_size=[64,96]", "trainer.limit_train_batches=1"),
    )
    assert "train/loss/total" in ran.metrics


def test_on_real_mot17_frames(run, real_data):
    ran = run(
        *("train", "+experiment=mot17", f"data.root={real_data / 'MOT17-mini'}", *LIGHTER),
        *("data.input_size=[160,288]", "data.val_batch_size=2"),
    )
    assert len(list((ran.folder / "tracks").iterdir())) == 7
    assert ran.metrics["val/GT_Dets"] > 0
