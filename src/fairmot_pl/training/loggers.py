"""Loggers that never stand in the way: CSV always, wandb offline where there is no account, others as asked for."""

from __future__ import annotations

import logging
import netrc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger

from fairmot_pl.training.dashboard.board import Ending, boards
from fairmot_pl.training.dashboard.card import RunCard
from fairmot_pl.training.dashboard.mlflow_board import MLflowBoard
from fairmot_pl.training.dashboard.settings import LoggerSettings
from fairmot_pl.training.dashboard.tensorboard_board import TensorBoardBoard
from fairmot_pl.training.dashboard.wandb_board import WandbBoard

log = logging.getLogger(__name__)

WANDB_MODES = ("auto", "online", "offline", "disabled")


def build_loggers(
    folder: Path, settings: LoggerSettings, card: RunCard, *, config: dict[str, Any], csv_file: bool = True
) -> Iterator[Logger]:
    """The CSV logger and the boards that the settings name, one after the other; see `closed_loggers`.

    Args:
        folder: the run's folder.
        settings: which boards.
        card: who the run is on them.
        config: the resolved configuration and provenance.
        csv_file: false for a job whose figures are written elsewhere.

    Raises:
        ValueError: see `settle_mode`.
    """
    if csv_file:
        part = 1 + len(list((folder / "logs").glob("part-*")))
        yield CSVLogger(folder, name="logs", version=f"part-{part}", flush_logs_every_n_steps=50)
    store = (folder / card.store).resolve()
    if "wandb" in settings.kinds and (mode := settle_mode(settings.mode)) != "disabled":
        yield _wandb_board(settings, card, mode, store=store, config=config)
    if "tensorboard" in settings.kinds:
        yield TensorBoardBoard(folder, config=config.get("config", {}))
    if "mlflow" in settings.kinds:
        yield MLflowBoard(
            store,
            uri=settings.tracking_uri,
            run=card.id,
            experiment=settings.project,
            name=card.name,
            tags={"job_type": card.job_type, "tags": ", ".join(card.tags), "sweep": card.group or ""},
            config=config.get("config", {}),
            keep_checkpoints=settings.checkpoints,
        )


def _wandb_board(
    settings: LoggerSettings, card: RunCard, mode: str, *, store: Path, config: dict[str, Any]
) -> WandbBoard:
    """The wandb run, offline where wandb cannot be reached."""
    common: dict[str, Any] = {
        "project": settings.project,
        "group": card.group,
        "job_type": card.job_type,
        "name": card.name,
        "tags": list(card.tags),
        "config": config,
        "save_dir": str(store),
        "id": card.id,
        "keep_checkpoints": settings.checkpoints,
    }
    board = WandbBoard(mode=mode, **common)
    if mode == "online":
        try:
            _ = board.experiment  # so that what is wrong with the connection shows here
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            log.warning("wandb cannot be reached (%s); this run is logged offline, see `wandb sync`", error)
            return WandbBoard(mode="offline", **common)
    return board


@contextmanager
def closed_loggers(opened: Iterable[Logger]) -> Iterator[list[Logger]]:
    """Open loggers for a block that is the whole of a run's work, and let the boards among them end with it.

    The run is finished if the block comes to its end; an error makes it a failed one, and what comes from outside
    (Ctrl-C, SIGTERM) an interrupted one. Where a board cannot be opened, the run fails on those before it.

    Args:
        opened: opens the next one when it is asked for it; see `build_loggers`.
    """
    loggers: list[Logger] = []
    ending = Ending.FINISHED
    try:
        for logger in opened:
            loggers.append(logger)
        yield loggers
    except BaseException as error:
        ending = Ending.FAILED if isinstance(error, Exception) else Ending.INTERRUPTED
        raise
    finally:
        for board in boards(loggers):
            try:
                board.end(ending)
            except Exception as error:  # the run has its outcome, and the other boards are to be told of it
                reason = " ".join(str(error).split())
                log.warning("%s could not be told that the run is %s: %s", type(board).__name__, ending.value, reason)


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
