"""A lock on a folder, which other processes see; it leaves no file, and goes with the process that holds it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(folder: Path, *, wait: bool = True, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder for a block.

    Where the system or the file system knows no locks, nobody is kept out.

    Args:
        folder: an existing one.
        wait: until nobody is in the way.
        shared: together with others who share it; else alone.

    Raises:
        BlockingIOError: somebody holds it, this process too, and `wait` is false.
        OSError: there is no such folder.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether somebody, this process too, holds the lock of a folder; false where there is no such folder."""
    try:
        with locked(folder, wait=False):
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
