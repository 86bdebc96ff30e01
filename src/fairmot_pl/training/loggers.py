"""Loggers that never stand in the way: CSV always, wandb offline where there is no account."""

from __future__ import annotations

import csv
import logging
import netrc
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from fairmot_pl.mot_format import write_text

log = logging.getLogger(__name__)

WANDB_MODES = ("auto", "online", "offline", "disabled")


def build_loggers(
    folder: Path,
    *,
    mode: str,
    project: str,
    group: str | None,
    job_type: str,
    name: str,
    tags: Sequence[str],
    config: dict[str, Any],
    wandb_folder: Path,
) -> list[Logger]:
    """The CSV logger and, unless `mode` is `"disabled"`, a wandb run of its own.

    Args:
        folder: the run's folder.
        mode: `"auto"` is online with an account and offline without one; nothing ever asks for an account.
        project: wandb project.
        group: wandb group: the sweep, if the run belongs to one.
        job_type: `"train"` or `"evaluate"`.
        name: display name of the run.
        tags: wandb tags.
        config: the resolved configuration and provenance.
        wandb_folder: wandb's files go into its subfolder `wandb`; the jobs of a sweep share one.

    Raises:
        ValueError: see `settle_mode`.
    """
    part = 1 + len(list((folder / "logs").glob("part-*")))
    loggers: list[Logger] = [CSVLogger(folder, name="logs", version=f"part-{part}", flush_logs_every_n_steps=50)]
    mode = settle_mode(mode)
    if mode != "disabled":
        settings: dict[str, Any] = {
            "project": project,
            "group": group,
            "job_type": job_type,
            "name": name,
            "tags": list(tags),
            "config": config,
            "save_dir": str(wandb_folder),
            "id": _run_id(folder),
        }
        try:
            loggers.append(_wandb_logger(settings, mode))
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            log.warning("wandb cannot be reached (%s); this run is logged offline, see `wandb sync`", error)
            loggers.append(_wandb_logger(settings, "offline"))
    return loggers


@contextmanager
def closed_loggers() -> Iterator[None]:
    """End the wandb run of a block with it: as finished, or as failed where an error or a signal ends the block."""
    try:
        yield
    except BaseException:
        wandb.finish(exit_code=1)
        raise
    wandb.finish()


def settle_mode(mode: str) -> str:
    """`"online"`, `"offline"` or `"disabled"`; `"auto"` goes by WANDB_MODE and by whether there is an account.

    Raises:
        ValueError: an unknown mode, or online without an account (wandb would ask for one).
    """
    if mode not in WANDB_MODES:
        raise ValueError(f"logger.mode is {mode!r}; allowed: {', '.join(WANDB_MODES)}")
    if mode == "online" and not has_wandb_account():
        raise ValueError(
            "logger.mode is 'online' and there is no wandb account: run `wandb login`, or use auto or offline"
        )
    if mode == "auto":
        asked = os.environ.get("WANDB_MODE", "")
        return "disabled" if asked == "disabled" else "online" if has_wandb_account() else "offline"
    return mode


def _wandb_logger(settings: dict[str, Any], mode: str) -> WandbLogger:
    logger = WandbLogger(
        **settings,
        resume="allow",
        log_model=False,
        settings=wandb.Settings(mode=mode, silent=True, console="off", disable_git=True),
        reinit="finish_previous",
    )
    # Lightning hands on a setting that wandb has dropped and warns about
    logger._wandb_init.pop("anonymous", None)
    if mode == "online":
        _ = logger.experiment  # so that what is wrong with the connection shows here
    return logger


def _run_id(folder: Path) -> str:
    """The id of a run's folder, so that a resumed run stays one run."""
    path = folder / "wandb_id"
    if not path.is_file():
        write_text(path, secrets.token_hex(4) + "\n")
    return path.read_text(encoding="utf-8").strip()


def has_wandb_account() -> bool:
    """Whether wandb would find a key without asking: an explicit mode or key in the environment, or a netrc entry."""
    if os.environ.get("WANDB_MODE") in {"offline", "disabled", "dryrun"}:
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return any("wandb" in host for host in netrc.netrc().hosts)
    except (OSError, netrc.NetrcParseError):
        return False


def merge_csv(folder: Path) -> Path | None:
    """Join the metrics of a run and its resumed parts into `metrics.csv`; None where nothing was logged.

    Rows that a resumed part repeats (same step) are taken from the later part.
    """
    parts = sorted((folder / "logs").glob("part-*/metrics.csv"), key=lambda path: int(path.parent.name.split("-")[1]))
    rows: list[dict[str, str]] = []
    for part in parts:
        with part.open(newline="", encoding="utf-8") as stream:
            found = list(csv.DictReader(stream))
        start = min((int(row["step"]) for row in found), default=0)
        rows = [row for row in rows if int(row["step"]) < start] + found
    if not rows:
        return None
    columns = list(dict.fromkeys(["step", "epoch", *(key for row in rows for key in row)]))
    lines = [",".join(columns), *(",".join(row.get(column) or "" for column in columns) for row in rows)]
    path = folder / "metrics.csv"
    write_text(path, "\n".join(lines) + "\n")
    return path
