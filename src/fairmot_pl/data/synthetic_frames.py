"""Put a synthetic scene together: the picture of any moment, and the truth about who is in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import CameraPath, Light, Perspective
from fairmot_pl.data.synthetic_config import Stream, SyntheticConfig
from fairmot_pl.data.synthetic_drawing import Polygon, Sprite, bounding_box, overlap, paste, rasterise
from fairmot_pl.data.synthetic_figures import figure_polygons
from fairmot_pl.data.synthetic_looks import Wardrobe
from fairmot_pl.data.synthetic_pose import Stance
from fairmot_pl.data.synthetic_scenery import draw_street
from fairmot_pl.data.synthetic_shadows import Sun
from fairmot_pl.data.synthetic_things import Thing, place_things
from fairmot_pl.data.synthetic_world import simulate

Image: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class SyntheticFrame:
    """One picture and its ground truth.

    Args:
        image: `(H, W, 3)` uint8 BGR, as OpenCV writes it.
        ids: `(N,)` identities from 1, ascending.
        boxes: `(N, 4)` tlwh in pixels; amodal: the whole figure, hidden or outside the image or not.
        visibility: `(N,)` share of the figure's pixels that can be seen, 0 to 1.
    """

    image: Image
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    visibility: NDArray[np.float64]


@dataclass(frozen=True)
class _Figure:
    """A person as drawn in one frame, in window pixels."""

    identity: int
    stance: Stance
    box: tuple[float, float, float, float]
    sprite: Sprite


class SyntheticScene:
    """A whole sequence, ready to be looked at in any order; equal settings give equal pixels.

    Args:
        config: what the scene is like.

    Attributes:
        wardrobe: who looks how.
        walks: who is where, by identity.
        things: what stands in the way.
    """

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config
        self.view = Perspective(config.image_size)
        self.camera, self._light = CameraPath(config), Light(config)
        margin = self.camera.reach
        self._margin = margin
        self.things: list[Thing] = place_things(config, self.view, margin)
        obstacles = [disc for thing in self.things for disc in thing.obstacles]
        self.walks = simulate(config, self.view, margin[0], obstacles)
        self.wardrobe = Wardrobe(config.seed, config.lookalikes)
        self._street = draw_street(self.view, margin, config.seed)
        self._sun = Sun(config.seed, self.view)
        for disc in obstacles:
            self._sun.cast(self._street, (disc.x, disc.z), 0.9, 1.3 * disc.radius, self._move((0, 0)))
        rng = Stream.NOISE.generator(config.seed)
        height, width = config.image_size
        grain = rng.normal(0, config.noise, (height + 64, width + 64, 3)).round()
        self._grain = grain.clip(0, 255).astype(np.uint8), (-grain).clip(0, 255).astype(np.uint8)

    def frame(self, index: int) -> SyntheticFrame:
        """Draw the frame with an index from 0 to `config.frames - 1`.

        Raises:
            IndexError: there is no such frame.
        """
        if not 0 <= index < self.config.frames:
            raise IndexError(f"frame index {index} of a sequence of {self.config.frames} frames")
        seconds = index / self.config.frame_rate
        shift = self.camera.offset(seconds)
        # the scene is put together on whole panorama pixels and moved by the rest at the end, all of it alike
        corner = math.floor(shift[0]) + self._margin[0], math.floor(shift[1]) + self._margin[1]
        rest = shift[0] + self._margin[0] - corner[0], shift[1] + self._margin[1] - corner[1]
        figures = self._figures(seconds, corner, rest)
        window, owner = self._compose(figures, corner)
        image = self._develop(window, rest, seconds, index)
        y, x = round(rest[1]), round(rest[0])
        height, width = self.config.image_size
        seen = np.bincount(owner[y : y + height, x : x + width].ravel(), minlength=len(figures) + 1)[1:]
        whole = np.array([np.count_nonzero(figure.sprite.mask) for figure in figures])
        order = np.argsort([figure.identity for figure in figures], kind="stable").astype(np.int64)
        boxes = np.array([figure.box for figure in figures]).reshape(-1, 4) - np.array([*rest, *rest])
        boxes[:, 2:] -= boxes[:, :2]
        return SyntheticFrame(
            image=image,
            ids=np.array([figure.identity for figure in figures], np.int64)[order],
            boxes=boxes[order],
            visibility=(seen / np.maximum(whole, 1))[order],
        )

    def _move(self, corner: tuple[int, int]) -> NDArray[np.float64]:
        """What leads from the unmoved camera's pixels to those of the window at a panorama corner."""
        return np.array(self._margin, np.float64) - corner

    def _figures(self, seconds: float, corner: tuple[int, int], rest: tuple[float, float]) -> list[_Figure]:
        """Everybody whose amodal box meets the image, farthest first."""
        height, width = self.config.image_size
        move = self._move(corner)
        figures = []
        for walk in self.walks:
            stance = walk.at(seconds)
            if stance is None:
                continue
            outlines = figure_polygons(self.wardrobe.person(walk.identity), stance, self.view)
            polygons = [Polygon(points + move, colour) for points, colour in outlines]
            box = bounding_box(polygons)
            across = box[2] > rest[0] and box[0] < width + rest[0]
            if across and box[3] > rest[1] and box[1] < height + rest[1]:
                figures.append(_Figure(walk.identity, stance, box, rasterise(polygons)))
        return sorted(figures, key=lambda figure: -figure.stance.z)

    def _compose(self, figures: list[_Figure], corner: tuple[int, int]) -> tuple[Image, NDArray[np.uint16]]:
        """Street, shadows, then people and things by depth; and whose pixel each one is (0: nobody's)."""
        height, width = self.config.image_size
        rows, columns = slice(corner[1], corner[1] + height + 1), slice(corner[0], corner[0] + width + 1)
        canvas = self._street[rows, columns].copy()
        owner = np.zeros(canvas.shape[:2], np.uint16)
        for figure in figures:
            place, tall = (figure.stance.x, figure.stance.z), self.wardrobe.person(figure.identity).height
            self._sun.cast(canvas, place, tall, 0.26, self._move(corner))
        layers = [(thing.depth, 0, _moved(thing.sprite, corner)) for thing in self.things]
        layers += [(figure.stance.z, number, figure.sprite) for number, figure in enumerate(figures, start=1)]
        for _, number, sprite in sorted(layers, key=lambda layer: (-layer[0], layer[1])):
            paste(canvas, sprite)
            mask = sprite.mask
            meeting = overlap(sprite.left, sprite.top, mask.shape, (height + 1, width + 1))
            if meeting is not None:
                owner[meeting[:2]][mask[meeting[2:]]] = number
        return canvas, owner

    def _develop(self, window: Image, rest: tuple[float, float], seconds: float, index: int) -> Image:
        """Camera shift within a pixel, light and sensor noise."""
        height, width = self.config.image_size
        if rest == (0.0, 0.0):
            image = window[:height, :width]
        else:
            centre = (width - 1) / 2 + rest[0], (height - 1) / 2 + rest[1]
            image = cv2.getRectSubPix(window, (width, height), centre)
        image = cv2.LUT(image, self._light.table(seconds))
        if self.config.noise:
            y, x = Stream.NOISE.generator(self.config.seed, index + 1).integers(0, 64, 2)
            place = slice(y, y + height), slice(x, x + width)
            image = cv2.subtract(cv2.add(image, self._grain[0][place]), self._grain[1][place])
        return np.ascontiguousarray(image, dtype=np.uint8)


def _moved(sprite: Sprite, corner: tuple[int, int]) -> Sprite:
    return sprite._replace(left=sprite.left - corner[0], top=sprite.top - corner[1])
