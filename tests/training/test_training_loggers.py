"""Loggers that never stand in the way."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
from pytorch_lightning.loggers import CSVLogger

from fairmot_pl.training.dashboard.card import RunCard
from fairmot_pl.training.dashboard.settings import LoggerSettings
from fairmot_pl.training.dashboard.wandb_board import WandbBoard
from fairmot_pl.training.loggers import build_loggers, has_wandb_account, merge_csv

CARD = RunCard(id="1", name="n", job_type="train", group=None, tags=(), store=".")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """A machine without an account."""
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)


def test_account_is_told_without_asking(monkeypatch, tmp_path):
    assert not has_wandb_account()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai\n  login user\n  password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert has_wandb_account()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not has_wandb_account()
    monkeypatch.delenv("WANDB_MODE")
    (tmp_path / ".netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert has_wandb_account()


@pytest.mark.parametrize(("mode", "kinds"), [("disabled", [CSVLogger]), ("auto", [CSVLogger, WandbBoard])])
def test_csv_is_always_there(tmp_path, mode, kinds):
    loggers = build_loggers(tmp_path, LoggerSettings(mode=mode), CARD, config={})
    assert [type(logger) for logger in loggers] == kinds


def test_unknown_mode(tmp_path):
    with pytest.raises(ValueError, match=r"logger.mode is 'on'; allowed: auto, online, offline, disabled"):
        build_loggers(tmp_path, LoggerSettings(mode="on"), CARD, config={})


def test_no_board_at_all(tmp_path):
    loggers = build_loggers(tmp_path, LoggerSettings(kinds=[]), CARD, config={})
    assert [type(logger) for logger in loggers] == [CSVLogger]


def test_a_store_of_mlflow_that_cannot_be_used_is_one_line(tmp_path):
    pytest.importorskip("mlflow")
    settings = LoggerSettings(kinds=["mlflow"], tracking_uri=f"file:{tmp_path / 'runs'}")
    with pytest.raises(ValueError, match=r"MLflow's store file:.* cannot be used: "):
        build_loggers(tmp_path, settings, CARD, config={})


OPEN = """
import sys
from pathlib import Path
from fairmot_pl.training.dashboard.mlflow_board import MLflowBoard
board = MLflowBoard(Path(sys.argv[1]), uri=None, run=sys.argv[2], experiment="p", name="n", tags={}, config={"a": 1},
                    keep_checkpoints=False)
for step in range(5):
    board.log_metrics({"x@1": step}, step)
"""


@pytest.mark.slow
def test_jobs_that_start_together_share_one_store_of_mlflow(tmp_path):
    tracking = pytest.importorskip("mlflow.tracking")
    jobs = [subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path), name]) for name in ("a", "b")]
    assert [job.wait(timeout=120) for job in jobs] == [0, 0]
    client = tracking.MlflowClient(f"sqlite:///{tmp_path / 'mlflow/mlflow.db'}")
    (experiment,) = (of.experiment_id for of in client.search_experiments() if of.name == "p")
    runs = client.search_runs([experiment])
    assert {run.data.tags["fairmot_pl.run"] for run in runs} == {"a", "b"}
    assert [run.data.metrics["x_at_1"] for run in runs] == [4, 4]


def part(folder, number, rows):
    path = folder / "logs" / f"part-{number}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=sorted({key for row in rows for key in row}))
        writer.writeheader()
        writer.writerows(rows)


def test_parts_of_a_resumed_run_are_joined(tmp_path):
    assert merge_csv(tmp_path) is None
    part(tmp_path, 1, [{"step": 1, "loss": 3}, {"step": 2, "loss": 2}, {"step": 3, "loss": 9}])
    part(tmp_path, 2, [{"step": 3, "loss": 1}, {"step": 4, "loss": 0, "val/HOTA": 0.5}])
    rows = list(csv.DictReader(merge_csv(tmp_path).open()))
    assert [(row["step"], row["loss"]) for row in rows] == [("1", "3"), ("2", "2"), ("3", "1"), ("4", "0")]
    assert rows[-1]["val/HOTA"] == "0.5"
