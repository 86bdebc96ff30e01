"""Track the validation sequences online and log HOTA, MOTA, IDF1 and their kin, detection AP and re-ID quality."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.trainer.states import TrainerFn

from fairmot_pl.data.frames import FrameSample
from fairmot_pl.evaluation.preprocess import check_benchmark
from fairmot_pl.evaluation.quality import Quality, QualityRecord, SequenceOutputs, combine_quality
from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.evaluation.tracking import check_protocol, combine
from fairmot_pl.inference.camera_record import camera_of
from fairmot_pl.inference.replay import OutputFilter, count_sequence, ground_truth, rules_of, tracked_rows
from fairmot_pl.mot_format import MotTable, write_mot
from fairmot_pl.structures import AnnotatedSequence, FrameOutput
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.attached import callback_of, datamodule_of, profiler_of
from fairmot_pl.training.recordings import RecordedBatch, places_of
from fairmot_pl.training.sharding import gather
from fairmot_pl.training.stage_profiler import ASSOCIATION


class _Measured(NamedTuple):
    """One sequence of a validation: its result rows and its contributions to the figures."""

    rows: NDArray[np.float64]
    last: int
    scores: SequenceScores
    reference: SequenceScores | None
    quality: QualityRecord


class TrackValidationSequences(pl.Callback):
    """Feeds each validation sequence, in frame order, to a tracker of its own; evaluates when all are through.

    Under DDP every process tracks and scores whole sequences; their counts are gathered and combined, so the figures
    are those of a single process.

    Args:
        tracker: keywords of `OnlineTracker`, without the frame rate, which comes from each sequence.
        min_box_area: smaller boxes (px^2 of the image) are not written as results.
        max_aspect_ratio: boxes wider than so many times their height are not written.
        benchmark: whose counting rules hold; `"auto"` tells it from sequence names and columns.
        protocol: `"reference"` adds the figures as FairMOT's own scripts count them, see `evaluate_tracking`.
        full_every: in training, every so many validations, and the last, measure all that is known of detection and
            re-ID; the others AP50 alone. Outside of training all do.

    Attributes:
        summary: of the last validation; None before.
        reference: the same by the counting of FairMOT's scripts, where the protocol asks for it.
        quality: detection and re-ID figures of the last validation; None before.
        results: its `(R, 10)` MOTChallenge rows by sequence name, tlwh in image pixels.
        lengths: the last frame of each that was tracked.
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
        protocol: str = "trackeval",
        full_every: int = 5,
    ) -> None:
        self.tracker_options = dict(tracker)
        self.kept = OutputFilter(min_area=min_box_area, max_aspect=max_aspect_ratio)
        check_benchmark(benchmark)
        check_protocol(protocol)
        self.benchmark, self.protocol = benchmark, protocol
        if full_every < 1:
            raise ValueError(f"full_every is {full_every}; allowed: 1 (every validation) or more")
        self.full_every = full_every
        self.notes: list[str] = []
        self.step = -1
        self.summary: Summary | None = None
        self.reference: Summary | None = None
        self.quality: Quality | None = None
        self.results: dict[str, NDArray[np.float64]] = {}
        self.lengths: dict[str, int] = {}
        self._sequences: list[AnnotatedSequence] = []
        self._trackers: dict[int, OnlineTracker] = {}
        self._rows: dict[int, list[NDArray[np.float64]]] = {}
        self._outputs: dict[int, SequenceOutputs] = {}
        self._last_frame: dict[int, int] = {}
        self._records: Path | None = None
        self._cameras: dict[str, NDArray[np.float64]] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read every ground truth once, so that what is wrong with it shows before the first epoch."""
        nothing = np.zeros((0, 10))
        for sequence in datamodule_of(trainer).val_shard().sequences:
            last = sequence.frames[-1].frame
            self._count(sequence, ground_truth(sequence, last), nothing, last, "trackeval")

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start every sequence afresh."""
        datamodule = datamodule_of(trainer)
        self._sequences, outputs = datamodule.val_shard().sequences, datamodule.outputs
        self._records = outputs.folder if outputs is not None else None
        self._trackers, self._last_frame, self.notes = {}, {}, []
        self._rows = {index: [] for index in range(len(self._sequences))}
        full = self._is_full(trainer)
        self._outputs = {index: SequenceOutputs(full=full) for index in range(len(self._sequences))}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: list[FrameOutput],  # type: ignore[override]  # what our module's step returns
        batch: FrameSample | RecordedBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Hand each frame's detections to its sequence's tracker; keep what detection and re-ID are measured by."""
        for (sequence, frame), output in zip(places_of(batch), outputs, strict=True):
            with profiler_of(trainer).profile(ASSOCIATION):
                self._track(sequence, frame, output)

    def _track(self, index: int, frame: int, output: FrameOutput) -> None:
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
        tracker, camera = self._trackers[index], None
        if tracker.use_camera_motion:
            camera = self.camera(sequence)[len(self._rows[index])]
        self._rows[index].append(tracked_rows(tracker, frame, output.detections, self.kept, camera=camera))
        self._outputs[index].add(frame, output)

    def camera(self, sequence: AnnotatedSequence) -> NDArray[np.float64]:
        """The camera's motion in every frame; the images are read for it once a run."""
        if sequence.name not in self._cameras:
            self._cameras[sequence.name] = camera_of(sequence, self._records)
        return self._cameras[sequence.name]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score this process's sequences, gather everybody's counts, log the combined figures."""
        if trainer.sanity_checking or not (self._sequences or trainer.world_size > 1):
            return
        mine, sequences = {}, len(datamodule_of(trainer).val_sequences)
        for index, last in sorted(self._last_frame.items()):
            sequence = self._sequences[index]
            mine[sequence.name] = self._measure(index, sequence, last, sequences)
        self._outputs = {}
        gathered = gather((mine, self._unseen()))
        self.notes = [f"not all validation frames were tracked: {note}" for part in gathered for note in part[1]]
        measured: dict[str, _Measured] = {name: found for part in gathered for name, found in part[0].items()}
        if not measured:
            return
        self.step = trainer.global_step
        self.results = {name: found.rows for name, found in measured.items()}
        self.lengths = {name: found.last for name, found in measured.items()}
        self.summary = combine({name: found.scores for name, found in measured.items()})
        self.quality = combine_quality({name: found.quality for name, found in measured.items()})
        by_reference = {name: found.reference for name, found in measured.items() if found.reference is not None}
        self.reference = combine(by_reference) if by_reference else None
        # every process holds the same combined figures, so there is nothing to synchronise
        pl_module.log_dict(self.figures())
        pl_module.log("HOTA", self.summary.overall["HOTA"], prog_bar=True, logger=False)

    def figures(self) -> dict[str, float]:
        """All figures of the last validation, as they are logged; empty before."""
        parts = (self.summary, self.quality, self.reference)
        return {name: value for part in parts if part is not None for name, value in part.flat("val/").items()}

    def _is_full(self, trainer: pl.Trainer) -> bool:
        """Whether this validation measures everything; told from the epoch, so that resuming changes nothing."""
        if trainer.state.fn != TrainerFn.FITTING:
            return True
        period = trainer.check_val_every_n_epoch or 1
        return self.is_last(trainer) or (trainer.current_epoch + 1) // period % self.full_every == 0

    def is_last(self, trainer: pl.Trainer) -> bool:
        """Whether a training that runs for a number of epochs validates no more after this one."""
        period, epochs = trainer.check_val_every_n_epoch or 1, trainer.max_epochs
        return epochs not in (None, -1) and trainer.current_epoch + 1 + period > epochs

    def _measure(self, index: int, sequence: AnnotatedSequence, last: int, sequences: int) -> _Measured:
        """Everything about one sequence up to frame `last`."""
        truth = ground_truth(sequence, last)
        rows = np.concatenate([np.zeros((0, 10)), *self._rows[index]])
        protocols = {protocol: self._count(sequence, truth, rows, last, protocol) for protocol in self._protocols()}
        rules = rules_of(sequence.name, truth, self.benchmark)
        return _Measured(
            rows=rows,
            last=last,
            scores=protocols["trackeval"],
            reference=protocols.get("reference"),
            quality=self._outputs[index].measure(truth, benchmark=rules, sequences=sequences),
        )

    def _protocols(self) -> list[str]:
        return ["trackeval"] if self.protocol == "trackeval" else ["trackeval", self.protocol]

    def _count(
        self, sequence: AnnotatedSequence, truth: MotTable, rows: NDArray[np.float64], last: int, protocol: str
    ) -> SequenceScores:
        return count_sequence(sequence.name, truth, rows, benchmark=self.benchmark, last=last, protocol=protocol)

    def _unseen(self) -> list[str]:
        """What a limit on validation batches has left out."""
        return [
            f"{sequence.name} up to frame {self._last_frame.get(index, 0)} of {sequence.frames[-1].frame}"
            for index, sequence in enumerate(self._sequences)
            if self._last_frame.get(index) != sequence.frames[-1].frame
        ]

    def write_results(self, folder: Path) -> None:
        """Write `SEQ.txt` in MOTChallenge format for every sequence of the last validation."""
        for name, rows in self.results.items():
            write_mot(folder / f"{name}.txt", rows)


def tracking_of(trainer: pl.Trainer) -> TrackValidationSequences | None:
    """The callback that tracks the validation sequences, if the run has it."""
    return callback_of(trainer, TrackValidationSequences)
