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


def tracked_rows(
    tracker: OnlineTracker, frame: int, detections: Detections, kept: OutputFilter, *, camera: Rows | None = None
) -> Rows:
    """Hand a tracker its next frame; the `(M, 10)` MOTChallenge rows of what is written of it.

    Args:
        tracker: of this sequence.
        frame: its number, from 1.
        detections: all of it.
        kept: which tracks are written.
        camera: `(2, 3)` how the camera moved since the frame before, for a tracker that asks for it.
    """
    tracks = tracker.update(detections, camera=camera)
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
        camera: `(F, 2, 3)` how the camera moved, for trackers that ask for it; None where none does.
    """

    name: str
    frames: Sequence[RecordedFrame]
    truth: MotTable
    frame_rate: float
    benchmark: str = "auto"
    kept: OutputFilter = OutputFilter()
    camera: Rows | None = None

    @classmethod
    def of(
        cls,
        sequence: AnnotatedSequence,
        frames: Sequence[RecordedFrame],
        *,
        benchmark: str,
        kept: OutputFilter,
        camera: Rows | None = None,
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
            camera=camera,
        )

    def __len__(self) -> int:
        return len(self.frames)

    def track(self, settings: Mapping[str, Any]) -> Rows:
        """`(R, 10)` result rows of a tracker with these settings."""
        tracker = OnlineTracker(frame_rate=self.frame_rate, **settings)
        still = [None] * len(self.frames)
        if tracker.use_camera_motion and self.camera is None:
            raise ValueError(f"{self.name}: the tracker asks for the camera's motion, which is not recorded")
        camera = self.camera if tracker.use_camera_motion and self.camera is not None else still
        rows: Iterable[Rows] = (
            tracked_rows(tracker, frame.frame, frame.output.detections, self.kept, camera=moved)
            for frame, moved in zip(self.frames, camera, strict=True)
        )
        return np.concatenate([np.zeros((0, 10)), *rows])

    def score(self, rows: Rows) -> SequenceScores:
        """Counts of result rows."""
        return count_sequence(self.name, self.truth, rows, benchmark=self.benchmark, last=self.frames[-1].frame)

    def halves(self) -> tuple[RecordedSequence, RecordedSequence]:
        """Its first and its second half in time, as two sequences."""
        middle = len(self.frames) // 2
        rules = tell_benchmark(self.name, self.truth) if self.benchmark == "auto" else self.benchmark

        def part(which: str, half: slice) -> RecordedSequence:
            frames, camera = self.frames[half], None if self.camera is None else self.camera[half]
            inside = (self.truth.frames >= frames[0].frame) & (self.truth.frames <= frames[-1].frame)
            name, truth = f"{self.name} ({which} half)", self.truth.select(inside)
            return replace(self, name=name, frames=frames, truth=truth, benchmark=rules, camera=camera)

        return part("first", slice(middle)), part("second", slice(middle, None))
