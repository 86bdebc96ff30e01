"""Many annotated images that share flat arrays instead of owning many small ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import FrameAnnotation


@dataclass(frozen=True)
class FlatAnnotations:
    """The boxes of many images, one after another.

    Args:
        bounds: `(images + 1,)` rows `bounds[i]` to `bounds[i + 1]` belong to image i.
        boxes: `(R, 4)` xyxy in pixels of the image as stored.
        identities: `(R,)` raw ids, -1 = unknown.
        classes: `(R,)` class index, from 0.
        visibility: `(R,)` visible share in [0, 1].
    """

    bounds: NDArray[np.int64]
    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    classes: NDArray[np.int64]
    visibility: NDArray[np.float32]

    def image_of(self, row: int) -> int:
        """Index of the image that a row belongs to."""
        return int(np.searchsorted(self.bounds, row, side="right")) - 1

    def keep(self, kept: NDArray[np.bool_]) -> FlatAnnotations:
        """The same images with only the rows that the mask picks."""
        bounds = np.concatenate([[0], np.cumsum(kept)])[self.bounds]
        return FlatAnnotations(
            bounds, self.boxes[kept], self.identities[kept], self.classes[kept], self.visibility[kept]
        )

    def of_images(self, kept: NDArray[np.bool_]) -> FlatAnnotations:
        """Only the images that the mask picks."""
        counts = np.diff(self.bounds)
        rows = self.keep(np.repeat(kept, counts))
        return replace(rows, bounds=np.concatenate([[0], np.cumsum(counts[kept])]))

    def without_zero_size(self, source: Path, images: Sequence[Path]) -> FlatAnnotations:
        """Leave out boxes without width or height, with one warning."""
        full: NDArray[np.bool_] = np.all(self.boxes[:, 2:] > self.boxes[:, :2], axis=1)
        if full.all():
            return self
        first = images[self.image_of(int(np.flatnonzero(~full)[0]))]
        warnings.warn(
            f"{source}: {(~full).sum()} boxes are of zero size and are skipped (first: of {first})", stacklevel=3
        )
        return self.keep(full)

    def frames(
        self, images: Sequence[Path], sizes: NDArray[np.int64], numbers: Iterable[int] | None = None
    ) -> tuple[FrameAnnotation, ...]:
        """One annotation an image; their arrays are views of these.

        Args:
            images: the image files.
            sizes: `(images, 2)` height and width.
            numbers: frame numbers; from 1 by default.
        """
        bounds = self.bounds.tolist()
        numbers = range(1, len(images) + 1) if numbers is None else numbers
        return tuple(
            FrameAnnotation(
                image_path=path,
                frame=number,
                image_size=(height, width),
                boxes=self.boxes[start:end],
                identities=self.identities[start:end],
                classes=self.classes[start:end],
                visibility=self.visibility[start:end],
            )
            for path, (height, width), start, end, number in zip(
                images, sizes.tolist(), bounds[:-1], bounds[1:], numbers, strict=True
            )
        )
