"""What the folder of a sweep's job says: finished, failed, stopped, or not begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from fairmot_pl.config.check import ConfigError
from fairmot_pl.folder_lock import locked
from fairmot_pl.reporting.run_records import CONFIG_NAME, ERROR_NAME, METRICS_NAME, read_run

JOURNAL = "trials.log"
"""The trials of a search, in Optuna's journal format."""

RESUMES_WITH = {"train": (CONFIG_NAME, "checkpoints/last.ckpt"), "tune": (CONFIG_NAME, JOURNAL)}
"""By entry, the files with which a run of it can go on where it was stopped."""

OUTCOME = (CONFIG_NAME, METRICS_NAME, "report.html")
"""What a finished run has; the report is written last."""

OBJECTIVE = {"train": "val/HOTA", "evaluate": "val/HOTA", "tune": "gain/held_out"}
"""By entry, the figure of `metrics.json` that a job hands to whoever launched it."""


class BusyError(ConfigError):
    """A folder in which another process is at work."""


class JobState(Enum):
    """How far a job has come."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    NEW = "not begun"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as its folder tells.

    Args:
        folder: of the job; it need not exist.
        state: how far it has come.
        error: what a failed one says, on one line.
        resumable: whether it can go on where it was stopped, or where it failed.
        objective: the figure of a finished one, if it has it.
    """

    folder: Path
    state: JobState
    error: str = ""
    resumable: bool = False
    objective: float | None = None


def read_job(folder: Path, entry: str) -> Job:
    """Read the folder of a job of an entry such as `"train"`."""
    error = (folder / ERROR_NAME).is_file()
    needed = RESUMES_WITH.get(entry, ())
    resumable = bool(needed) and all((folder / name).is_file() for name in needed)
    if not error and all((folder / name).is_file() for name in OUTCOME):
        run = read_run(folder)
        if not run.failed:
            objective = run.metrics.get(OBJECTIVE.get(entry, ""))
            return Job(folder=folder, state=JobState.FINISHED, objective=objective, resumable=resumable)
    if error:
        return Job(folder=folder, state=JobState.FAILED, error=read_run(folder).problem, resumable=resumable)
    begun = (folder / CONFIG_NAME).is_file()
    return Job(folder=folder, state=JobState.STOPPED if begun else JobState.NEW, resumable=resumable)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder for as long as this one lives; no file is left behind.

    Raises:
        BusyError: another process is in there.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, wait=False))
        except BlockingIOError:
            raise BusyError(f"{folder}: another process is at work in this folder; wait for it, or stop it") from None
        yield
