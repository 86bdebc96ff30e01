"""Figures of a data set: who is in it, how large, how long and how fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.image_checks import image_sizes
from fairmot_pl.data.audit.image_probe import ImageFacts
from fairmot_pl.data.audit.sequence import AuditedSequence, Side

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SequenceSheet:
    """Figures of what one side uses of a sequence.

    Args:
        name: of the sequence.
        images: how many.
        image_size: height and width of most images.
        frame_rate: frames per second; 0 where unknown.
        people_per_image: `(images,)`.
        boxes: `(R, 4)` tlwh in pixels.
        visibility: `(R,)`.
        track_lengths: `(T,)` frames in which each identity is seen; of videos.
        motion: `(S,)` steps of a box' centre from a frame to the next, as a share of the box' height.
    """

    name: str
    images: int
    image_size: tuple[int, int]
    frame_rate: float
    people_per_image: Float
    boxes: Float
    visibility: Float
    track_lengths: Float
    motion: Float

    @property
    def identities(self) -> int:
        """People of a video; of still images 0."""
        return len(self.track_lengths)


@dataclass(frozen=True)
class DataSheet:
    """Figures of one side of a recipe.

    Args:
        sequences: in the order of the recipe.
        image_sizes: number of images by height and width.
    """

    sequences: tuple[SequenceSheet, ...]
    image_sizes: Mapping[tuple[int, int], int]

    def joined(self, name: str) -> Float:
        """An array of all sequences together: `"people_per_image"`, `"visibility"`, `"motion"` and so on."""
        return np.concatenate([np.zeros(0), *(getattr(each, name) for each in self.sequences)])

    def box_side(self, column: int) -> Float:
        """Widths (`column` 2) or heights (3) of all boxes, in pixels."""
        return np.concatenate([np.zeros(0), *(each.boxes[:, column] for each in self.sequences)])


def data_sheet(sequences: Sequence[AuditedSequence], side: Side, facts: Mapping[Path, ImageFacts]) -> DataSheet:
    """Figures of what one side of a recipe uses; boxes without size are left out."""
    sizes: Counter[tuple[int, int]] = Counter()
    sheets = []
    for sequence in sequences:
        used = sequence.used_images(side)
        if not len(used):
            continue
        here = Counter(map(tuple, image_sizes(sequence, facts)[used].tolist()))
        sizes.update(here)
        sheets.append(_sheet(sequence, side, len(used), here.most_common(1)[0][0]))
    return DataSheet(tuple(sheets), {size: count for size, count in sizes.items() if all(size)})


def _sheet(sequence: AuditedSequence, side: Side, images: int, size: tuple[int, int]) -> SequenceSheet:
    rows = sequence.used_rows(side)
    rows = rows.select(np.all(rows.boxes[:, 2:] > 0, axis=1))
    frames = sequence.frames[sequence.used_images(side)]
    counts = np.bincount(np.searchsorted(frames, rows.frames), minlength=images)
    known = rows.select(rows.ids >= 0)
    lengths = np.unique(known.ids, return_counts=True)[1] if sequence.is_video else np.zeros(0)
    order = np.lexsort((known.frames, known.ids))
    boxes = known.boxes[order]
    follows = (np.diff(known.ids[order]) == 0) & (np.diff(known.frames[order]) == 1) & sequence.is_video
    step = np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0)[follows]
    return SequenceSheet(
        name=sequence.name,
        images=images,
        image_size=size,
        frame_rate=sequence.frame_rate,
        people_per_image=counts.astype(np.float64),
        boxes=rows.boxes,
        visibility=rows.visibility,
        track_lengths=lengths.astype(np.float64),
        motion=np.hypot(step[:, 0], step[:, 1]) / boxes[1:, 3][follows],
    )
