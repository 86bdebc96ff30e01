"""A short annotated clip and a table per sequence after each validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.loggers import WandbLogger

from fairmot_pl.data.images import read_image
from fairmot_pl.inference.drawing import Trails, draw_tracks
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import MotTable, tracks_of
from fairmot_pl.structures import AnnotatedSequence, Tracks
from fairmot_pl.training.callbacks.tracking import tracking_of


class ValidationMedia(pl.Callback):
    """Writes `validation.mp4` with the tracks of one validation sequence; hands it and a table to wandb.

    Args:
        folder: where the clip goes.
        frames: how many frames at most; 0 for no clip.
        max_side: longer frames are shrunk to so many pixels.
    """

    def __init__(self, *, folder: str, frames: int = 150, max_side: int = 960) -> None:
        self.path = Path(folder) / "validation.mp4"
        self.frames, self.max_side = frames, max_side

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the clip and fill the table from the results of the validation that has just ended."""
        tracking = tracking_of(trainer)
        if not trainer.is_global_zero or trainer.sanity_checking or tracking is None or tracking.summary is None:
            return
        wandb_loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
        for logger in wandb_loggers:
            rows = [[name, *figures.values()] for name, figures in tracking.summary.sequences.items()]
            logger.log_table("val/sequences", columns=["sequence", *tracking.summary.overall], data=rows)
        if self.frames:
            sequence = trainer.datamodule.val_sequences[0]  # type: ignore[attr-defined]
            rows_of_clip = tracking.results[sequence.name]
            write_clip(self.path, sequence, rows_of_clip, frames=self.frames, max_side=self.max_side)
            for logger in wandb_loggers:
                logger.log_video("val/clip", [str(self.path)], format=["mp4"])


def write_clip(
    path: Path, sequence: AnnotatedSequence, rows: NDArray[np.float64], *, frames: int, max_side: int | None
) -> None:
    """Draw results over the first `frames` frames of a sequence and write them as a video.

    Args:
        path: the mp4.
        sequence: whose images are drawn on.
        rows: `(R, 10)` MOTChallenge rows, tlwh in image pixels.
        frames: how many frames at most.
        max_side: longer frames are shrunk to so many pixels.
    """
    trails = Trails()
    with VideoWriter(path, frame_rate=sequence.frame_rate, max_side=max_side) as writer:
        for annotation in sequence.frames[:frames]:
            tracks = tracks_of_frame(rows, annotation.frame)
            trails.update(tracks)
            try:
                image = read_image(annotation.image_path)
            except (OSError, ValueError):  # a broken image: the data module has counted and named it
                continue
            writer.write(draw_tracks(image, tracks, trails=trails))


def tracks_of_frame(rows: NDArray[np.float64], frame: int) -> Tracks:
    """The tracks of one frame among result rows `(R, 10)`."""
    return tracks_of(MotTable.from_rows(rows[rows[:, 0] == frame]))
