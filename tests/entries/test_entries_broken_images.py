"""Images that cannot be read in the middle of a run: it goes on, and says so; too many end it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from entries.conftest import SHORT, SMALL_NET
from fairmot_pl.data.synthetic import render_dataset

BASE = [
    *SMALL_NET,
    *SHORT,
    *("data=mot_folder", "trainer.accelerator=cpu", "trainer.devices=1", "data.input_size=[96,160]"),
    *("data.batch_size=2", "logger.mode=disabled"),
]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    render_dataset(root, train=1, val=0, frames=8, people=2, image_size=(96, 160))
    (root / "train" / "SYN-01" / "img1" / "000005.jpg").write_bytes(b"torn")
    return root


def weights(ran) -> np.ndarray:
    state = torch.load(ran.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return np.concatenate([value.double().flatten().numpy() for value in state.values()])


@pytest.mark.slow
def test_training_goes_on_and_says_so(run, folder):
    """The image trains and validates, so it is broken twice; workers and resuming change nothing."""
    runs = [
        run(*("train", *BASE, f"data.root={folder}", "data.max_broken_share=0.2", f"data.num_workers={workers}"))
        for workers in (0, 2)
    ]
    np.testing.assert_array_equal(*map(weights, runs))
    for ran in runs:
        assert ran.metrics["train/broken_images"] == 1
        notes = json.loads((ran.folder / "provenance.json").read_text())["notes"]
        assert any(note.startswith("1 training images could not be read") and "000005.jpg" in note for note in notes)
        assert any("1 validation images could not be read, tracked as an empty frame" in note for note in notes)
        assert "000005.jpg" in (ran.folder / "report.html").read_text()
        rows = (ran.folder / "tracks" / "SYN-01.txt").read_text().splitlines()
        assert not any(row.startswith("5,") for row in rows)
    again = run("train", f"resume={runs[0].folder}", "data.max_broken_share=0.5")
    assert again.metrics["train/broken_images"] == 1


@pytest.mark.parametrize(
    ("share", "allowed", "broken"),
    [("data.max_broken_share=0", "0 allows 0", 1), ("data.max_broken_share=0.01", "0.01 allows 1", 2)],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_too_many_end_the_run_with_one_line(refused, folder, share, allowed, broken, workers):
    for number in range(5, 5 + broken):
        (folder / "train" / "SYN-01" / "img1" / f"{number:06d}.jpg").write_bytes(b"torn")
    said = refused("train", *BASE, f"data.root={folder}", share, f"data.num_workers={workers}", "data.val=null")
    assert f"{broken} of 8 training images cannot be read" in said
    assert f"data.max_broken_share={allowed}" in said
    assert "000005.jpg: not a readable image (4 bytes)" in said


@pytest.mark.parametrize("key", ["data.max_broken_share=1.5", "data.max_broken_share=few", "data.cache=true"])
def test_shares_and_caches_that_cannot_be_meant(refused, folder, key):
    assert key.partition("=")[0] in refused("train", *BASE, f"data.root={folder}", key)
