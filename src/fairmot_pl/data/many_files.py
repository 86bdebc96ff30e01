"""The same question to many files at once: a network disk answers late, but many questions side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fairmot_pl.data.progress import progress

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

THREADS = 16


def ask_many(question: Callable[[_Given], _Found], files: Sequence[_Given], description: str) -> list[_Found]:
    """`question(file)` for every file, in order, with a progress bar where it takes long.

    The first error stops everything, and so does Ctrl-C: what has not begun is left undone.

    Args:
        question: what to find out; called from several threads.
        files: what it is asked of.
        description: of the work, for the progress bar.
    """
    pool = ThreadPoolExecutor(THREADS)
    try:
        return list(progress(pool.map(question, files), description, len(files)))
    finally:
        pool.shutdown(cancel_futures=True)
