"""The torch data set of training samples: augmented views of images, with what the network should say of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from fairmot_pl.codec.maps import STRIDE, ObjectTargets, check_box_encoding
from fairmot_pl.codec.targets import collate_objects, encode_objects
from fairmot_pl.data.augment import Augmentation, Draw
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.image_cache import ImageCache
from fairmot_pl.data.images import Picture, read_picture, to_planes
from fairmot_pl.data.sources import DataSource
from fairmot_pl.data.workers import packed_paths
from fairmot_pl.letterbox import checked_input_size
from fairmot_pl.structures import UNKNOWN_IDENTITY, FrameAnnotation

_TRIES = 20
"""Images that may be broken in a row before a sample cannot be made."""


class TrainingSample(NamedTuple):
    """One training view.

    Attributes:
        image: `(3, h, w)` uint8 RGB.
        targets: what the network should say about it; `fairmot_pl.codec.heatmap` draws the heatmap.
        broken: empty, or why the image that was due could not be read (the message names it) and another one is here.
    """

    image: Tensor
    targets: ObjectTargets
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
        checked_input_size(augmentation.input_size)
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
        self._paths = packed_paths(frame.image_path for frame in frames)
        self._sizes = np.array([frame.image_size for frame in frames], np.int64)
        self._clipped = np.array(clipped)
        self._bounds = np.cumsum([0, *map(len, frames)])
        self._boxes = np.concatenate([frame.boxes for frame in frames])
        self._classes = np.concatenate([frame.classes for frame in frames])
        self._identities = np.concatenate(identity)
        _check_range("identities", self._identities, UNKNOWN_IDENTITY, identities.num_identities)
        _check_range("object classes", self._classes, 0, num_classes)
        entries = cache.find(frames) if cache is not None else [None] * len(frames)
        self._entries = packed_paths(entry or "" for entry in entries)
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

    def _view(self, index: int, picture: Picture, draw: Draw) -> tuple[Tensor, ObjectTargets]:
        objects = slice(self._bounds[index], self._bounds[index + 1])
        view = self.augmentation.view(picture, self._boxes[objects], draw, clip_boxes=bool(self._clipped[index]))
        height, width = self.augmentation.input_size
        targets = encode_objects(
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
    return TrainingSample(
        image=default_collate([sample.image for sample in samples]),
        targets=collate_objects([sample.targets for sample in samples]),
        broken=default_collate([sample.broken for sample in samples]),
    )


def _check_range(what: str, values: NDArray[np.int64], lowest: int, count: int) -> None:
    if len(values) and not (values.min() >= lowest and values.max() < count):
        raise ValueError(
            f"{what} reach from {values.min()} to {values.max()}, the network has outputs for 0 to {count - 1}: "
            "it was built for other data"
        )
