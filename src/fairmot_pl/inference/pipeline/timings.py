"""How long the stages of tracking took."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

STAGES = ("read", "prepare", "network", "decode", "associate", "draw", "write")
"""Frame from its source; into the network's input; the network; maps to detections; tracks; picture; files."""

RECENT = 1000
"""Frames that a median is taken over: memory stays flat however long a run is."""

_TRACKING = ("prepare", "network", "decode", "associate")


@dataclass(frozen=True, kw_only=True)
class StageTimings:
    """How long the stages took, over all sources of a run.

    Args:
        frames: how many frames were tracked.
        wall: seconds from the first stage to the last.
        medians: milliseconds a frame of each stage, over the last thousand frames.
        totals: seconds of each stage. Stages overlap, so that these may sum to more than `wall`.
    """

    frames: int
    wall: float
    medians: dict[str, float]
    totals: dict[str, float]

    @property
    def fps(self) -> float:
        """Frames per second of all stages together."""
        return self.frames / self.wall if self.wall else 0.0

    @property
    def tracking_fps(self) -> float:
        """Frames per second, one after the other, without reading, drawing and writing, as papers report it."""
        alone = sum(self.totals[stage] for stage in _TRACKING)
        return self.frames / alone if alone else 0.0

    def share(self, stage: str) -> float:
        """The part of the wall time in which a stage was at work."""
        return self.totals[stage] / self.wall if self.wall else 0.0

    def flat(self, prefix: str = "speed/") -> dict[str, float]:
        """One flat mapping for `metrics.json`: milliseconds a frame, shares of the wall time, frames per second."""
        figures: dict[str, float] = {}
        for stage in STAGES:
            figures |= {f"{stage}_ms": self.medians[stage], f"{stage}_share": self.share(stage)}
        figures |= {
            "fps": self.fps,
            "tracking_fps": self.tracking_fps,
            "frames": float(self.frames),
            "wall_s": self.wall,
        }
        return {prefix + name: value for name, value in figures.items()}

    def table(self) -> str:
        """A row a stage, for the terminal."""
        rows = [f"{'stage':<10}{'median ms':>11}{'total s':>10}{'of the wall time':>18}"]
        for stage in STAGES:
            rows.append(f"{stage:<10}{self.medians[stage]:>11.1f}{self.totals[stage]:>10.1f}{self.share(stage):>18.0%}")
        rows += [
            f"{self.frames} frames in {self.wall:.1f} s: {self.fps:.3g} fps, all stages, at work at the same time",
            f"as papers count: {self.tracking_fps:.3g} fps, prepare to associate, one after the other",
        ]
        return "\n".join(rows)


class StageClock:
    """Collects the seconds of the stages, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent = {stage: deque[float](maxlen=RECENT) for stage in STAGES}
        self._totals = dict.fromkeys(STAGES, 0.0)
        self._frames = 0
        self._started = time.perf_counter()

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Time the block as one frame's share of a stage; a block that raises counts nothing."""
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        with self._lock:
            self._recent[stage].append(seconds)
            self._totals[stage] += seconds

    def frame_done(self) -> None:
        """One more frame has gone through all stages."""
        with self._lock:
            self._frames += 1

    def timings(self) -> StageTimings:
        """What was collected until now."""
        wall = time.perf_counter() - self._started
        with self._lock:
            medians = {stage: 1e3 * float(np.median(laps)) if laps else 0.0 for stage, laps in self._recent.items()}
            return StageTimings(frames=self._frames, wall=wall, medians=medians, totals=dict(self._totals))
