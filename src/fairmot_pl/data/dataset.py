"""Torch data sets: random training samples with targets, and frames of sequences in order."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from fairmot_pl.codec.maps import STRIDE, Targets, check_box_encoding
from fairmot_pl.codec.targets import encode_targets, without_spare_slots
from fairmot_pl.data.augment import Augmentation, Draw
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.image_cache import ImageCache
from fairmot_pl.data.images import PAD_VALUE, Picture, letterbox_pixels, read_picture, to_planes
from fairmot_pl.data.sources import DataSource
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence, FrameAnnotation

_KEPT_BYTES = 1 << 28
_TRIES = 20
"""Images that may be broken in a row before a sample cannot be made."""


class TrainingSample(NamedTuple):
    """One training view; the default collation adds a batch axis to each.

    Attributes:
        image: `(3, h, w)` uint8 RGB.
        targets: what the network should say about it.
        broken: empty, or why the image that was due could not be read (the message names it) and another one is here.
    """

    image: Tensor
    targets: Targets
    broken: str


class TrainingSamples(Dataset[TrainingSample]):
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
        cache: where images may lie ready at the size that they are needed in.

    Attributes:
        cached: how many images the cache holds.

    Raises:
        ValueError: no image at all, an input size that does not fit the network, people not in the index, an identity
            or an object class that the network has no output for.
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
        cache: ImageCache | None = None,
    ) -> None:
        check_input_size(augmentation.input_size)
        check_box_encoding(box_encoding)
        self.augmentation, self.seed, self.cache = augmentation, seed, cache
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
        self._paths = _packed(frame.image_path for frame in frames)
        self._sizes = np.array([frame.image_size for frame in frames], np.int64)
        self._clipped = np.array(clipped)
        self._bounds = np.cumsum([0, *map(len, frames)])
        self._boxes = np.concatenate([frame.boxes for frame in frames])
        self._classes = np.concatenate([frame.classes for frame in frames])
        self._identities = np.concatenate(identity)
        _check_range("identities", self._identities, UNKNOWN_IDENTITY, identities.num_identities)
        _check_range("object classes", self._classes, 0, num_classes)
        entries = cache.find(frames) if cache is not None else [None] * len(frames)
        self._entries = _packed(entry or "" for entry in entries)
        self.cached = sum(entry is not None for entry in entries)

    def __len__(self) -> int:
        return len(self._paths)

    def image_path(self, index: int) -> Path:
        """The file of an image."""
        return Path(os.fsdecode(self._paths[index]))

    def __getitem__(self, key: tuple[int, int] | int) -> TrainingSample:
        """The view of an image in an epoch.

        Where the image cannot be read, or is of another size than annotated, the view is of another one, which
        depends on nothing but `(seed, epoch, index)` either.

        Args:
            key: `(epoch, index)` as `EpochSampler` yields it; an index alone means epoch 0.

        Raises:
            ValueError: that many images in a row are broken that something else must be wrong.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        draw = self.augmentation.draw(np.random.default_rng((self.seed, epoch, index)))
        broken = ""
        for shown in self._candidates(epoch, index):
            try:
                picture = self._read(shown, draw)
            except (OSError, ValueError) as error:
                broken = broken or str(error)
            else:
                return TrainingSample(*self._view(shown, picture, draw), broken)
        raise ValueError(f"{broken}; nor could {_TRIES} other images be read: is the data still there?")

    def source(self, key: tuple[int, int]) -> tuple[Path, Draw, Picture | None]:
        """What the view that is due is made from: image file, what was drawn for it, and the pixels as they are read.

        Args:
            key: `(epoch, index)`.

        Returns:
            No pixels where the image cannot be read, and another one takes its place.
        """
        epoch, index = key
        draw = self.augmentation.draw(np.random.default_rng((self.seed, epoch, index)))
        try:
            return self.image_path(index), draw, self._read(index, draw)
        except (OSError, ValueError):
            return self.image_path(index), draw, None

    def _candidates(self, epoch: int, index: int) -> Iterator[int]:
        """The image that is due, and those that take its place should it be broken."""
        yield index
        yield from np.random.default_rng((self.seed, epoch, index, 1)).integers(len(self), size=_TRIES).tolist()

    def _read(self, index: int, draw: Draw) -> Picture:
        """An image at the resolution that a view of it needs, from the cache where that has it."""
        size = (int(self._sizes[index, 0]), int(self._sizes[index, 1]))
        detail = self.augmentation.detail(draw, size)
        if self.cache is not None and self._entries[index]:
            entry = Path(os.fsdecode(self._entries[index]))
            try:
                return self.cache.read(entry, size)
            except (OSError, ValueError) as error:
                warnings.warn(f"damaged entry of the image cache, its image is read instead: {error}", stacklevel=2)
        return read_picture(self.image_path(index), size, detail=detail)

    def _view(self, index: int, picture: Picture, draw: Draw) -> tuple[Tensor, Targets]:
        objects = slice(self._bounds[index], self._bounds[index + 1])
        view = self.augmentation.view(picture, self._boxes[objects], draw, clip_boxes=bool(self._clipped[index]))
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
        return to_planes(view.image), targets


def collate_samples(samples: Sequence[TrainingSample]) -> TrainingSample:
    """Several views as one batch, with as many target slots as its fullest image needs."""
    batch: TrainingSample = default_collate(list(samples))
    return batch._replace(targets=without_spare_slots(batch.targets))


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
        check_input_size(input_size)
        self.input_size = (input_size[0], input_size[1])
        frames = [frame for sequence in sequences for frame in sequence.frames]
        self._paths = _packed(frame.image_path for frame in frames)
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


def check_input_size(input_size: tuple[int, int]) -> None:
    """Refuse sizes that the network cannot halve five times.

    Raises:
        ValueError: a side is no positive multiple of 32.
    """
    if len(input_size) != 2 or any(side <= 0 or side % 32 for side in input_size):
        raise ValueError(f"input_size is {tuple(input_size)}; height and width must be multiples of 32, as (608, 1088)")


def prepare_worker(worker_id: int) -> None:
    """For `DataLoader(worker_init_fn=...)`: OpenCV without threads, since workers run side by side, and kept memory."""
    cv2.setNumThreads(0)
    keep_memory()


def keep_memory() -> None:
    """Let glibc keep what is freed for the next image; asking the system anew costs a quarter of a sample's time."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another system, another allocator
        return
    trim_threshold, mmap_threshold = -1, -3
    mallopt(mmap_threshold, _KEPT_BYTES)
    mallopt(trim_threshold, _KEPT_BYTES)


def _packed(paths: Iterable[Path | str]) -> NDArray[np.bytes_]:
    """Paths as one array, which processes share; a list of objects is copied bit by bit as it is looked at."""
    return np.array([os.fsencode(path) for path in paths])


def _check_range(what: str, values: NDArray[np.int64], lowest: int, count: int) -> None:
    if len(values) and not (values.min() >= lowest and values.max() < count):
        raise ValueError(
            f"{what} reach from {values.min()} to {values.max()}, the network has outputs for 0 to {count - 1}: "
            "it was built for other data"
        )
