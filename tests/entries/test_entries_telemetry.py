"""What a run says about its own losses, and how it ends when they are no numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from entries.conftest import SHORT, SMALL_NET, TINY
from entries.wandb_run import read_wandb_runs
from fairmot_pl.reporting.metrics_log import read_metrics
from fairmot_pl.reporting.run_records import read_run


def test_a_run_records_gradients_cost_and_diagnosis(train_tiny):
    ran = train_tiny("callbacks.fairness.every_n_steps=2", "callbacks.media.frames=0")
    log = read_metrics(ran.folder / "metrics.csv")
    assert log.series("train/grad_norm_det")[0].tolist() == [0, 2, 4]
    assert -1 <= log.last("train/grad_cosine") <= 1
    assert log.last("train/identity_chance") == 1 / read_run(ran.folder).recorded("data", "identities")
    assert log.last("val/frames_per_second") > 0
    assert ran.metrics["train/grad_share_reid"] == pytest.approx(log.last("train/grad_share_reid"), rel=1e-5)
    assert read_run(ran.folder).recorded("model", "embedding_bytes") == 4 * 8
    assert read_run(ran.folder).recorded("model", "parameters") > 1000
    line = "too early to tell: 2 logged steps"
    assert f"doctor: {line}" in ran.out + ran.err
    assert f"Loss doctor: {line}" in (ran.folder / "report.html").read_text()
    (recorded,) = read_wandb_runs(ran.folder)
    assert any(row.get("train/doctor", "").startswith("too early") for row in recorded.history)


def test_a_run_whose_loss_explodes_stops_with_one_line_and_its_batch(refused, world_root, tmp_path):
    said = refused(
        *("train", "+experiment=synthetic", f"data.root={world_root}", *TINY, *SMALL_NET, *SHORT),
        *("optimizer.learning_rate=1e30", "logger.mode=disabled", "hydra.run.dir=exploded"),
    )
    assert "the loss is no finite number at step" in said
    folder = tmp_path / "exploded"
    facts = json.loads((folder / "nonfinite_batch.json").read_text())
    assert len(facts["images"]) == 2
    assert all(Path(path).is_file() for path in facts["images"])
    with np.load(folder / "nonfinite_batch.npz", allow_pickle=False) as arrays:
        assert arrays["images"].shape == (2, 3, 96, 160)
        assert arrays["images"].dtype == np.uint8
