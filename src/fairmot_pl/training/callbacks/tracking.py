"""Track the validation sequences online and log HOTA, MOTA, IDF1 and their kin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from fairmot_pl.data.dataset import FrameSample
from fairmot_pl.data.mot import annotation_rows
from fairmot_pl.evaluation.preprocess import check_benchmark, tell_benchmark
from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.evaluation.tracking import combine, evaluate_sequence
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import MotTable, read_mot, track_rows, write_mot
from fairmot_pl.structures import AnnotatedSequence, Detections, FrameOutput
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.sharding import gather


class TrackValidationSequences(pl.Callback):
    """Feeds each validation sequence, in frame order, to a tracker of its own; evaluates when all are through.

    Under DDP every process tracks and scores whole sequences; their counts are gathered and combined, so the figures
    are those of a single process.

    Args:
        tracker: keywords of `OnlineTracker`, without the frame rate, which comes from each sequence.
        min_box_area: smaller boxes (px^2 of the image) are not written as results.
        max_aspect_ratio: boxes wider than so many times their height are not written.
        benchmark: whose counting rules hold; `"auto"` tells it from sequence names and columns.

    Attributes:
        summary: of the last validation; None before.
        results: its `(R, 10)` MOTChallenge rows by sequence name, tlwh in image pixels.
        step: the training step it was of.
        notes: what is to be known about it.
    """

    def __init__(
        self,
        *,
        tracker: Mapping[str, Any],
        min_box_area: float = 100.0,
        max_aspect_ratio: float = 1.6,
        benchmark: str = "auto",
    ) -> None:
        self.tracker_options = dict(tracker)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio
        check_benchmark(benchmark)
        self.benchmark = benchmark
        self.notes: list[str] = []
        self.step = -1
        self.summary: Summary | None = None
        self.results: dict[str, NDArray[np.float64]] = {}
        self._sequences: list[AnnotatedSequence] = []
        self._trackers: dict[int, OnlineTracker] = {}
        self._rows: dict[int, list[NDArray[np.float64]]] = {}
        self._last_frame: dict[int, int] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read every ground truth once, so that what is wrong with it shows before the first epoch."""
        nothing = MotTable.from_rows(np.zeros((0, 10)))
        for sequence in trainer.datamodule.val_shard().sequences:  # type: ignore[attr-defined]
            self._evaluate(sequence, nothing, sequence.frames[-1].frame)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start every sequence afresh."""
        self._sequences = trainer.datamodule.val_shard().sequences  # type: ignore[attr-defined]
        self._trackers, self._last_frame, self.notes = {}, {}, []
        self._rows = {index: [] for index in range(len(self._sequences))}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: list[FrameOutput],  # type: ignore[override]
        batch: FrameSample,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Hand each frame's detections to its sequence's tracker."""
        places = zip(torch.as_tensor(batch.sequence).tolist(), torch.as_tensor(batch.frame).tolist(), strict=True)
        for (sequence, frame), output in zip(places, outputs, strict=True):
            self._track(sequence, frame, output.detections)

    def _track(self, index: int, frame: int, detections: Detections) -> None:
        last = self._last_frame.get(index)
        if last == frame:  # the filling-up of `FrameOrder`
            return
        sequence = self._sequences[index]
        if last is not None and frame < last:
            raise RuntimeError(
                f"{sequence.name}: frame {frame} came after frame {last}; a tracker needs frames in order"
            )
        if last is None:
            self._trackers[index] = OnlineTracker(frame_rate=sequence.frame_rate, **self.tracker_options)
        self._last_frame[index] = frame
        tracks = self._trackers[index].update(detections)
        kept = keep_for_output(tracks, min_area=self.min_box_area, max_aspect=self.max_aspect_ratio)
        self._rows[index].append(track_rows(frame, kept))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score this process's sequences, gather everybody's counts, log the combined figures."""
        if trainer.sanity_checking or not (self._sequences or trainer.world_size > 1):
            return
        rows, scores = {}, {}
        for index, last in sorted(self._last_frame.items()):
            sequence = self._sequences[index]
            rows[sequence.name] = np.concatenate([np.zeros((0, 10)), *self._rows[index]])
            scores[sequence.name] = self._evaluate(sequence, MotTable.from_rows(rows[sequence.name]), last)
        gathered = gather((scores, rows, self._unseen()))
        self.notes = [f"not all validation frames were tracked: {note}" for part in gathered for note in part[2]]
        if not any(part[0] for part in gathered):
            return
        self.step = trainer.global_step
        self.results = {name: array for part in gathered for name, array in part[1].items()}
        self.summary = combine({name: found for part in gathered for name, found in part[0].items()})
        # every process holds the same combined figures, so there is nothing to synchronise
        pl_module.log_dict(self.summary.flat("val/"))
        pl_module.log("HOTA", self.summary.overall["HOTA"], prog_bar=True, logger=False)

    def _unseen(self) -> list[str]:
        """What a limit on validation batches has left out."""
        return [
            f"{sequence.name} up to frame {self._last_frame.get(index, 0)} of {sequence.frames[-1].frame}"
            for index, sequence in enumerate(self._sequences)
            if self._last_frame.get(index) != sequence.frames[-1].frame
        ]

    def _evaluate(self, sequence: AnnotatedSequence, results: MotTable, last: int) -> SequenceScores:
        """Counts of a sequence up to frame `last`."""
        truth = ground_truth_rows(sequence, last)
        benchmark = self.rules_for(sequence, truth)
        return evaluate_sequence(truth, results, benchmark=benchmark, length=last, sources=(sequence.name, "results"))

    def rules_for(self, sequence: AnnotatedSequence, truth: MotTable) -> str:
        """The benchmark whose counting rules hold for a sequence."""
        return tell_benchmark(sequence.name, truth) if self.benchmark == "auto" else self.benchmark

    def write_results(self, folder: Path) -> None:
        """Write `SEQ.txt` in MOTChallenge format for every sequence of the last validation."""
        for name, rows in self.results.items():
            write_mot(folder / f"{name}.txt", rows)


def tracking_of(trainer: pl.Trainer) -> TrackValidationSequences | None:
    """The callback that tracks the validation sequences, if the run has it."""
    return next((found for found in trainer.callbacks if isinstance(found, TrackValidationSequences)), None)  # type: ignore[attr-defined]


def ground_truth_rows(sequence: AnnotatedSequence, last: int) -> MotTable:
    """All rows (distractors too) of the frames that the sequence holds, up to frame `last`."""
    if sequence.folder is None:
        return annotation_rows(sequence, last)
    truth = read_mot(sequence.folder / "gt" / "gt.txt")
    return truth.select((truth.frames >= sequence.frames[0].frame) & (truth.frames <= last))
