"""Which validation frames are shown, and what the network makes of them: its heatmaps, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def chosen_frames(
    sequences: Sequence[AnnotatedSequence], count: int
) -> list[tuple[AnnotatedSequence, FrameAnnotation]]:
    """`count` frames, evenly over the sequences and over each: the same every time, on boards and in the report."""
    filled = [sequence for sequence in sequences if len(sequence)]
    chosen = []
    for index, sequence in enumerate(filled[:count]):
        places = min(len(range(index, count, len(filled))), len(sequence))
        chosen += [
            (sequence, sequence.frames[(2 * place + 1) * len(sequence) // (2 * places)]) for place in range(places)
        ]
    return chosen


class KeepHeatmaps(pl.Callback):
    """Asks the network, as it is validated, for the heatmaps of the chosen frames.

    Args:
        images: how many frames; see `chosen_frames`.

    Attributes:
        seen: `(h, w)` uint8 of the last validation, 255 = certain, by sequence name and frame.
    """

    def __init__(self, *, images: int = 4) -> None:
        self.images = images
        self.seen: dict[tuple[str, int], NDArray[np.uint8]] = {}
        self._mine: dict[tuple[str, int], NDArray[np.uint8]] = {}
        self._waited: dict[tuple[int, int], tuple[str, FrameAnnotation]] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the validation before."""
        self._mine = {}
        datamodule = datamodule_of(trainer)
        shard = datamodule.val_shard().sequences
        places = {sequence.name: index for index, sequence in enumerate(shard)}
        chosen = chosen_frames(datamodule.val_sequences, self.images)
        self._waited = {
            (places[sequence.name], annotation.frame): (sequence.name, annotation)
            for sequence, annotation in chosen
            if sequence.name in places
        }

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
        for place in places_of(batch):
            if place in self._waited:
                name, annotation = self._waited.pop(place)
                heatmap = _look(trainer, pl_module, annotation)
                if heatmap is not None:
                    self._mine[name, annotation.frame] = heatmap

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put together what the processes have seen."""
        self.seen = {place: heatmap for part in gather(self._mine) for place, heatmap in part.items()}


def draw_pictures(trainer: pl.Trainer, results: Mapping[str, NDArray[np.float64]]) -> list[Picture]:
    """The frames that were chosen, with their tracks, and with the network's heatmap; empty without `KeepHeatmaps`.

    Args:
        trainer: with the callback, after a validation.
        results: `(R, 10)` MOTChallenge rows by sequence name, tlwh in image pixels.
    """
    keeper, datamodule = callback_of(trainer, KeepHeatmaps), datamodule_of(trainer)
    if keeper is None:
        return []
    pictures = []
    for sequence, annotation in chosen_frames(datamodule.val_sequences, keeper.images):
        heatmap = keeper.seen.get((sequence.name, annotation.frame))
        if heatmap is None or sequence.name not in results:
            continue
        image, tracks = read_image(annotation.image_path), tracks_of_frame(results[sequence.name], annotation.frame)
        letterbox = Letterbox(image.shape[:2], datamodule.input_size)
        warm = draw_heatmap(_dimmed(image), heatmap / np.float32(255), letterbox=letterbox, strength=1.0)
        pictures.append(
            Picture(
                caption=f"{sequence.name}, frame {annotation.frame}: {len(tracks)} tracks of {len(annotation)} people",
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
