"""For loader processes, which work side by side: how many, no threads of their own, memory kept, and memory shared."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_KEPT_BYTES = 1 << 28


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_worker(worker_id: int) -> None:
    """For `DataLoader(worker_init_fn=...)`: OpenCV without threads, since workers run side by side, and kept memory."""
    cv2.setNumThreads(0)
    keep_memory()


def keep_memory() -> None:
    """Let glibc keep what is freed for the next image; asking the system anew costs a quarter of a sample's time."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another system, another allocator
        return
    trim_threshold, mmap_threshold = -1, -3
    mallopt(mmap_threshold, _KEPT_BYTES)
    mallopt(trim_threshold, _KEPT_BYTES)


def packed_paths(paths: Iterable[Path | str]) -> NDArray[np.bytes_]:
    """Paths as one array, which processes share; a list of objects is copied bit by bit as it is looked at."""
    return np.array([os.fsencode(path) for path in paths])
