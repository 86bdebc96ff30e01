"""One wrapper for every command: check the command line, run the task, say what to type next."""

from __future__ import annotations

import functools
import logging
import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.folders import axis_tags, conf_dir, register_resolvers
from fairmot_pl.config.jobs import BusyError, JobState, alone_in, read_job
from fairmot_pl.config.launching import STOP_MARK, check_launcher, in_this_process, interruptible
from fairmot_pl.config.lightning_errors import misconfiguration
from fairmot_pl.config.overrides import (
    ANSWERED_BY_HYDRA,
    check_command_line,
    check_switches,
    name_jobs_by_what_varies,
    split_arguments,
)
from fairmot_pl.config.relaunch import relaunched
from fairmot_pl.reporting.run_records import ERROR_NAME

register_resolvers()  # on import: the worker processes of a launcher never see `run_command`

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

NOT_WORTH_SAYING = (
    r".*isinstance\(treespec, LeafSpec\).*",  # torch's own pytree, called by Lightning
    r".*ended before the epoch ended and your dataloader is not resumable.*",  # ours is: EpochSampler
    r"Checkpoint directory .* exists and is not empty.*",  # a resumed run
    r".*does not have many workers which may be a bottleneck.*",
    r"Total length of `.*` across ranks is zero.*",  # no validation
    r".*TensorFloat-32.*",
)


@dataclass(frozen=True)
class Outcome:
    """What a task leaves: where its files are, what to type next, and a figure for sweepers.

    A `status` other than 0 becomes that of the process; a job of a sweep fails with it and says `problem`. A task that
    is `silent` has printed all that is to be printed.
    """

    folder: Path
    next_steps: list[str] = field(default_factory=list)
    objective: float | None = None
    status: int = 0
    problem: str = ""
    silent: bool = False


def expected_errors() -> tuple[type[Exception], ...]:
    """What bad input raises; anything else is a defect and keeps its traceback."""
    return (ValueError, OSError, *misconfiguration())


def plain(node: Any) -> Any:
    """A configuration node as resolved dicts, lists and scalars."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def output_folder() -> Path:
    """The folder Hydra has made for this job."""
    return Path(HydraConfig.get().runtime.output_dir)


def sweep_folder() -> Path | None:
    """The folder of the sweep that this job belongs to, if it belongs to one."""
    settings = HydraConfig.get()
    return Path(settings.sweep.dir).resolve() if settings.mode == RunMode.MULTIRUN else None


def task_overrides() -> list[str]:
    """The overrides of this job, as typed or as the sweep made them."""
    return list(HydraConfig.get().overrides.task)


def job_tags() -> list[str]:
    """What tells this job from others: its experiment, the ablation, and `key=value` of every axis of its sweep."""
    settings = HydraConfig.get()
    chosen = settings.runtime.choices
    named = {"experiment": "", "ablation": "ablation="}
    tags = [f"{prefix}{chosen[group]}" for group, prefix in named.items() if chosen.get(group)]
    if settings.mode == RunMode.MULTIRUN:
        tags += axis_tags(settings.job.override_dirname)
    return tags


def command() -> dict[str, str]:
    """The command line of this job alone, also within a sweep, and the folder it was typed in."""
    name = HydraConfig.get().job.name
    return {"line": shlex.join(["python", "-m", f"fairmot_pl.{name}", *task_overrides()]), "folder": str(Path.cwd())}


def is_main_process() -> bool:
    """Whether this process may print and write: false in all but one of those that train together."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def run_command(
    name: str,
    task: Callable[[DictConfig], Outcome],
    check: Callable[[DictConfig], None],
    expand: Callable[[list[str]], list[str]] = list,
) -> None:
    """Run a command line.

    Args:
        name: root configuration and entry, such as `"train"`.
        task: what to do with a composed, checked configuration.
        check: refuses configurations that cannot be meant.
        expand: rewrites the arguments first.
    """
    _quiet()
    with plain_errors():
        switches, overrides = split_arguments(expand(relaunched(name, sys.argv[1:])))
        check_switches(switches)
        check_launcher(overrides)
        if not ANSWERED_BY_HYDRA & set(switches):
            check_command_line(name, overrides, check)
        sys.argv[1:] = [*switches, *name_jobs_by_what_varies(overrides)]
    job = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=name)(
        functools.partial(_job, task, check)
    )
    job()


