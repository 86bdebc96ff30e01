"""Loggers that never stand in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from entries.wandb_run import read_wandb_runs
from fairmot_pl.training.dashboard.card import RunCard
from fairmot_pl.training.dashboard.settings import LoggerSettings
from fairmot_pl.training.dashboard.wandb_board import WandbBoard
from fairmot_pl.training.loggers import build_loggers, closed_loggers, has_wandb_account

CARD = RunCard(id="1", name="n", job_type="train", group=None, tags=(), store=".")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """A machine without an account."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")  # so that what a test leaves in it, as MLflow does, is taken back
        monkeypatch.delenv(name)
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
    loggers = list(build_loggers(tmp_path, LoggerSettings(mode=mode), CARD, config={}))
    assert [type(logger) for logger in loggers] == kinds


def test_unknown_mode(tmp_path):
    with pytest.raises(ValueError, match=r"logger.mode is 'on'; allowed: auto, online, offline, disabled"):
        list(build_loggers(tmp_path, LoggerSettings(mode="on"), CARD, config={}))


def test_no_board_at_all(tmp_path):
    loggers = list(build_loggers(tmp_path, LoggerSettings(kinds=[]), CARD, config={}))
    assert [type(logger) for logger in loggers] == [CSVLogger]


def test_a_store_of_mlflow_that_cannot_be_used_is_one_line(tmp_path):
    pytest.importorskip("mlflow")
    settings = LoggerSettings(kinds=["mlflow"], tracking_uri=f"file:{tmp_path / 'runs'}")
    with pytest.raises(ValueError, match=r"MLflow's store file:.* cannot be used: "):
        list(build_loggers(tmp_path, settings, CARD, config={}))


def mlflow_status(folder: Path) -> list[str]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow/mlflow.db'}")
    experiment = client.get_experiment_by_name("fairmot_pl")
    return [kept.info.status for kept in client.search_runs([experiment.experiment_id])]


def tensorboard_status(folder: Path) -> str:
    """What TensorBoard's page of hyper-parameters shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import PLUGIN_NAME, parse_session_end_info_plugin_data

    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    content = events.PluginTagToContent(PLUGIN_NAME)["_hparams_/session_end_info"]
    return Status.Name(parse_session_end_info_plugin_data(content).status)


@pytest.fixture
def other_boards():
    """Those of an extra."""
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")


@pytest.mark.parametrize(
    ("error", "mlflow", "exit_code"), [(OSError("the disk is full"), "FAILED", 1), (SIGTERMException(), "KILLED", 255)]
)
@pytest.mark.usefixtures("other_boards")
def test_a_run_ends_on_its_boards_as_its_work_ends_and_not_as_its_training(
    tmp_path, monkeypatch, error, mlflow, exit_code
):
    monkeypatch.setenv("WANDB_MODE", "offline")
    settings = LoggerSettings(kinds=["wandb", "tensorboard", "mlflow"])

    def work(failing: BaseException | None) -> None:
        with closed_loggers(build_loggers(tmp_path, settings, CARD, config={"config": {"a": 1}})) as loggers:
            for logger in loggers:
                logger.log_metrics({"train/loss": 1.0}, 0)
                logger.finalize("success")  # as a trainer does after the fit
            assert mlflow_status(tmp_path) == ["RUNNING"]
            if failing:
                raise failing

    with pytest.raises(type(error)):
        work(error)
    assert mlflow_status(tmp_path) == [mlflow]
    assert tensorboard_status(tmp_path) == "STATUS_FAILURE"
    assert [found.exit_code for found in read_wandb_runs(tmp_path)] == [exit_code]
    work(None)  # resumed
    assert mlflow_status(tmp_path) == ["FINISHED"]
    assert tensorboard_status(tmp_path) == "STATUS_SUCCESS"


@pytest.mark.usefixtures("other_boards")
def test_a_board_that_cannot_be_opened_fails_the_run_on_the_others(tmp_path):
    settings = LoggerSettings(kinds=["tensorboard", "mlflow"], tracking_uri=f"file:{tmp_path / 'runs'}")
    with (
        pytest.raises(ValueError, match="cannot be used"),
        closed_loggers(build_loggers(tmp_path, settings, CARD, config={})),
    ):
        pass
    assert tensorboard_status(tmp_path) == "STATUS_FAILURE"


@pytest.mark.usefixtures("other_boards")
def test_a_board_that_cannot_be_told_how_the_run_ended_costs_nothing_but_a_line(tmp_path, monkeypatch, caplog):
    settings = LoggerSettings(kinds=["tensorboard", "mlflow"])
    with closed_loggers(build_loggers(tmp_path, settings, CARD, config={})) as loggers:
        monkeypatch.setattr(loggers[1].experiment, "close", lambda: 1 / 0)
    assert mlflow_status(tmp_path) == ["FINISHED"]
    assert "TensorBoardBoard could not be told that the run is finished: division by zero" in caplog.text


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
