"""Explain the ID switches of a validation: its recorded outputs are tracked again, and watched."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytorch_lightning as pl

from fairmot_pl.data.images import Image, read_image
from fairmot_pl.data.progress import progress
from fairmot_pl.inference.cache import read_recording
from fairmot_pl.inference.explanation import SequenceExplanation, explain_sequence
from fairmot_pl.inference.replay import ground_truth, rules_of
from fairmot_pl.mot_format import MotTable
from fairmot_pl.reporting.explain_page import write_explanation
from fairmot_pl.structures import AnnotatedSequence
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences, tracking_of


def explain_validation(trainer: pl.Trainer, folder: Path, *, title: str, most_cards: int) -> Path:
    """Write `explain.html` and `explain.json` of the last validation.

    Args:
        trainer: that validated, with a data module that records network outputs.
        folder: of the run.
        title: heading of the page.
        most_cards: how many switches are shown with pictures.

    Raises:
        ValueError: nothing was tracked, or a sequence not to its end.
        OSError: a file cannot be written.
    """
    tracking, datamodule = tracking_of(trainer), datamodule_of(trainer)
    if tracking is None or not tracking.results:
        raise ValueError("nothing was tracked, so there is nothing to explain; keep callbacks.tracking")
    recordings = datamodule.recordings
    assert recordings is not None  # whoever asks for an explanation has a cache of outputs
    recorded = [
        (sequence, recordings.cache.entry(sequence))
        for sequence in datamodule.val_sequences
        if sequence.name in tracking.results
    ]
    explained = [_explain(tracking, *pair) for pair in progress(recorded, "explaining ID switches", len(recorded))]
    return write_explanation(
        folder,
        explained,
        {sequence.name: partial(_picture, sequence) for sequence, _ in recorded},
        OnlineTracker(**tracking.tracker_options),
        title=f"{title}: why ids changed",
        most_cards=most_cards,
    )


def _explain(tracking: TrackValidationSequences, sequence: AnnotatedSequence, entry: Path) -> SequenceExplanation:
    if not entry.is_file():
        raise ValueError(f"{sequence.name} was not tracked to its end, so it cannot be explained; limit no batches")
    truth = ground_truth(sequence, sequence.frames[-1].frame)
    tracker = OnlineTracker(frame_rate=sequence.frame_rate, **tracking.tracker_options)
    frames = read_recording(entry, sequence)
    camera = tracking.camera(sequence) if tracker.use_camera_motion else [None] * len(frames)
    replay = [
        (recorded.frame, recorded.output.detections, {"camera": moved})
        for recorded, moved in zip(frames, camera, strict=True)
    ]
    return explain_sequence(
        sequence.name,
        truth,
        MotTable.from_rows(tracking.results[sequence.name]),
        replay,
        tracker,
        benchmark=rules_of(sequence.name, truth, tracking.benchmark),
    )


def _picture(sequence: AnnotatedSequence, frame: int) -> Image:
    paths = {annotation.frame: annotation.image_path for annotation in sequence.frames}
    return read_image(paths[frame])
