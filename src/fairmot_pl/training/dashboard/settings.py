"""The `logger` node of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

EXTRA = "fairmot_pl[loggers]"
"""What to install for the boards that are no dependency."""

KEEP_CHECKPOINTS = ("wandb", "mlflow")
"""Boards that can hold a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class LoggerSettings:
    """Where a run is shown; the CSV file is written in any case.

    Args:
        kinds: the boards; none is CSV alone.
        mode: of wandb: `"auto"` is online with an account and offline without one.
        project: of wandb, and the experiment of MLflow.
        tags: besides the run's own.
        checkpoints: whether the best checkpoint becomes an artifact of wandb and MLflow.
        tracking_uri: of MLflow; None: MLFLOW_TRACKING_URI, or else a store of its own in the run's folder, which the
            jobs of a sweep share.

    Raises:
        ValueError: a board that is not known or not installed, or none that could hold a checkpoint.
    """

    kinds: Sequence[Literal["wandb", "tensorboard", "mlflow"]] = ("wandb",)
    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    project: str = "fairmot_pl"
    tags: Sequence[str] = ()
    checkpoints: bool = False
    tracking_uri: str | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if find_spec(kind) is None:
                raise ValueError(f"logger.kinds names {kind}, which is not installed: pip install '{EXTRA}'")
        if self.checkpoints and not set(self.kinds) & set(KEEP_CHECKPOINTS):
            raise ValueError(
                f"logger.checkpoints is true, but nothing in logger.kinds={list(self.kinds)} keeps checkpoints; "
                f"{' and '.join(KEEP_CHECKPOINTS)} do. The run's folder holds them in any case"
            )
