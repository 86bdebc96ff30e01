"""From an image and its boxes to a network input: letterbox, colour, affine motion and mirror.

As in the reference, pixels are averaged to the size of the letterbox, and one bilinear warp does the rest. Where the
view shows less than that, it may start from a coarser picture.
Boxes are moved by the same matrix, reach outside the input where people do, and are clipped only if asked.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import box_area
from fairmot_pl.boxes import clip_boxes as cut_at_border
from fairmot_pl.data.colour import SaturationValue, scale_saturation_value
from fairmot_pl.data.geometry import (
    Matrix,
    Motion,
    mirror_matrix,
    motion_matrix,
    placement_matrix,
    shrink_turned,
    warp_boxes,
    warp_pixels,
)
from fairmot_pl.data.images import Image, Picture, pad, resize_area, shrink
from fairmot_pl.letterbox import Letterbox


class AugmentedImage(NamedTuple):
    """One training view.

    Attributes:
        image: `(h, w, 3)` uint8 RGB of the network input's size.
        boxes: `(M, 4)` float32 xyxy in network-input pixels.
        kept: `(M,)` which of the N boxes given these are, ascending.
    """

    image: Image
    boxes: NDArray[np.float32]
    kept: NDArray[np.int64]


class Draw(NamedTuple):
    """What one view is made with.

    Attributes:
        motion: what moves; `Motion()` moves nothing, and then every box is kept.
        mirrored: whether left and right are swapped in the end.
        colour: factors on saturation and value of the pixels, not of the padding; None leaves them alone.
    """

    motion: Motion = Motion()
    mirrored: bool = False
    colour: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Strengths of the augmentation; the defaults are the reference's, 0 turns a part off.

    Args:
        input_size: `(height, width)` of the network input in pixels.
        saturation: the factor on saturation is uniform in 1 +- this.
        value: the factor on brightness (value of HSV) is uniform in 1 +- this.
        rotation: uniform in +- this, degrees.
        min_scale: smallest factor of the uniform scale.
        max_scale: largest factor.
        translate_x: uniform in +- this share of the input's width.
        translate_y: uniform in +- this share of the input's height. The reference says 0.1 of both sides but
            swaps them; the defaults are what it does at 608 x 1088: +- 60.8 pixels in x, +- 108.8 in y.
        shear: uniform in +- this, degrees, in x and in y.
        flip: probability of a mirror image.
        min_side: boxes not wider and higher than this (pixels) are dropped after a motion.
        min_area_ratio: so are boxes whose area is not more than this share of what it was before.
        max_aspect: so are boxes whose longer side is not less than this many times the shorter; and those
            entirely outside the input. Without a motion every box is kept.
    """

    input_size: tuple[int, int] = (608, 1088)
    saturation: float = 0.5
    value: float = 0.5
    rotation: float = 5.0
    min_scale: float = 0.5
    max_scale: float = 1.2
    translate_x: float = 0.1 * 608 / 1088
    translate_y: float = 0.1 * 1088 / 608
    shear: float = 2.0
    flip: float = 0.5
    min_side: float = 4.0
    min_area_ratio: float = 0.1
    max_aspect: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_size", (self.input_size[0], self.input_size[1]))  # a recipe has lists
        for field in fields(self)[1:]:
            if not getattr(self, field.name) >= 0:
                raise ValueError(f"augmentation: {field.name} is {getattr(self, field.name)}; it must be 0 or more")
        if self.flip > 1 or max(self.saturation, self.value) > 1:
            raise ValueError("augmentation: flip, saturation and value must not exceed 1")
        if not 0 < self.min_scale <= self.max_scale:
            raise ValueError(
                f"augmentation: min_scale={self.min_scale}, max_scale={self.max_scale}; "
                "0 < min_scale <= max_scale is needed"
            )

    @classmethod
    def none(cls, input_size: tuple[int, int] = (608, 1088)) -> Augmentation:
        """The letterbox alone, exactly as at inference; every box is kept."""
        return cls(
            input_size=input_size,
            saturation=0,
            value=0,
            rotation=0,
            min_scale=1,
            max_scale=1,
            translate_x=0,
            translate_y=0,
            shear=0,
            flip=0,
        )

    def __call__(
        self, image: Image, boxes: NDArray[np.floating], rng: np.random.Generator, *, clip_boxes: bool = False
    ) -> AugmentedImage:
        """Draw one view of a whole image.

        Args:
            image: `(H, W, 3)` uint8 RGB.
            boxes: `(N, 4)` xyxy in pixels of that image.
            rng: all randomness comes from here.
            clip_boxes: cut the moved boxes at the border of the network input (MOT20).
        """
        return self.view(Picture.whole(image), boxes, self.draw(rng), clip_boxes=clip_boxes)

    def draw(self, rng: np.random.Generator) -> Draw:
        """Draw what a view is made with.

        Every part draws its numbers whether it is on or not, so turning one off leaves the others alone.
        """
        colour = self._draw_colour(rng)
        motion = self._draw_motion(rng)
        return Draw(motion, bool(rng.random() < self.flip), colour)

    def detail(self, draw: Draw, image_size: tuple[int, int]) -> float:
        """The share of the resolution of an image `(height, width)` that a view of it shows, at most 1."""
        if draw.motion == Motion():
            return 1.0  # then the pixels are to be those of inference, all of them averaged
        return min(1.0, Letterbox(image_size, self.input_size).ratio * min(1.0, draw.motion.scale))

    def view(
        self, picture: Picture, boxes: NDArray[np.floating], draw: Draw, *, clip_boxes: bool = False
    ) -> AugmentedImage:
        """Make the view that was drawn: letterbox, motion, mirror.

        Args:
            picture: an image, at no less than `detail` of its resolution.
            boxes: `(N, 4)` xyxy in pixels of the whole image.
            draw: what to do with it.
            clip_boxes: cut the moved boxes at the border of the network input.
        """
        letterbox = Letterbox(picture.size, self.input_size)
        matrix = motion_matrix(draw.motion, self.input_size)
        mirror = mirror_matrix(self.input_size[1]) if draw.mirrored else np.eye(3)

        before = letterbox.to_input(np.asarray(boxes, np.float64).reshape(-1, 4))
        after = shrink_turned(warp_boxes(before, matrix), draw.motion.angle)
        if clip_boxes:
            after = cut_at_border(after, self.input_size)
        worth = np.ones(len(before), bool) if draw.motion == Motion() else self.worth_keeping(before, after)
        kept = np.flatnonzero(worth)
        return AugmentedImage(
            image=_move_pixels(picture, letterbox, mirror @ matrix, draw),
            boxes=warp_boxes(after[kept], mirror).astype(np.float32),
            kept=kept,
        )

    def _draw_colour(self, rng: np.random.Generator) -> tuple[float, float] | None:
        seed = int(rng.integers(2**32))
        if not (self.saturation or self.value):
            return None
        transform = _colour_transform(self.saturation, self.value)
        transform.set_random_seed(seed)
        factors = transform.get_params()
        return factors["saturation_factor"], factors["value_factor"]

    def _draw_motion(self, rng: np.random.Generator) -> Motion:
        height, width = self.input_size
        signed = rng.uniform(-1, 1, size=5)
        return Motion(
            angle=self.rotation * signed[0],
            translate=(self.translate_x * width * signed[1], self.translate_y * height * signed[2]),
            shear=(self.shear * signed[3], self.shear * signed[4]),
            scale=rng.uniform(self.min_scale, self.max_scale),
        )

    def worth_keeping(self, before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which boxes are still worth learning after a motion; both `(N, 4)` in network-input pixels."""
        width, height = (after[:, 2:] - after[:, :2]).T
        large = (width > self.min_side) & (height > self.min_side)
        area_left = box_area(after) > self.min_area_ratio * box_area(before)
        compact = np.maximum(width, height) < self.max_aspect * np.minimum(width, height)
        inside = (after[:, :2] < self.input_size[::-1]).all(axis=1) & (after[:, 2:] > 0).all(axis=1)
        worth: NDArray[np.bool_] = large & area_left & compact & inside
        return worth


@functools.cache
def _colour_transform(saturation: float, value: float) -> SaturationValue:
    """Making one takes longer than a draw; it is seeded anew for every one."""
    return SaturationValue(saturation, value)


def _move_pixels(picture: Picture, letterbox: Letterbox, matrix: Matrix, draw: Draw) -> Image:
    """Bring a picture to the letterbox' size if it is larger, recolour it and warp it once."""
    _, _, height, width = letterbox.placement
    still = draw.motion == Motion()
    small = (resize_area if still else shrink)(picture.pixels, (height, width))
    if draw.colour is not None:
        small = scale_saturation_value(small, *draw.colour, channels=3 if still else 4)
    if still:
        canvas = pad(small, letterbox)
        return np.ascontiguousarray(canvas[:, ::-1]) if draw.mirrored else canvas
    step_y, step_x = np.array(picture.step) * picture.pixels.shape[:2] / small.shape[:2]
    return warp_pixels(small, matrix @ placement_matrix(letterbox) @ np.diag([step_x, step_y, 1]), letterbox.input_size)
