"""Where the time of training and validation goes, measured by Lightning's own hooks."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict

import pytorch_lightning as pl
from pytorch_lightning.profilers import PassThroughProfiler, Profiler

from fairmot_pl.reporting.stage_times import PHASES, PhaseTimes, StageTimes
from fairmot_pl.training.attached import profiler_of

NETWORK, ASSOCIATION = "network", "association"
"""Spans of our own, within Lightning's."""

_STAGES = {
    r"train_dataloader_next$|\.val_next$": "waiting for data",
    r"batch_to_device$|transfer": "to the device",
    r"\.training_step$": "network and losses",
    r"\.backward$": "backward",
    r"\.(optimizer_step|optimizer_zero_grad)$": "optimiser",
    rf"^{NETWORK}$": "network",
    r"\.validation_step$": "decoding",
    rf"^{ASSOCIATION}$": "association",
    r"TrackValidationSequences": "metrics",
    r"^\[Callback\]": "",
}
"""What an action belongs to, by its name; a callback is a stage by its own name, all else is the trainer's."""

_CALLBACK = re.compile(r"^\[Callback\](\w+)")
_COUNTED = {"training": "network and losses", "validation": "association"}
"""The stage of each phase that is entered once for each step, or frame."""


class StageProfiler(Profiler):
    """Adds up the seconds of each stage; at any time the innermost running action counts, and no other.

    On a GPU work is queued: its time shows where the processor waits for it, except for the network in validation,
    which is waited for.

    Args:
        beside: another profiler, which hears of every action, too; what it takes is no stage's time.
    """

    def __init__(self, beside: Profiler | None = None) -> None:
        super().__init__()
        self._beside = beside or PassThroughProfiler()
        self._seconds: dict[str, defaultdict[str, float]] = {phase: defaultdict(float) for phase in PHASES}
        self._entered: dict[str, Counter[str]] = {phase: Counter() for phase in PHASES}
        self._phase = "training"
        self._running: list[tuple[str, str]] = []
        self._since = 0.0

    def start(self, action_name: str) -> None:
        """An action begins; the one around it stands still."""
        self._count()
        self._beside.start(action_name)
        if "validation" in action_name or action_name.endswith(".val_next"):
            self._phase = "validation"
        elif "train" in action_name:
            self._phase = "training"
        place = self._phase, stage_of(action_name)
        self._running.append(place)
        self._entered[place[0]][place[1]] += 1
        self._since = time.perf_counter()

    def stop(self, action_name: str) -> None:
        """The innermost action ends."""
        self._count()
        if self._running:
            self._running.pop()
        self._beside.stop(action_name)
        self._since = time.perf_counter()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._running:
            phase, stage = self._running[-1]
            self._seconds[phase][stage] += now - self._since
        self._since = now

    def setup(self, stage: str, local_rank: int | None = None, log_dir: str | None = None) -> None:
        """A task of the trainer begins."""
        super().setup(stage, local_rank, log_dir)
        self._beside._lightning_module = self._lightning_module  # type: ignore[attr-defined]  # as the trainer does
        self._beside.setup(stage, local_rank, log_dir)

    def teardown(self, stage: str | None) -> None:
        """A task of the trainer ends."""
        self._beside.teardown(stage)
        super().teardown(stage)

    def describe(self) -> None:
        """Of its own nothing is printed: the report shows it."""
        self._beside.describe()

    def times(self) -> StageTimes:
        """What was measured until now."""
        return {
            phase: PhaseTimes(count=self._entered[phase][_COUNTED[phase]], seconds=dict(seconds))
            for phase, seconds in self._seconds.items()
            if self._entered[phase][_COUNTED[phase]]
        }


def stage_of(action: str) -> str:
    """The stage that an action of Lightning belongs to."""
    for pattern, stage in _STAGES.items():
        if re.search(pattern, action):
            found = _CALLBACK.match(action)
            return stage or (found[1] if found else action)
    return "trainer and logging"


def stage_times(trainer: pl.Trainer) -> StageTimes:
    """What a trainer's profiler has measured; nothing where it is another one."""
    profiler = profiler_of(trainer)
    return profiler.times() if isinstance(profiler, StageProfiler) else {}
