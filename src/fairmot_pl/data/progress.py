"""Progress bars; one over work that may be long shows itself only where the work turns out to be."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_Item = TypeVar("_Item")

PATIENCE = 2.0
"""Seconds that pass before a bar appears."""


def reading_bar() -> Progress:
    """Bars on the error stream that say how many bytes are read, how fast, and how long the rest will take."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def counting_bar(*, stderr: bool = True, disable: bool = False) -> Progress:
    """Bars that say what is going on, how much of it is done and how long it will take.

    Args:
        stderr: whether they are shown on the error stream, or on standard output.
        disable: show nothing.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True) if stderr else None, disable=disable)


def progress(items: Iterable[_Item], description: str, total: int | None = None) -> Iterator[_Item]:
    """Yield the items; after a while, show on the error stream how far it is.

    Args:
        items: what is worked through.
        description: what is going on, for example `reading headers of mot17`.
        total: how many there are; None where nobody knows.
    """
    bar = counting_bar(disable=os.environ.get("LOCAL_RANK", "0") != "0")
    job, started, shown = bar.add_task(description, total=total), time.monotonic(), False
    try:
        for item in items:
            yield item
            bar.advance(job)
            if not shown and time.monotonic() - started > PATIENCE:
                shown = True
                bar.start()
    finally:
        if shown:
            bar.stop()
