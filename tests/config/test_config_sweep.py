"""What a sweep runs, and what it leaves alone; the jobs are stand-ins that write what a run leaves behind."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import get_class
from omegaconf import OmegaConf

from fairmot_pl import convert, train
from fairmot_pl.compare import CompareSweep
from fairmot_pl.config import launching
from fairmot_pl.config.entry import Outcome, output_folder
from fairmot_pl.config.folders import conf_dir
from fairmot_pl.config.jobs import JobState, alone_in, read_job
from fairmot_pl.config.launching import at_a_time, shared_cores
from fairmot_pl.config.sweep import FailedJobs
from fairmot_pl.data.workers import usable_cores

SWEEP = "sweep"
GRID = ["+experiment=synthetic", "model.reid_dim=4,8", "seed=1,2"]
SEEDS = ["+experiment=synthetic", "seed=1,2"]
NAMES = [f"reid_dim-{dim}_seed-{seed}" for dim in (4, 8) for seed in (1, 2)]


def figures(config) -> float:
    return 0.1 * config.seed + 0.001 * config.model.reid_dim


class Jobs:
    """Stands in for the training of `fairmot_pl.train`: what it is asked for, and where it is to fail."""

    def __init__(self):
        self.ran: list[str] = []
        self.resumed: list[str] = []
        self.trouble: dict[str, BaseException] = {}
        self.objective = figures

    def __call__(self, config) -> Outcome:
        folder = output_folder()
        self.ran.append(folder.name)
        self.resumed += [folder.name] if config.resume else []
        (folder / "config.yaml").write_text(yaml.safe_dump({"seed": config.seed, "reid_dim": config.model.reid_dim}))
        for name, error in self.trouble.items():
            if name in folder.name:
                raise error
        value = self.objective(config)
        (folder / "metrics.json").write_text(json.dumps({"val/HOTA": value}))
        (folder / "report.html").write_text("<p>")
        return Outcome(folder, objective=value)


@pytest.fixture
def jobs(monkeypatch) -> Jobs:
    made = Jobs()
    monkeypatch.setattr(train, "train", made)
    return made


@pytest.fixture
def launch(jobs, monkeypatch, tmp_path, capfd):
    """Launch a sweep as the command line would: exit status, and what it says on both streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRMOT_DEBUG", raising=False)

    def command(*arguments: str, folder: str | None = SWEEP) -> tuple[int, str]:
        GlobalHydra.instance().clear()
        jobs.ran, jobs.resumed = [], []
        into = [f"hydra.sweep.dir={folder}"] if folder else []
        monkeypatch.setattr(sys, "argv", ["train", *arguments, *into])
        status = 0
        try:
            train.main()
        except SystemExit as end:
            status = end.code
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return command


def again(launch, *more: str) -> tuple[int, str]:
    return launch(f"resume={SWEEP}", *more, folder=None)


def test_an_ablation_is_crossed_with_seeds(launch, jobs):
    status, said = launch("+experiment=synthetic", "+ablation=reid_dim")
    assert status == 0, said
    assert jobs.ran == [f"reid_dim-{dim}_seed-{seed}" for dim in (32, 64, 128, 256, 512) for seed in (1, 2)]
    launch("+experiment=synthetic", "+ablation=reid_dim", "model.reid_dim=16,32", "seed=3", folder="other")
    assert jobs.ran == ["reid_dim-16", "reid_dim-32"]


def test_what_is_finished_is_skipped_and_the_rest_runs(launch, jobs):
    jobs.trouble = {NAMES[1]: ValueError("the disk\nis full"), NAMES[2]: ValueError("no such file")}
    status, said = launch("-m", *GRID)
    assert (status, jobs.ran) == (1, NAMES)
    assert f"{NAMES[1]}: failed (the disk is full)" in said
    assert f"next: python -m fairmot_pl.train resume={SWEEP}   # runs 2 of 4 jobs that have no outcome" in said
    assert said.splitlines()[-1] == f"results: {SWEEP}" or f"results: {SWEEP}\n" in said
    checkpoint = Path(SWEEP, NAMES[1], "checkpoints", "last.ckpt")
    checkpoint.parent.mkdir()
    checkpoint.touch()
    Path(SWEEP, NAMES[3], "report.html").unlink()  # killed before its end

    jobs.trouble = {}
    status, said = again(launch)
    assert status == 0
    assert jobs.ran == NAMES[1:]
    assert jobs.resumed == [NAMES[1]]
    assert re.findall(r"^(reid_dim.*)$", said, re.MULTILINE)[:4] == [
        f"{NAMES[0]}: finished, skipped",
        f"{NAMES[1]}: failed (the disk is full), goes on where it was",
        f"{NAMES[2]}: failed (no such file), runs again",
        f"{NAMES[3]}: stopped, runs again",
    ]
    assert not list(Path(SWEEP).rglob("error.txt"))
    assert all(read_job(Path(SWEEP, name), "train").state is JobState.FINISHED for name in NAMES)

    status, said = again(launch)
    assert (status, jobs.ran) == (0, [])


