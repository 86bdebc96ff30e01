"""What a board can do beyond Lightning's loggers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from pytorch_lightning.loggers import Logger

from fairmot_pl.training.dashboard.views import SearchView, ValidationView

OUTCOME = "result/"
"""Prefix of the figures that a run ends with: all of one checkpoint, unlike the best of each."""


class Ending(Enum):
    """How a run ended; a board says of it what it has a word for."""

    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Board(ABC):
    """A logger that shows more than figures over steps; every method is for the main process alone.

    It comes before Lightning's logger among the bases of a class, so that it is the one whose `finalize` is called.
    """

    def finalize(self, status: str = "success") -> None:  # noqa: B027  # empty, and not to be overridden
        """Nothing: a trainer calls this after each of its tasks, and a run ends once, when all its work is done."""

    @abstractmethod
    def end(self, ending: Ending) -> None:
        """Say how the run ended, and close."""

    @abstractmethod
    def show_validation(self, view: ValidationView) -> None:
        """Tables, curves, histograms, pictures and the clip of a validation."""

    @abstractmethod
    def show_search(self, view: SearchView) -> None:
        """The trials of a search and what came of them."""

    @abstractmethod
    def say(self, name: str, text: str, step: int) -> None:
        """A line of text."""

    @abstractmethod
    def keep_outcome(self, figures: Mapping[str, float]) -> None:
        """The figures that the run ends with, of its best checkpoint; `val/HOTA` is kept as `result/HOTA`."""

    @abstractmethod
    def keep_checkpoint(self, path: Path) -> None:
        """Keep a checkpoint, if the board was asked to."""


def boards(loggers: Iterable[Logger]) -> list[Board]:
    """The boards among some loggers."""
    return [logger for logger in loggers if isinstance(logger, Board)]


def outcome_of(figures: Mapping[str, float]) -> dict[str, float]:
    """Validation figures under the names that outcomes have on a board."""
    return {OUTCOME + name.removeprefix("val/"): value for name, value in figures.items() if name.startswith("val/")}
