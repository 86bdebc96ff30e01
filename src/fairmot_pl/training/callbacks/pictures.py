"""What the network makes of a few validation frames: its heatmaps, for the pictures of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from fairmot_pl.data.images import letterbox_pixels, read_image, to_planes, to_unit
from fairmot_pl.inference.drawing import draw_heatmap, draw_tracks
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.mot_format import tracks_of_frame
from fairmot_pl.reporting.evidence import Picture
from fairmot_pl.reporting.page import jpeg
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation
from fairmot_pl.training.attached import callback_of, datamodule_of
from fairmot_pl.training.recordings import places_of
from fairmot_pl.training.sharding import gather

MAX_SIDE = 960
"""Pixels of the longer side of a picture: two stand beside each other."""


class Seen(NamedTuple):
    """The frame of a sequence that was chosen, and `(h, w)` uint8 of its heatmap, 255 = certain."""

    frame: int
    heatmap: NDArray[np.uint8]


class KeepHeatmaps(pl.Callback):
    """Asks the network, as it is validated, for the heatmap of the frame in the middle of the first few sequences.

    Args:
        sequences: how many sequences.

    Attributes:
        seen: by sequence name, of the last validation.
    """

    def __init__(self, *, sequences: int = 4) -> None:
        self.sequences = sequences
        self.seen: dict[str, Seen] = {}
        self._mine: dict[str, Seen] = {}
        self._waited: dict[int, AnnotatedSequence] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the validation before."""
        self._mine = {}
        datamodule = datamodule_of(trainer)
        chosen = {found.name for found in datamodule.val_sequences[: self.sequences]}
        shard = datamodule.val_shard().sequences
        self._waited = {index: sequence for index, sequence in enumerate(shard) if sequence.name in chosen}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Look at a chosen frame when its batch has come, so that the weights are those that were validated."""
        for index, frame in places_of(batch):
            sequence = self._waited.get(index)
            if sequence is None or frame < sequence.frames[len(sequence) // 2].frame:
                continue
            annotation = next(found for found in sequence.frames if found.frame == frame)
            heatmap = _look(trainer, pl_module, annotation)
            if heatmap is not None:
                self._mine[sequence.name] = Seen(frame, heatmap)
                del self._waited[index]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put together what the processes have seen."""
        self.seen = {name: seen for part in gather(self._mine) for name, seen in part.items()}


def draw_pictures(trainer: pl.Trainer, results: Mapping[str, NDArray[np.float64]]) -> list[Picture]:
    """The frames that were chosen, with their tracks, and with the network's heatmap; empty without `KeepHeatmaps`.

    Args:
        trainer: with the callback, after a validation.
        results: `(R, 10)` MOTChallenge rows by sequence name, tlwh in image pixels.
    """
    keeper, datamodule = callback_of(trainer, KeepHeatmaps), datamodule_of(trainer)
    pictures = []
    for sequence in datamodule.val_sequences:
        seen = keeper.seen.get(sequence.name) if keeper else None
        if seen is None or sequence.name not in results:
            continue
        annotation = next(found for found in sequence.frames if found.frame == seen.frame)
        image, tracks = read_image(annotation.image_path), tracks_of_frame(results[sequence.name], seen.frame)
        letterbox = Letterbox(image.shape[:2], datamodule.input_size)
        warm = draw_heatmap(_dimmed(image), seen.heatmap / np.float32(255), letterbox=letterbox, strength=1.0)
        pictures.append(
            Picture(
                caption=f"{sequence.name}, frame {seen.frame}: {len(tracks)} tracks of {len(annotation)} people",
                tracks=jpeg(draw_tracks(image, tracks), max_side=MAX_SIDE),
                heatmap=jpeg(draw_tracks(warm, tracks), max_side=MAX_SIDE),
            )
        )
    return pictures


def _dimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey, darker copy: on it, a heatmap has the only warm colours."""
    grey = 0.55 * image.mean(axis=2, keepdims=True)
    return np.broadcast_to(grey, image.shape).astype(np.uint8)


def _look(trainer: pl.Trainer, pl_module: pl.LightningModule, annotation: FrameAnnotation) -> NDArray[np.uint8] | None:
    """The heatmap of a frame, the most certain class of each cell; None where its image cannot be read."""
    try:
        image = read_image(annotation.image_path)
    except (OSError, ValueError):  # the data module has counted and named it
        return None
    letterbox = Letterbox(image.shape[:2], datamodule_of(trainer).input_size)
    planes = to_planes(letterbox_pixels(image, letterbox))[None].to(pl_module.device)
    with trainer.precision_plugin.forward_context():
        heatmap = pl_module(to_unit(planes)).heatmap[0]
    return np.asarray((255 * heatmap.float().sigmoid().amax(dim=0)).round().byte().cpu().numpy())
