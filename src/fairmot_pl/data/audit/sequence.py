"""One sequence or set of still images as the audit sees it, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.rows import LabelRows

Side = Literal["train", "val"]


@dataclass(frozen=True)
class Use:
    """Where a recipe uses a sequence: on which side, by which source, and which of its frames.

    Args:
        side: `"train"` or `"val"`.
        source: name of the data set in the recipe.
        frames: first and last frame number used.
        path: the folder of the source.
        selection: what tells one source and split from another, whatever its name.
    """

    side: Side
    source: str
    frames: tuple[int, int]
    path: Path
    selection: str


@dataclass
class AuditedSequence:
    """Images, and the boxes that somebody says are in them.

    Args:
        name: of the sequence.
        file: what stands for it in messages about the whole: its folder, or its label file.
        images: image files.
        frames: `(I,)` frame number of each image, ascending from 1.
        said_sizes: `(I, 2)` height and width in pixels that the annotation states; 0 where it does not.
        size_file: where the size is stated; None: the label file of the image.
        rows: the people.
        frame_rate: frames per second; 0 where unknown.
        is_video: whether frames follow one another in time.
        normalised: whether boxes are shares of the image size instead of pixels.
        uses: where the recipe uses it.
    """

    name: str
    file: Path
    images: tuple[Path, ...]
    frames: NDArray[np.int64]
    said_sizes: NDArray[np.int64]
    rows: LabelRows
    size_file: Path | None = None
    frame_rate: float = 0.0
    is_video: bool = True
    normalised: bool = False
    uses: list[Use] = field(default_factory=list)

    def used_images(self, side: Side) -> NDArray[np.int64]:
        """Indices of the images that the recipe uses on one side."""
        ranges = [use.frames for use in self.uses if use.side == side]
        used = np.zeros(len(self.frames), bool)
        for first, last in ranges:
            used |= (self.frames >= first) & (self.frames <= last)
        return np.flatnonzero(used)

    def used_rows(self, side: Side) -> LabelRows:
        """The rows of those images."""
        frames = self.frames[self.used_images(side)]
        return self.rows.select(np.isin(self.rows.frames, frames))

    def size_of_rows(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(R, 2)` height and width of the image that each row lies in; 0 where there is no such image.

        Args:
            sizes: `(I, 2)` of the images.
        """
        if not len(self.frames):
            return np.zeros((len(self.rows), 2), np.int64)
        place = np.searchsorted(self.frames, self.rows.frames).clip(max=len(self.frames) - 1)
        known = self.frames[place] == self.rows.frames
        return np.where(known[:, None], sizes[place], 0)