def _quiet() -> None:
    """Leave out what says nothing to whoever runs a command; the library itself changes no filter."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in NOT_WORTH_SAYING:
        warnings.filterwarnings("ignore", message=message)


def _job(
    task: Callable[[DictConfig], Outcome], check: Callable[[DictConfig], None], config: DictConfig
) -> float | None:
    sweep = sweep_folder()
    if sweep is not None:
        _quiet()  # a process of a launcher has not passed through `run_command`
        return _job_of_sweep(task, check, config, sweep)
    with plain_errors(), _environment_restored():
        outcome = _run(task, check, config)
    if outcome.status:
        raise SystemExit(outcome.status)
    return outcome.objective


def _run(task: Callable[[DictConfig], Outcome], check: Callable[[DictConfig], None], config: DictConfig) -> Outcome:
    check(config)
    (output_folder() / ERROR_NAME).unlink(missing_ok=True)  # of the job's last time: its report would tell of it
    outcome = task(config)
    if is_main_process() and not outcome.silent:
        for step in outcome.next_steps:
            print(f"next: {step}")
        print(f"results: {outcome.folder}", flush=True)
    return outcome


def _job_of_sweep(
    task: Callable[[DictConfig], Outcome], check: Callable[[DictConfig], None], config: DictConfig, sweep: Path
) -> float | None:
    """Run a job of a sweep, where and when the launcher wants it to be run."""
    if in_this_process(plain(HydraConfig.get().launcher)):
        return _run_unfinished(task, check, config)
    objective: float | None = None
    with interruptible(sweep), _environment_restored():
        os.environ["TERM"] = "dumb"  # the bars of several jobs would write over one another
        if not (sweep / STOP_MARK).exists():
            objective = _run_unfinished(task, check, config)
    return objective


def _run_unfinished(
    task: Callable[[DictConfig], Outcome], check: Callable[[DictConfig], None], config: DictConfig
) -> float | None:
    """Run a job unless it is finished; one that was stopped goes on, one that fails leaves word why."""
    folder, objective = output_folder(), None
    job = read_job(folder, HydraConfig.get().job.name)
    if job.state is JobState.FINISHED:
        print(f"{folder.name}: finished, skipped", flush=True)
        return job.objective
    try:
        with alone_in(folder), plain_errors(record=folder / ERROR_NAME), _environment_restored():
            if config.get("resume"):
                raise ConfigError(f"resume={config.resume} goes on with one run and cannot be swept")
            if job.resumable:
                config.resume = str(folder)
            outcome = _run(task, check, config)
            objective = outcome.objective
            if outcome.status:
                _leave_word(folder / ERROR_NAME, outcome.problem or f"it ended with status {outcome.status}")
    except BusyError as error:  # not recorded: the folder is the other process's
        print(f"error: {error}", file=sys.stderr, flush=True)
    return objective


@contextmanager
def plain_errors(record: Path | None = None) -> Iterator[None]:
    """Turn the errors of bad input into one line and exit status 1; `FAIRMOT_DEBUG=1` keeps the traceback.

    Args:
        record: within a sweep, write the line there and go on with the next job instead of leaving.
    """
    try:
        yield
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr, flush=True)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        if os.environ.get("FAIRMOT_DEBUG") or (record is None and not isinstance(error, expected_errors())):
            raise
        if not isinstance(error, expected_errors()):
            traceback.print_exc()
        print(f"error: {_message(error)}", file=sys.stderr, flush=True)
        if record is None:
            raise SystemExit(1) from None
        _leave_word(record, _message(error))


def _leave_word(record: Path, reason: str) -> None:
    """Say in the folder of a sweep's job why it failed."""
    record.write_text(reason + "\n", encoding="utf-8")


def _message(error: BaseException) -> str:
    """What an error says; of one that a loader process passes on with its traceback, the end alone."""
    text = str(error).strip() or type(error).__name__
    if text.startswith("Caught ") and "DataLoader worker process" in text:
        kind = text.split()[1]
        text = text[text.rindex(f"{kind}: ") + len(kind) + 2 :]
    return text


@contextmanager
def _environment_restored() -> Iterator[None]:
    """Undo what distributed training writes into the environment, which the next job of a sweep would take for real."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for key in set(os.environ) - set(before):
            del os.environ[key]
        os.environ.update(before)
