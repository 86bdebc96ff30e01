"""Runs a tracker with given settings on recorded sequences, in several processes."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any

from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.inference.replay import RecordedSequence

Settings = Mapping[str, Any]

_sequences: dict[str, RecordedSequence] = {}
"""What a worker process replays; set once when it starts, so that no trial has to carry it along."""


class Replays:
    """Counts of trackers on sequences; each is worked out once. A context manager that ends its processes.

    Args:
        sequences: what to replay.
        workers: processes; the counts do not depend on it.
    """

    def __init__(self, sequences: Sequence[RecordedSequence], workers: int) -> None:
        # forked processes share the outputs instead of copying them
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        held = {sequence.name: sequence for sequence in sequences}
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(held,))
        self._known: dict[tuple[str, str], Future[SequenceScores]] = {}

    def __enter__(self) -> Replays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, settings: Settings, names: Iterable[str]) -> list[Future[SequenceScores]]:
        """Start what is not known yet; one future a sequence."""
        text = json.dumps(settings, sort_keys=True)
        futures = []
        for name in names:
            if (text, name) not in self._known:
                self._known[text, name] = self._pool.submit(_replay, name, dict(settings))
            futures.append(self._known[text, name])
        return futures

    def scores(self, settings: Settings, names: Iterable[str]) -> list[SequenceScores]:
        """The counts, in the order of the names."""
        return [future.result() for future in self.submit(settings, names)]


def _start(sequences: dict[str, RecordedSequence]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's business
    _sequences.update(sequences)


def _replay(name: str, settings: dict[str, Any]) -> SequenceScores:
    sequence = _sequences[name]
    return sequence.score(sequence.track(settings))
