"""The three frames of reference and the way between them.

    image pixels  --to_input-->  network-input pixels  --/ 4-->  map cells
                  <--to_image--

The image keeps its aspect ratio and is centred in the network input. The map is one similarity transform with
unrounded padding, so it has an exact inverse, and that inverse is the back-projection of the CenterNet family.
Pixels can only be placed at whole positions: `placement` says where, at most half a network-input pixel away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairmot_pl.boxes import Boxes

INPUT_MULTIPLE = 32
"""The network halves its input five times."""


@dataclass(frozen=True)
class Letterbox:
    """Fit an image of `image_size` into a network input of `input_size`, both `(height, width)` in pixels."""

    image_size: tuple[int, int]
    input_size: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("image_size", "input_size"):
            if min(getattr(self, name)) <= 0:
                raise ValueError(f"Letterbox.{name} is {getattr(self, name)}; both sides must be positive")

    @property
    def ratio(self) -> float:
        """Network-input pixels per image pixel."""
        return min(self.input_size[0] / self.image_size[0], self.input_size[1] / self.image_size[1])

    @property
    def padding(self) -> tuple[float, float]:
        """Unrounded `(left, top)` padding in network-input pixels."""
        return (
            (self.input_size[1] - self.image_size[1] * self.ratio) / 2,
            (self.input_size[0] - self.image_size[0] * self.ratio) / 2,
        )

    @property
    def placement(self) -> tuple[int, int, int, int]:
        """Whole-pixel `(top, left, height, width)` of the resized image inside the network input."""
        height = max(1, round(self.image_size[0] * self.ratio))
        width = max(1, round(self.image_size[1] * self.ratio))
        top = round((self.input_size[0] - height) / 2 - 0.1)
        left = round((self.input_size[1] - width) / 2 - 0.1)
        return top, left, height, width

    def to_input(self, boxes: Boxes) -> Boxes:
        """`(N, 4)` xyxy from image pixels to network-input pixels. Nothing is clipped."""
        out = boxes * np.asarray(self.ratio, boxes.dtype)
        out += np.asarray(self.padding * 2, boxes.dtype)
        return out

    def to_image(self, boxes: Boxes) -> Boxes:
        """`(N, 4)` xyxy from network-input pixels to image pixels: the inverse of `to_input`."""
        out = boxes - np.asarray(self.padding * 2, boxes.dtype)
        out /= np.asarray(self.ratio, boxes.dtype)
        return out


def checked_input_size(input_size: Sequence[int]) -> tuple[int, int]:
    """A size of the network input, `(height, width)`, that the network can take.

    Raises:
        ValueError: not two positive multiples of 32.
    """
    sides = tuple(input_size)
    if len(sides) != 2 or any(int(side) != side or side <= 0 or side % INPUT_MULTIPLE for side in sides):
        raise ValueError(
            f"input_size is {sides}; allowed: (height, width), both positive multiples of "
            f"{INPUT_MULTIPLE}, for example (608, 1088)"
        )
    return int(sides[0]), int(sides[1])
