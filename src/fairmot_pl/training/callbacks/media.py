"""What each validation shows on the boards, and the annotated clip that a run's folder keeps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from fairmot_pl.data.images import read_image
from fairmot_pl.inference.drawing import Trails, draw_tracks
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import tracks_of_frame
from fairmot_pl.structures import AnnotatedSequence
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.callbacks.pictures import chosen_frames
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences, tracking_of
from fairmot_pl.training.dashboard.board import boards
from fairmot_pl.training.dashboard.views import ShownFrame, ValidationView, jpeg, shown_frames

log = logging.getLogger(__name__)

ALL_UP_TO = 16
"""Full validations up to this number all hand media to the boards; later ones more and more seldom."""


class ValidationMedia(pl.Callback):
    """Writes `validation.mp4` with the tracks of one validation sequence, and shows each validation on the boards.

    Every validation has its table and curves, which are small. Frames and the clip come with full validations (see
    `TrackValidationSequences`), the first 16 of a run, then every second up to the 32nd, every fourth up to the 64th
    and so on, and with the last. So a run of n of them keeps those of at most 17 + 8 log2(n / 16), and of each no more
    than `max_megabytes`.

    Args:
        folder: where the clip goes.
        frames: how many frames the clip has at most; 0 for no clip.
        images: how many frames are shown as pictures (see `chosen_frames`); 0 for none.
        max_side: longer frames are shrunk to so many pixels.
        max_megabytes: of pictures and clip that a validation hands to a board; the clip gets what the pictures leave.
    """

    def __init__(
        self, *, folder: str, frames: int = 150, images: int = 4, max_side: int = 960, max_megabytes: float = 16
    ) -> None:
        self.path = Path(folder) / "validation.mp4"
        self.frames, self.images, self.max_side = frames, images, max_side
        self.max_bytes = int(max_megabytes * 1e6)
        self._said = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the clip and show the results of the validation that has just ended."""
        tracking = tracking_of(trainer)
        if not trainer.is_global_zero or trainer.sanity_checking or tracking is None or tracking.summary is None:
            return
        sequences = datamodule_of(trainer).val_sequences
        full = tracking.quality is not None and tracking.quality.full
        if self.frames and full:
            rows = tracking.results[sequences[0].name]
            write_clip(self.path, sequences[0], rows, frames=self.frames, max_side=self.max_side)
        shown = boards(trainer.loggers)
        if not shown:
            return
        pictures: list[ShownFrame] = []
        clip: Path | None = None
        if full and is_kept(*full_validations(trainer, tracking)):
            chosen = chosen_frames(sequences, self.images)
            tracked = [(of, frame) for of, frame in chosen if frame.frame <= tracking.lengths.get(of.name, -1)]
            pictures, left = within(shown_frames(tracked, tracking.results, max_side=self.max_side), self.max_bytes)
            clip = self._clip_within(left)
        view = ValidationView(
            step=trainer.global_step,
            epoch=trainer.current_epoch,
            summary=tracking.summary,
            quality=tracking.quality,
            frames=pictures,
            clip=clip,
        )
        for board in shown:
            board.show_validation(view)

    def _clip_within(self, size: int) -> Path | None:
        if not self.frames or not self.path.is_file():
            return None
        if self.path.stat().st_size <= size:
            return self.path
        if not self._said:
            self._said = True
            log.warning(
                "%s is larger than callbacks.media.max_megabytes leaves it, so the boards do not get it; "
                "callbacks.media.frames and max_side make it smaller",
                self.path,
            )
        return None


def full_validations(trainer: pl.Trainer, tracking: TrackValidationSequences) -> tuple[int, bool]:
    """Which full validation of the run this is, from 1, and whether it is the last; told from the epoch."""
    if trainer.state.fn != "fit":
        return 1, True
    period = (trainer.check_val_every_n_epoch or 1) * tracking.full_every
    return -(-(trainer.current_epoch + 1) // period), tracking.is_last(trainer)


def is_kept(number: int, last: bool) -> bool:
    """Whether the full validation of that number, from 1, hands media to the boards."""
    period = 1
    while number > ALL_UP_TO * period:
        period *= 2
    return last or number % period == 0


def within(frames: Sequence[ShownFrame], size: int) -> tuple[list[ShownFrame], int]:
    """The first frames that are no larger than `size` bytes together as JPEG files, and what they leave of it."""
    kept: list[ShownFrame] = []
    for frame in frames:
        length = len(jpeg(frame.image))
        if length > size:
            break
        kept.append(frame)
        size -= length
    return kept, size


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
