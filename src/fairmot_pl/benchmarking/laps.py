"""Time several calls in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from fairmot_pl.data.progress import progress

Clock = Callable[[], float]
Yardstick = Literal["R", "U"]

MB = 2**20


@dataclass(frozen=True, kw_only=True)
class Case:
    """A call that is measured.

    Args:
        part: of the benchmark that it belongs to.
        name: what it is.
        call: takes the next item of `feed`.
        feed: what the calls are given, one item a call.
        count: how many frames, images or steps a call is; times are of one.
        unit: what is counted.
    """

    part: str
    name: str
    call: Callable[[Any], object]
    feed: Iterable[Any] = field(default_factory=lambda: repeat(None))
    count: int = 1
    unit: str = "frame"


@dataclass(frozen=True, kw_only=True)
class Laps:
    """Seconds of every lap of a case, and what it needed beside.

    Args:
        case: what was measured.
        seconds: of each lap after those to warm up, of the whole call.
        peak_mb: memory at its highest during a call, beyond what was held before; None where it cannot be told.
    """

    case: Case
    seconds: Sequence[float]
    peak_mb: float | None = None

    def quantile(self, share: float) -> float:
        """Seconds of one frame (image, step) that a share of the laps stayed within; 0.5 is the median."""
        return float(np.quantile(self.seconds, share)) / self.case.count


def in_turns(
    cases: Sequence[Case],
    *,
    laps: int,
    warm_up: int,
    clock: Clock = time.perf_counter,
    device: torch.device | None = None,
    description: str = "measuring",
) -> list[Laps]:
    """Call every case once a lap, in their order.

    Ctrl-C ends it: the laps that are complete count, as long as there is one.

    Args:
        cases: what to call.
        laps: that count.
        warm_up: laps before them that do not; 1 or more where memory is to be told.
        clock: seconds; `time.thread_time` counts the processor's time of this thread alone.
        device: where the work is done; its memory is told, and a GPU is waited for. None tells no memory.
        description: for the progress bar.

    Raises:
        KeyboardInterrupt: Ctrl-C before one lap was complete.
    """
    feeds = [iter(case.feed) for case in cases]
    seconds: list[list[float]] = []
    peaks: list[float | None] = [None] * len(cases)
    total = warm_up + laps
    try:
        for lap in progress(range(total), description, total):
            row = []
            for place, (case, feed) in enumerate(zip(cases, feeds, strict=True)):
                item = next(feed)
                if lap == warm_up - 1 and device is not None:
                    peaks[place] = peak_memory(partial(case.call, item), device)
                    continue
                start = clock()
                case.call(item)
                wait_for(device)
                row.append(clock() - start)
            if lap >= warm_up:
                seconds.append(row)
    except KeyboardInterrupt:
        if not seconds:
            raise
    columns = zip(*seconds, strict=True)
    return [
        Laps(case=case, seconds=column, peak_mb=peak) for case, column, peak in zip(cases, columns, peaks, strict=True)
    ]


def wait_for(device: torch.device | None) -> None:
    """Until a GPU has done what it was given."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(call: Callable[[], object], device: torch.device) -> float | None:
    """MB that a call holds at most beyond what is held before it; None where the system does not tell.

    On a GPU what torch allocates there, else resident memory of the process (Linux).
    """
    if device.type == "cuda":
        wait_for(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        wait_for(device)
        return (torch.cuda.max_memory_allocated(device) - before) / MB
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what is freed, and would use it again unseen
    before_mb = resident_mb()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the highest starts anew
    except OSError:
        before_mb = None
    call()
    highest = resident_mb("VmHWM")
    return None if before_mb is None or highest is None else max(highest - before_mb, 0.0)


def resident_mb(kind: Literal["VmRSS", "VmHWM"] = "VmRSS") -> float | None:
    """Resident memory of this process in MB, now or at its highest; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), None)


def cycle_calls(items: Sequence[Any]) -> Iterator[Any]:
    """The items again and again, in order."""
    while True:
        yield from items
