"""Torch data sets: random training samples with targets, and frames of sequences in order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fairmot_pl.codec.maps import STRIDE, Targets, check_box_encoding
from fairmot_pl.codec.targets import encode_targets
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.images import letterbox_pixels, read_image, to_tensor
from fairmot_pl.data.sources import DataSource
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation


class TrainingSamples(Dataset[tuple[Tensor, Targets]]):
    """Every image of the training data, augmented.

    All randomness comes from `(seed, epoch, index)`, so neither the number of workers nor a resumed run
    changes a sample. Annotations are packed into flat arrays, which workers share instead of copying.

    Args:
        sources: the data sets, in order.
        identities: the classes of everybody in them.
        augmentation: strengths and the size of the network input.
        seed: 0 or more.
        box_encoding: `"ltrb"` or `"wh"`.
        num_classes: heatmap channels.
        max_objects: target slots an image.

    Raises:
        ValueError: no image at all, an input size that does not fit the network, people not in the index.
    """

    def __init__(
        self,
        sources: Sequence[DataSource],
        identities: IdentityIndex,
        *,
        augmentation: Augmentation,
        seed: int = 0,
        box_encoding: str = "ltrb",
        num_classes: int = 1,
        max_objects: int = 500,
    ) -> None:
        check_input_size(augmentation.input_size)
        check_box_encoding(box_encoding)
        self.augmentation, self.seed = augmentation, seed
        self.box_encoding, self.num_classes, self.max_objects = box_encoding, num_classes, max_objects
        frames: list[FrameAnnotation] = []
        identity: list[np.ndarray] = [np.zeros(0, np.int64)]
        clipped: list[bool] = []
        for source in sources:
            for sequence in source.sequences:
                frames += sequence.frames
                identity += [
                    identities.lookup(source.name, sequence.name, frame.identities) for frame in sequence.frames
                ]
                clipped += [source.clip_boxes] * len(sequence)
        if not frames:
            raise ValueError("the data sets hold no image; check the sources of the recipe")
        self._paths = np.array([os.fsencode(frame.image_path) for frame in frames])
        self._sizes = np.array([frame.image_size for frame in frames], np.int64)
        self._clipped = np.array(clipped)
        self._bounds = np.cumsum([0, *map(len, frames)])
        self._boxes = np.concatenate([frame.boxes for frame in frames])
        self._classes = np.concatenate([frame.classes for frame in frames])
        self._identities = np.concatenate(identity)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: tuple[int, int] | int) -> tuple[Tensor, Targets]:
        """The view of an image in an epoch.

        Args:
            key: `(epoch, index)` as `EpochSampler` yields it; an index alone means epoch 0.

        Returns:
            `(3, h, w)` float32 RGB in [0, 1], and its targets.

        Raises:
            FileNotFoundError: the image is not there.
            ValueError: the image is not readable, or of another size than annotated.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        path = Path(os.fsdecode(self._paths[index]))
        image = read_image(path)
        _check_size(path, image, tuple(self._sizes[index]))
        objects = slice(self._bounds[index], self._bounds[index + 1])
        rng = np.random.default_rng((self.seed, epoch, index))
        view = self.augmentation(image, self._boxes[objects], rng, clip_boxes=bool(self._clipped[index]))
        height, width = self.augmentation.input_size
        targets = encode_targets(
            view.boxes,
            self._identities[objects][view.kept],
            map_size=(height // STRIDE, width // STRIDE),
            box_encoding=self.box_encoding,
            classes=self._classes[objects][view.kept],
            num_classes=self.num_classes,
            max_objects=self.max_objects,
        )
        return to_tensor(view.image), targets


class FrameSample(NamedTuple):
    """One frame for inference; the default collation adds a batch axis to each.

    Attributes:
        image: `(3, h, w)` float32 RGB in [0, 1], letterboxed.
        sequence: index of the sequence.
        frame: frame number within it, from 1.
        image_size: `(2,)` int64 height and width of the image in pixels, to map boxes back.
    """

    image: Tensor
    sequence: int
    frame: int
    image_size: Tensor


class SequenceFrames(Dataset[FrameSample]):
    """All frames of some sequences, one sequence after the other, each in frame order.

    Args:
        sequences: what to run through.
        input_size: `(height, width)` of the network input.

    Raises:
        ValueError: an input size that does not fit the network.
    """

    def __init__(self, sequences: Sequence[AnnotatedSequence], *, input_size: tuple[int, int] = (608, 1088)) -> None:
        check_input_size(input_size)
        self.input_size = (input_size[0], input_size[1])
        self._frames = [(number, frame) for number, sequence in enumerate(sequences) for frame in sequence.frames]

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> FrameSample:
        """Frame `index` of them all; unreadable images raise as in `read_image`."""
        number, frame = self._frames[index]
        image = read_image(frame.image_path)
        _check_size(frame.image_path, image, frame.image_size)
        letterbox = Letterbox(frame.image_size, self.input_size)
        return FrameSample(
            image=to_tensor(letterbox_pixels(image, letterbox)),
            sequence=number,
            frame=frame.frame,
            image_size=torch.tensor(frame.image_size),
        )


def check_input_size(input_size: tuple[int, int]) -> None:
    """Refuse sizes that the network cannot halve five times.

    Raises:
        ValueError: a side is no positive multiple of 32.
    """
    if len(input_size) != 2 or any(side <= 0 or side % 32 for side in input_size):
        raise ValueError(f"input_size is {tuple(input_size)}; height and width must be multiples of 32, as (608, 1088)")


def use_one_thread(worker_id: int) -> None:
    """For `DataLoader(worker_init_fn=...)`: the workers run side by side, OpenCV's threads would fight."""
    cv2.setNumThreads(0)


def _check_size(path: Path, image: np.ndarray, annotated: tuple[int, ...]) -> None:
    if image.shape[:2] != tuple(annotated):
        raise ValueError(
            f"{path}: is {image.shape[1]} x {image.shape[0]} pixels, its annotation is made for "
            f"{annotated[1]} x {annotated[0]}; boxes would be misplaced, put the original image there"
        )
