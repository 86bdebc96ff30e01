"""Jobs in processes of their own: a fair share of the cores for each, and a Ctrl-C that all of them hear."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.lightning_errors import terminated
from fairmot_pl.data.workers import usable_cores

PLUGINS = {
    "joblib": "hydra_joblib_launcher",
    "submitit_local": "hydra_submitit_launcher",
    "submitit_slurm": "hydra_submitit_launcher",
    "slurm": "hydra_submitit_launcher",
}
"""Launchers that are no part of Hydra, and the plugin that brings them."""

STOP_MARK = ".stop"
"""While this file lies in the folder of a sweep, no further job of it begins."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def check_launcher(overrides: Sequence[str]) -> None:
    """Refuse a launcher whose plugin is not installed.

    Raises:
        ConfigError: saying how to install it.
    """
    for override in overrides:
        key, _, name = override.partition("=")
        plugin = PLUGINS.get(name)
        if key == "hydra/launcher" and plugin and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
            package = plugin.replace("_", "-")
            raise ConfigError(f"{override} needs {package}, which is not installed: pip install 'fairmot-pl[sweep]'")


def at_a_time(launcher: Mapping[str, Any], jobs: int) -> int:
    """How many of so many jobs a launcher runs at once on this machine; 1 where that is for others to say."""
    name = str(launcher["_target_"]).rpartition(".")[2]
    if name == "JoblibLauncher":
        asked = int(launcher["n_jobs"])
        return max(1, min(jobs, asked if asked > 0 else usable_cores() + 1 + asked))
    return jobs if name == "LocalLauncher" else 1


def in_this_process(launcher: Mapping[str, Any]) -> bool:
    """Whether a launcher runs its jobs one after the other in the process of the sweep."""
    return str(launcher["_target_"]).endswith(".BasicLauncher")


@contextmanager
def shared_cores(processes: int) -> Iterator[None]:
    """Let each of so many child processes compute with its share of the cores; what the user has set stays."""
    own = [name for name in THREADS if name not in os.environ] if processes > 1 else []
    os.environ.update(dict.fromkeys(own, str(max(1, usable_cores() // processes))))
    try:
        yield
    finally:
        for name in own:
            os.environ.pop(name, None)


@contextmanager
def patient_interrupt(sweep: Path) -> Iterator[None]:
    """Let the first Ctrl-C stop a sweep whose jobs run in other processes, and only the second one tear it down.

    A terminal sends Ctrl-C to all processes at once. Those of a launcher would die of it between two jobs and take
    their fellows along; so they are started deaf to it, and a job that runs listens for itself (`interruptible`).
    """
    mark = sweep / STOP_MARK
    mark.unlink(missing_ok=True)
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if mark.exists():
            raise KeyboardInterrupt
        mark.touch()
        print("Ctrl-C: no further job begins; press it again to stop those that run at once", file=sys.stderr)

    over = threading.Event()
    threading.Thread(target=over.wait, daemon=True).start()  # not deaf: this process hears what its children do not
    before = signal.signal(signal.SIGINT, on_interrupt)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        over.set()


@contextmanager
def interruptible(sweep: Path) -> Iterator[None]:
    """Listen to Ctrl-C during a job that another process has launched: it ends this job, and no other begins.

    SIGTERM ends this job alone.

    Args:
        sweep: its folder.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    except KeyboardInterrupt:
        (sweep / STOP_MARK).touch()
    except terminated():
        print("SIGTERM: this job ends, the sweep goes on", file=sys.stderr, flush=True)
    except SystemExit as leaving:  # Lightning's way out after Ctrl-C; others, such as a scheduler's, pass
        if not isinstance(leaving.__context__, KeyboardInterrupt):
            raise
        (sweep / STOP_MARK).touch()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
