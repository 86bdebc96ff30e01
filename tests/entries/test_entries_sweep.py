"""Several runs of one command: none leaks into the next, stopped ones go on, and they are compared."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from entries.conftest import SMALL_NET, TINY
from entries.wandb_run import read_wandb_runs
from fairmot_pl.config.launching import STOP_MARK
from fairmot_pl.training.callbacks.throughput import Throughput

QUICK = ["trainer.max_epochs=1", "callbacks.media.frames=0"]


def figures(sweep: Path) -> dict[str, dict[str, float]]:
    """What the validations of a sweep's jobs gave, by the job's folder."""
    found = {path.parent.name: json.loads(path.read_text()) for path in sweep.glob("*/metrics.json")}
    return {
        name: {key: value for key, value in metrics.items() if key.startswith("val/") and "per_second" not in key}
        for name, metrics in sorted(found.items())
    }


@pytest.mark.slow
def test_four_runs_of_a_multirun(train_tiny):
    axes = ["model.reid_dim=4,8", "loss/weighting=uncertainty,fixed"]
    swept = train_tiny("-m", *axes, *QUICK)
    runs = {path.parent.name for path in swept.folder.rglob("metrics.json")}
    assert runs == {f"weighting-{name}_reid_dim-{dim}" for dim in (4, 8) for name in ("uncertainty", "fixed")}
    table = (swept.folder / "comparison.md").read_text()
    assert all(name in swept.out and name in table for name in runs)
    recorded = read_wandb_runs(swept.folder)
    assert len(recorded) == 4
    assert {run.group for run in recorded} == {swept.folder.name}
    assert {tag for run in recorded for tag in run.tags} >= {"reid_dim=4", "reid_dim=8", "weighting=fixed"}
    assert [run.exit_code for run in recorded] == [0] * 4


@pytest.mark.slow
def test_a_second_job_equals_a_first_one(train_tiny):
    swept = train_tiny("-m", "seed=4,5", *QUICK, "model.reid_dim=8")
    alone = train_tiny("seed=5", *QUICK)
    assert (swept.folder / "seed-5" / "metrics.json").read_text() == (alone.folder / "metrics.json").read_text()


def test_a_failed_job_does_not_stop_the_others(train_tiny, capfd):
    with pytest.raises(SystemExit):
        train_tiny("-m", "data.val.synthetic.path=nowhere,val", *QUICK)
    printed = capfd.readouterr()
    assert "nowhere: no such folder" in printed.err
    assert "failed" in printed.out
    assert "path-nowhere: failed (" in printed.out
    assert "next: python -m fairmot_pl.train resume=outputs/sweeps/" in printed.out


@pytest.mark.slow
def test_processes_give_what_one_after_the_other_gives(train_tiny):
    ablation = ["+ablation=reid_dim", "model.reid_dim=4", *QUICK]
    basic = figures(train_tiny(*ablation).folder)
    assert list(basic) == ["seed-1", "seed-2"]
    joblib = train_tiny(*ablation, "name=joblib", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    submitit = train_tiny(*ablation, "name=submitit", "hydra/launcher=submitit_local")
    for swept in (joblib, submitit):
        assert figures(swept.folder) == basic
        assert [run.exit_code for run in read_wandb_runs(swept.folder)] == [0, 0]
        assert "seed" in (swept.folder / "comparison.csv").read_text()


@pytest.mark.slow
def test_stopped_in_its_second_job_and_resumed_it_ends_as_if_it_had_not(train_tiny, run, monkeypatch, tmp_path, capfd):
    given = ["-m", "seed=1,2", "callbacks.media.frames=0"]
    whole = figures(train_tiny(*given).folder)
    original = Throughput.on_train_batch_end

    def interrupting(self, trainer, *rest):
        original(self, trainer, *rest)
        if trainer.global_step == 4 and trainer.default_root_dir.endswith("seed-2"):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_end", interrupting)
        with pytest.raises(SystemExit) as stop:
            train_tiny(*given, "name=stopped")
    assert stop.value.code == 130
    (folder,) = (tmp_path / "outputs" / "sweeps" / "stopped").iterdir()
    said = capfd.readouterr().err
    assert f"to go on: python -m fairmot_pl.train resume={folder.relative_to(tmp_path)}\n" in said
    assert "seed-2" not in said.partition("to go on")[2]
    assert [run.exit_code for run in read_wandb_runs(folder)] == [0, 255]
    with (folder / "seed-2" / "logs" / "part-1" / "metrics.csv").open(newline="") as stream:
        assert (
            max(int(row["step"]) for row in csv.DictReader(stream)) == 2
        )  # every third is logged; it ended at the fourth
    finished = (folder / "seed-1" / "report.html").stat().st_mtime_ns

    resumed = run("train", f"resume={folder.relative_to(tmp_path)}")
    assert "seed-1: finished, skipped" in resumed.out
    assert "seed-2: stopped, goes on where it was" in resumed.out
    assert (folder / "seed-1" / "report.html").stat().st_mtime_ns == finished
    assert figures(folder) == whole
    assert read_wandb_runs(folder)[-1].exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_ctrl_c_reaches_jobs_in_other_processes(tmp_path, world_root, launcher):
    sweep, process = started(tmp_path, world_root, launcher)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Ctrl-C: no further job begins" in said
    assert f"to go on: python -m fairmot_pl.train resume={sweep}" in said
    assert not (sweep / STOP_MARK).exists()
    assert [run.exit_code for run in read_wandb_runs(sweep)] == [255, 255]
    assert sorted(path.name for path in sweep.glob("seed-*") if (path / "config.yaml").exists()) == ["seed-1", "seed-2"]


@pytest.mark.slow
def test_a_killed_process_ends_the_sweep_with_a_line(tmp_path, world_root):
    sweep, process = started(tmp_path, world_root, "joblib")
    workers = [child for child in psutil.Process(process.pid).children() if "LokyProcess" in " ".join(child.cmdline())]
    workers[0].kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: the sweep broke off: A worker process managed by the executor was unexpectedly terminated" in said
    assert f"to go on: python -m fairmot_pl.train resume={sweep}" in said
    assert "Traceback" not in said
    assert len(read_wandb_runs(sweep)) == 2  # readable up to the end


def started(folder: Path, world: Path, launcher: str) -> tuple[Path, subprocess.Popen[str]]:
    """A sweep of three jobs, two of them at work and with a resume point; it leads a process group of its own."""
    sweep = folder / "sweep"
    command = [
        *(
            sys.executable,
            "-m",
            "fairmot_pl.train",
            "-m",
            "+experiment=synthetic",
            f"data.root={world}",
            *TINY,
            *SMALL_NET,
        ),
        *("trainer.max_epochs=500", "trainer.check_val_every_n_epoch=500", "seed=1,2,3", f"hydra.sweep.dir={sweep}"),
        *("callbacks.media.frames=0", f"hydra/launcher={launcher}"),
        "hydra.launcher.n_jobs=2" if launcher == "joblib" else "hydra.sweeper.max_batch_size=2",
    ]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 180
    while len(list(sweep.glob("*/checkpoints/last.ckpt"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.2)
    return sweep, process