def test_the_same_command_into_the_same_folder_goes_on(launch, jobs):
    jobs.trouble = {"seed-2": ValueError("no")}
    launch("-m", *SEEDS)
    jobs.trouble = {}
    assert launch("-m", *SEEDS)[0] == 0
    assert jobs.ran == ["seed-2"]


def test_ctrl_c_ends_the_sweep_and_says_how_it_goes_on(launch, jobs):
    jobs.trouble = {"seed-2": KeyboardInterrupt()}
    status, said = launch("-m", "seed=1,2,3")
    assert (status, jobs.ran) == (130, ["seed-1", "seed-2"])
    assert f"to go on: python -m fairmot_pl.train resume={SWEEP}\n" in said
    jobs.trouble = {}
    assert again(launch)[0] == 0
    assert jobs.ran == ["seed-2", "seed-3"]


def test_a_finished_sweep_gets_another_seed_and_may_run_otherwise(launch, jobs):
    launch("-m", *SEEDS, "data.num_workers=1")
    assert again(launch, "seed=1,2,3", "data.num_workers=2", "hydra.sweeper.max_batch_size=1")[0] == 0
    assert jobs.ran == ["seed-3"]


REFUSED = [
    (["resume=sweep", "trainer.max_epochs=3"], "trainer.max_epochs=3 cannot go with resume=sweep"),
    (["-m", *SEEDS, "trainer.max_epochs=3", "hydra.sweep.dir=sweep"], "another sweep, which differs in trainer.max"),
    (["-m", SEEDS[0], "model.reid_dim=4,8", "hydra.sweep.dir=sweep"], "another sweep, which differs in model.reid_dim"),
    (["-m", "seed=5,5"], "two jobs would write into one folder, seed-5: a swept value is given twice"),
    (["-m", "data.root='a b','a-b'"], r"into one folder, root-a-b: data.root='a b' and data.root='?a-b"),
    (["-m", "optimizer.learning_rate=interval(1e-4,1e-3)"], "search an interval with hydra/sweeper=optuna_search"),
    (["-m", "seed=1,2", "hydra/launcher=jobs"], "=jobs: no such choice.* basic, joblib, submitit_local"),
]


def test_what_would_mix_sweeps_up_is_refused(launch, jobs):
    launch("-m", *SEEDS)
    for arguments, message in REFUSED:
        status, said = launch(*arguments, folder=None)
        assert (status, jobs.ran) == (1, [])
        (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert re.search(message, line), line


def test_a_sweep_of_another_command_is_named(launch, monkeypatch, capfd):
    from fairmot_pl import evaluate

    launch("-m", *SEEDS)
    for folder, message in (
        (SWEEP, "is a sweep of train: python -m fairmot_pl.train resume=sweep"),
        ("x", "not there"),
    ):
        monkeypatch.setattr(sys, "argv", ["evaluate", f"resume={folder}"])
        with pytest.raises(SystemExit):
            evaluate.main()
        assert message in capfd.readouterr().err


def test_two_launches_at_once_are_told_apart(launch, jobs):
    Path(SWEEP).mkdir()
    with alone_in(Path(SWEEP)):
        status, said = launch("-m", *SEEDS)
    assert (status, jobs.ran) == (1, [])
    assert "another process is at work in this folder" in said


def test_a_job_that_another_process_runs_is_left_alone(launch, jobs):
    folder = Path(SWEEP, "seed-1")
    folder.mkdir(parents=True)
    with alone_in(folder):
        status, said = launch("-m", *SEEDS)
    assert (status, jobs.ran) == (1, ["seed-2"])
    assert "another process is at work" in said
    assert [path.name for path in folder.iterdir()] == ["train.log"]  # Hydra's


@pytest.mark.parametrize(("entry", "objective"), [("train", 0.6), ("evaluate", 0.6), ("tune", 0.02), ("track", None)])
def test_a_skipped_job_hands_on_its_own_objective(tmp_path, entry, objective):
    figures = {"val/HOTA": 0.6, "gain/held_out": 0.02}
    for name, text in (("config.yaml", "seed: 1\n"), ("metrics.json", json.dumps(figures)), ("report.html", "<p>")):
        (tmp_path / name).write_text(text)
    job = read_job(tmp_path, entry)
    assert (job.state, job.objective) == (JobState.FINISHED, objective)


ENDINGS = [({}, 0, []), ({"b": "the disk is full\n"}, 1, ["b: failed (the disk is full)"])]


@pytest.mark.parametrize(("errors", "status", "listed"), ENDINGS)
def test_failed_jobs_of_any_command_are_listed_at_the_end(tmp_path, capfd, errors, status, listed):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("seed: 1\n")
    for name, text in errors.items():
        (tmp_path / name / "error.txt").write_text(text)
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}, "job": {"name": "track"}}})
    with pytest.raises(SystemExit) if status else nullcontext():
        FailedJobs().on_multirun_end(config)
    assert capfd.readouterr().out.splitlines() == [*listed, f"results: {tmp_path}"]


