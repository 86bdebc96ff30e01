"""A sweep over a grid: what is finished stays, what was stopped goes on, what failed or is missing runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.entry import INTERRUPTED, plain, plain_errors
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.jobs import Job, JobState, alone_in, read_job
from fairmot_pl.config.launching import STOP_MARK, at_a_time, in_this_process, patient_interrupt, shared_cores
from fairmot_pl.config.relaunch import check_same_sweep
from fairmot_pl.folder_lock import is_locked
from fairmot_pl.reporting.run_records import SWEEP_MARK, find_runs


class SweepAtWork:
    """The folder, the launcher and the jobs of a sweep.

    Args:
        config: composed for the sweep.
        context: knows how to compose for a job.
        launcher: runs jobs.
    """

    def __init__(self, config: DictConfig, context: HydraContext, launcher: Launcher) -> None:
        self.config, self.context, self.launcher = config, context, launcher
        self.folder = Path(config.hydra.sweep.dir)
        self.entry: str = config.hydra.job.name

    @classmethod
    def of(cls, sweeper: BasicSweeper) -> SweepAtWork:
        """That of a sweeper which Hydra has set up."""
        assert sweeper.config is not None
        assert sweeper.hydra_context is not None
        assert sweeper.launcher is not None
        return cls(sweeper.config, sweeper.hydra_context, sweeper.launcher)

    def parse(self, overrides: Sequence[str]) -> list[Any]:
        """Overrides as Hydra understands them."""
        return OverridesParser.create(config_loader=self.context.config_loader).parse_overrides(list(overrides))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this launch.

        Raises:
            ConfigError: another launch is at work in it, or it holds another sweep.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone_in(self.folder):
            hydra = {part: plain(self.config.hydra[part]) for part in ("job", "overrides", "sweeper")}
            check_same_sweep(self.folder, hydra)
            yield

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Write down the sweep, and say how to go on if it ends before its time."""
        OmegaConf.save(self.config, self.folder / SWEEP_MARK)
        try:
            yield
        except BaseException as end:
            if isinstance(end, KeyboardInterrupt):
                print("stopped by Ctrl-C", file=sys.stderr)
            elif not isinstance(end, SystemExit):
                print(f"error: the sweep broke off: {' '.join(str(end).split())}", file=sys.stderr)
            print(f"to go on: {self.again}", file=sys.stderr, flush=True)
            if isinstance(end, Exception) and os.environ.get("FAIRMOT_DEBUG"):
                raise
            raise SystemExit(self._status(end)) from None

    @property
    def again(self) -> str:
        """The command that goes on with this sweep."""
        return f"python -m fairmot_pl.{self.entry} resume={quoted(self.folder)}"

    def job_folder(self, overrides: Sequence[str], number: int) -> Path:
        """The folder of a job; composing it also shows that it can be composed.

        Raises:
            HydraException: it cannot.
        """
        config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = number, number
        return self.folder / str(config.hydra.sweep.subdir)

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run jobs through the launcher.

        Args:
            jobs: the overrides of each.
            first: number of the first one.

        Raises:
            SystemExit: Ctrl-C was pressed.
        """
        settings = plain(self.config.hydra.launcher)
        if in_this_process(settings):
            return list(self.launcher.launch(jobs, initial_job_idx=first))
        with shared_cores(at_a_time(settings, len(jobs))), patient_interrupt(self.folder):
            done = list(self.launcher.launch(jobs, initial_job_idx=first))
        mark = self.folder / STOP_MARK
        if mark.exists():
            mark.unlink()
            raise SystemExit(INTERRUPTED)
        return done

    @staticmethod
    def _status(end: BaseException) -> int:
        if isinstance(end, KeyboardInterrupt) or isinstance(end.__context__, KeyboardInterrupt):
            return INTERRUPTED
        return end.code if isinstance(end, SystemExit) and isinstance(end.code, int) else 1


def run_grid(sweeper: BasicSweeper, arguments: Sequence[str]) -> list[JobReturn]:
    """Run the jobs of a grid that have no outcome yet.

    Args:
        sweeper: as Hydra has set it up.
        arguments: the overrides, swept ones among them.

    Returns:
        What the jobs that ran gave.
    """
    sweep = SweepAtWork.of(sweeper)
    with plain_errors():
        parsed = sweep.parse([*sweeper._parse_config(), *arguments])
        for override in parsed:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise ConfigError(
                    f"{override.input_line}: a grid needs values that can be listed; search an interval with "
                    "hydra/sweeper=optuna_search"
                )
        (jobs,) = sweeper.split_arguments(parsed, None)
        folders = [sweep.job_folder(job, number) for number, job in enumerate(jobs)]
        check_apart(jobs, folders)
        with sweep.held(), sweep.under_way():
            left = unfinished(sweep, jobs, folders)
            done: list[JobReturn] = []
            size = sweeper.max_batch_size or len(left) or 1
            for start in range(0, len(left), size):
                done += sweep.launch(left[start : start + size], start)
        for result in done:
            _ = result.return_value  # raises what a job was not meant to raise
    return done


class FailedJobs(Callback):
    """Lists the jobs of a multirun that failed when it is over, and ends it with status 1 if there are any.

    It ends so, too, where nothing ran since every job belongs to another process.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's hook after the last job."""
        folder = Path(config.hydra.sweep.dir)
        jobs = [read_job(run.folder, config.hydra.job.name) for run in find_runs([folder])]
        failed = [job for job in jobs if job.state is JobState.FAILED]
        for job in failed:
            print(f"{job.folder.name}: failed ({job.error})")
        busy = all(job.state is not JobState.FINISHED and is_locked(job.folder) for job in jobs)
        if busy:
            print("nothing ran: another process is at work in the folder of every job; wait for it, or stop it")
        print(f"results: {folder}", flush=True)
        if failed or busy:
            sys.exit(1)


def check_apart(jobs: Sequence[Sequence[str]], folders: Sequence[Path]) -> None:
    """Refuse jobs that would write into one folder.

    Raises:
        ConfigError: naming two of them.
    """
    owners: dict[Path, Sequence[str]] = {}
    for job, folder in zip(jobs, folders, strict=True):
        if folder in owners:
            raise ConfigError(
                f"two jobs would write into one folder, {folder.name}: {_what_differs(owners[folder], job)}"
            )
        owners[folder] = job


def _what_differs(one: Sequence[str], other: Sequence[str]) -> str:
    differing = [f"{left} and {right}" for left, right in zip(one, other, strict=True) if left != right]
    return "; ".join(differing) or "a swept value is given twice"


def unfinished(sweep: SweepAtWork, jobs: Sequence[Sequence[str]], folders: Sequence[Path]) -> list[Sequence[str]]:
    """The jobs that have no outcome yet; what an earlier launch has left is said line by line."""
    found: list[Job] = [read_job(folder, sweep.entry) for folder in folders]
    for job in found:
        name = job.folder.name
        where = "goes on where it was" if job.resumable else "runs again"
        if job.state is JobState.FINISHED:
            print(f"{name}: finished, skipped")
        elif job.state is JobState.FAILED:
            print(f"{name}: failed ({job.error}), {where}")
        elif job.state is JobState.STOPPED:
            print(f"{name}: stopped, {where}")
    left = [overrides for overrides, job in zip(jobs, found, strict=True) if job.state is not JobState.FINISHED]
    if len(left) < len(jobs):
        print(f"{len(left)} of {len(jobs)} jobs are left", flush=True)
    return left
