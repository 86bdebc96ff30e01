"""A progress bar over work that may be long: it shows itself only where the work turns out to be."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_Item = TypeVar("_Item")

PATIENCE = 2.0
"""Seconds that pass before a bar appears."""


def progress(items: Iterable[_Item], description: str, total: int | None = None) -> Iterator[_Item]:
    """Yield the items; after a while, show on the error stream how far it is.

    Args:
        items: what is worked through.
        description: what is going on, for example `reading headers of mot17`.
        total: how many there are; None where nobody knows.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=os.environ.get("LOCAL_RANK", "0") != "0")
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
