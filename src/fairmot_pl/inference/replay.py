"""One annotated sequence from network outputs to result rows to counts: the same steps live and on recorded outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.mot import annotation_rows
from fairmot_pl.evaluation.preprocess import tell_benchmark
from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.evaluation.tracking import evaluate_sequence
from fairmot_pl.inference.cache import RecordedFrame
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import MotTable, read_mot, track_rows
from fairmot_pl.structures import AnnotatedSequence, Detections
from fairmot_pl.tracking.tracker import OnlineTracker

Rows = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class OutputFilter:
    """Which tracks are written as results, see `keep_for_output`."""

    min_area: float = 100.0
    max_aspect: float = 1.6


def tracked_rows(tracker: OnlineTracker, frame: int, detections: Detections, kept: OutputFilter) -> Rows:
    """Hand a tracker its next frame; the `(M, 10)` MOTChallenge rows of what is written of it."""
    tracks = tracker.update(detections)
    return track_rows(frame, keep_for_output(tracks, min_area=kept.min_area, max_aspect=kept.max_aspect))


def ground_truth(sequence: AnnotatedSequence, last: int) -> MotTable:
    """All rows (distractors too) of the frames that a sequence holds, up to frame `last`."""
    if sequence.folder is None:
        return annotation_rows(sequence, last)
    truth = read_mot(sequence.folder / "gt" / "gt.txt")
    return truth.select((truth.frames >= sequence.frames[0].frame) & (truth.frames <= last))


def rules_of(name: str, truth: MotTable, benchmark: str) -> str:
    """Whose counting rules hold for a sequence; `"auto"` tells it from name and columns."""
    return tell_benchmark(name, truth) if benchmark == "auto" else benchmark


def count_sequence(
    name: str, truth: MotTable, rows: Rows, *, benchmark: str, last: int, protocol: str = "trackeval"
) -> SequenceScores:
    """Counts of a sequence.

    Args:
        name: of the sequence.
        truth: from `ground_truth`.
        rows: `(R, 10)` result rows.
        benchmark: whose counting rules hold; `"auto"` tells it from name and columns.
        last: its last frame.
        protocol: how it is counted, see `evaluate_tracking`.
    """
    return evaluate_sequence(
        truth,
        MotTable.from_rows(rows),
        benchmark=rules_of(name, truth, benchmark),
        protocol=protocol,
        length=last,
        sources=(name, "results"),
    )


@dataclass(frozen=True, kw_only=True)
class RecordedSequence:
    """A sequence whose network outputs are known: any tracker can be run on it and scored.

    Args:
        name: of the sequence.
        frames: outputs by frame, in order.
        truth: its ground truth.
        frame_rate: frames per second.
        benchmark: whose counting rules hold, or `"auto"`.
        kept: which tracks are written.
    """

    name: str
    frames: Sequence[RecordedFrame]
    truth: MotTable
    frame_rate: float
    benchmark: str = "auto"
    kept: OutputFilter = OutputFilter()

    @classmethod
    def of(
        cls, sequence: AnnotatedSequence, frames: Sequence[RecordedFrame], *, benchmark: str, kept: OutputFilter
    ) -> RecordedSequence:
        """An annotated sequence with its outputs."""
        truth = ground_truth(sequence, frames[-1].frame)
        return cls(
            name=sequence.name,
            frames=frames,
            truth=truth,
            frame_rate=sequence.frame_rate,
            benchmark=benchmark,
            kept=kept,
        )

    def __len__(self) -> int:
        return len(self.frames)

    def track(self, settings: Mapping[str, Any]) -> Rows:
        """`(R, 10)` result rows of a tracker with these settings."""
        tracker = OnlineTracker(frame_rate=self.frame_rate, **settings)
        rows: Iterable[Rows] = (
            tracked_rows(tracker, frame.frame, frame.output.detections, self.kept) for frame in self.frames
        )
        return np.concatenate([np.zeros((0, 10)), *rows])

    def score(self, rows: Rows) -> SequenceScores:
        """Counts of result rows."""
        return count_sequence(self.name, self.truth, rows, benchmark=self.benchmark, last=self.frames[-1].frame)

    def halves(self) -> tuple[RecordedSequence, RecordedSequence]:
        """Its first and its second half in time, as two sequences."""
        middle = len(self.frames) // 2
        rules = tell_benchmark(self.name, self.truth) if self.benchmark == "auto" else self.benchmark

        def part(which: str, frames: Sequence[RecordedFrame]) -> RecordedSequence:
            inside = (self.truth.frames >= frames[0].frame) & (self.truth.frames <= frames[-1].frame)
            name, truth = f"{self.name} ({which} half)", self.truth.select(inside)
            return replace(self, name=name, frames=frames, truth=truth, benchmark=rules)

        return part("first", self.frames[:middle]), part("second", self.frames[middle:])
