"""Frames of sequences, in order, as the network takes them, with the people in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from fairmot_pl.data.images import PAD_VALUE, letterbox_pixels, read_picture, to_planes
from fairmot_pl.data.workers import packed_paths
from fairmot_pl.letterbox import Letterbox, checked_input_size
from fairmot_pl.structures import AnnotatedSequence


class FrameSample(NamedTuple):
    """One frame for inference, with the people in it; `collate_frames` makes a batch of several.

    Attributes:
        image: `(3, h, w)` RGB, letterboxed; uint8 as it is loaded, float32 in [0, 1] where the network meets it.
        sequence: index of the sequence.
        frame: frame number within it, from 1.
        image_size: `(2,)` int64 height and width of the image in pixels, to map boxes back.
        broken: empty, or why it could not be read (the message names it); then the image is grey and shows nothing.
        boxes: `(G, 4)` float32 xyxy in pixels of the image; in a batch those of all its frames, one after the other.
        identities: `(G,)` int64 raw identities, -1 = unknown.
        people: how many of the boxes are in this frame; none in a broken one.
    """

    image: Tensor
    sequence: int
    frame: int
    image_size: Tensor
    broken: str
    boxes: Tensor
    identities: Tensor
    people: int


def collate_frames(frames: Sequence[FrameSample]) -> FrameSample:
    """Several frames as one batch: a batch axis for each field, but boxes and identities are put in a row."""
    first = frames[0]  # its boxes stand in for all, which are of different shapes
    batch: FrameSample = default_collate(
        [frame._replace(boxes=first.boxes, identities=first.identities) for frame in frames]
    )
    return batch._replace(
        boxes=torch.cat([frame.boxes for frame in frames]),
        identities=torch.cat([frame.identities for frame in frames]),
    )


class SequenceFrames(Dataset[FrameSample]):
    """All frames of some sequences, one sequence after the other, each in frame order.

    Args:
        sequences: what to run through.
        input_size: `(height, width)` of the network input.

    Raises:
        ValueError: an input size that does not fit the network.
    """

    def __init__(self, sequences: Sequence[AnnotatedSequence], *, input_size: tuple[int, int] = (608, 1088)) -> None:
        self.input_size = checked_input_size(input_size)
        frames = [frame for sequence in sequences for frame in sequence.frames]
        self._paths = packed_paths(frame.image_path for frame in frames)
        self._sizes = np.array([frame.image_size for frame in frames], np.int64)
        self._numbers = np.array([frame.frame for frame in frames], np.int64)
        self._sequences = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
        self._bounds = np.cumsum([0, *map(len, frames)])
        self._boxes = np.concatenate([np.zeros((0, 4), np.float32), *(frame.boxes for frame in frames)])
        self._identities = np.concatenate([np.zeros(0, np.int64), *(frame.identities for frame in frames)])

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> FrameSample:
        """Frame `index` of them all; one that cannot be read, or is of another size than annotated, says so."""
        size = (int(self._sizes[index, 0]), int(self._sizes[index, 1]))
        image, broken = np.full((*self.input_size, 3), PAD_VALUE, np.uint8), ""
        try:
            picture = read_picture(Path(os.fsdecode(self._paths[index])), size)
            image = letterbox_pixels(picture.pixels, Letterbox(size, self.input_size))
        except (OSError, ValueError) as error:
            broken = str(error)
        people = slice(self._bounds[index], self._bounds[index] if broken else self._bounds[index + 1])
        return FrameSample(
            image=to_planes(image),
            sequence=int(self._sequences[index]),
            frame=int(self._numbers[index]),
            image_size=torch.tensor(size),
            broken=broken,
            boxes=torch.from_numpy(self._boxes[people]),
            identities=torch.from_numpy(self._identities[people]),
            people=int(people.stop - people.start),
        )