def test_a_multirun_whose_jobs_are_all_another_process_s_has_failed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    command = ["convert", "-m", "source=a,b", "format=coco", "output=out", f"hydra.sweep.dir={SWEEP}"]
    folders = [Path(SWEEP, f"source-{name}") for name in "ab"]

    def ended() -> tuple[int, list[str], str]:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as end:
            convert.main()
        printed = capfd.readouterr()
        return end.value.code, [line for line in printed.out.splitlines() if "HYDRA" not in line], printed.err

    for folder in folders:
        folder.mkdir(parents=True)
    with alone_in(folders[0]), alone_in(folders[1]):
        status, said, complaints = ended()
    nothing = "nothing ran: another process is at work in the folder of every job; wait for it, or stop it"
    assert (status, said[-2:]) == (1, [nothing, f"results: {SWEEP}"])
    assert complaints.count("another process is at work in this folder") == 2
    assert not list(Path(SWEEP).rglob("error.txt"))
    with alone_in(folders[0]):
        status, said, complaints = ended()
    assert (status, complaints.count("another process is at work in this folder")) == (1, 1)
    assert nothing not in said  # one ran, and failed, for there is no such file
    assert any(line.startswith("source-b: failed (") for line in said)


@pytest.mark.parametrize("entry", sorted(path.stem for path in conf_dir().glob("*.yaml")))
def test_a_multirun_of_any_command_says_how_it_ended(entry):
    callbacks = OmegaConf.load(conf_dir() / f"{entry}.yaml").hydra.callbacks
    (target,) = [callback["_target_"] for callback in callbacks.values()]
    assert issubclass(get_class(target), (FailedJobs, CompareSweep))


@pytest.mark.parametrize("name", ["joblib", "submitit_local", "slurm"])
def test_a_launcher_that_is_not_installed(launch, monkeypatch, name):
    monkeypatch.setattr(launching.importlib.util, "find_spec", lambda name: None)
    status, said = launch("-m", *SEEDS, f"hydra/launcher={name}")
    assert status == 1
    assert re.search(
        rf"^error: hydra/launcher={name} needs hydra-\w+-launcher, .*fairmot-pl\[sweep\]", said, re.MULTILINE
    )


@pytest.mark.parametrize(
    ("launcher", "jobs_given", "expected"),
    [
        ({"_target_": "x.JoblibLauncher", "n_jobs": 2}, 4, 2),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 8}, 3, 3),
        ({"_target_": "x.JoblibLauncher", "n_jobs": -1}, 1000, usable_cores()),
        ({"_target_": "x.LocalLauncher"}, 3, 3),
        ({"_target_": "x.SlurmLauncher"}, 3, 1),
        ({"_target_": "x.BasicLauncher"}, 3, 1),
    ],
)
def test_how_many_jobs_share_the_cores(launcher, jobs_given, expected):
    assert at_a_time(launcher, jobs_given) == expected


def test_each_process_computes_with_its_share(monkeypatch):
    monkeypatch.setattr(launching, "usable_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    with shared_cores(2):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("4", "5")
    assert "OMP_NUM_THREADS" not in os.environ
    with shared_cores(1):
        assert "OMP_NUM_THREADS" not in os.environ
