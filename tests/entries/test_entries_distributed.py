"""Two processes give the figures of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from entries.conftest import SMALL_NET, TINY

LOOSE = [
    *("tracker.score_threshold=0.02", "tracker.new_track_threshold=0.02"),
    *("callbacks.tracking.min_box_area=0", "callbacks.tracking.max_aspect_ratio=50"),
]
"""So that a network that has learnt nothing has tracks, too."""

ONE = [each for each in TINY if not each.startswith("trainer.devices")]


def command(folder: Path, entry: str, *arguments: str) -> dict[str, float]:
    """Run a command in processes of its own; returns its figures."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE")
    }
    environment |= {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
    done = subprocess.run(
        [sys.executable, "-m", f"fairmot_pl.{entry}", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = [line for line in done.stdout.splitlines() if line.startswith("results: ")]
    assert len(results) == 1, done.stdout
    return json.loads((folder / results[0].removeprefix("results: ") / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("frames", "again"),
    [
        pytest.param([5, 5], True, marks=pytest.mark.slow, id="equal shares, replayed"),
        pytest.param([3, 9], True, marks=pytest.mark.slow, id="unequal shares, replayed"),
        pytest.param([3, 9], False, id="unequal shares"),
    ],
)
def test_validation_of_two_processes_equals_that_of_one(run, checkpoint, world_root, tmp_path, frames, again):
    data = [f"data.root={world_root}", *ONE, f"data.synthetic.val_frames={frames[1]}", "data.val_batch_size=2"]
    if frames[0] != frames[1]:
        data.append("data.synthetic.val=3")
    given = [
        f"checkpoint={checkpoint}",
        *data,
        "callbacks.media.frames=2",
        *LOOSE,
    ]
    alone = run("evaluate", *given, "trainer.devices=1", "outputs_cache=off").metrics
    two = [*given, "trainer.devices=2", "outputs_cache=kept"]
    together = command(tmp_path, "evaluate", *two, "name=two")
    entries = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.npz")}
    replayed = command(tmp_path, "evaluate", *two, "name=replayed") if again else together
    assert alone == together == replayed
    assert len(entries) == (2 if frames[0] == frames[1] else 3)
    assert entries == {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.npz")}
    assert alone["val/GT_Dets"] > 0
    assert alone["val/Dets"] > 0


def test_training_in_two_processes(world_root, tmp_path):
    figures = command(
        *(tmp_path, "train", "+experiment=synthetic", f"data.root={world_root}", *ONE, *SMALL_NET),
        *("trainer.devices=2", "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "callbacks.media.frames=0"),
        *("data.batch_size=1",),
    )
    assert "val/HOTA" in figures
    assert "train/loss/total" in figures
