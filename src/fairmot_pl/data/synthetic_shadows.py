"""Soft shadows on the synthetic pavement, all cast the same way."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_camera import Perspective
from fairmot_pl.data.synthetic_config import Stream
from fairmot_pl.data.synthetic_drawing import overlap

_DARKNESS = 0.42
_SIDE = 48


class Sun:
    """The direction and length of shadows in one scene.

    Args:
        seed: of the sequence.
        view: the camera.
    """

    def __init__(self, seed: int, view: Perspective) -> None:
        rng = Stream.LIGHT.generator(seed, 1)
        angle = float(rng.uniform(-0.25, math.pi + 0.25))  # towards the houses, more or less
        self._length = float(rng.uniform(0.15, 0.75))
        self._way = np.array([math.cos(angle), math.sin(angle)])
        self._view = view
        axis = np.linspace(-1, 1, _SIDE)
        fade = (1.25 - 1.25 * np.hypot(axis[:, None], axis[None])).clip(0, 1)
        self._mask = (255 * _DARKNESS * fade).astype(np.uint8)

    def cast(
        self,
        canvas: NDArray[np.uint8],
        place: tuple[float, float],
        height: float,
        half: float,
        move: NDArray[np.float64],
    ) -> None:
        """Darken the ground of a canvas in place.

        Args:
            canvas: `(h, w, 3)`.
            place: `(x, z)` of the thing's foot in metres.
            height: of the thing in metres.
            half: half its width in metres.
            move: `(x, y)` from the unmoved camera's pixels to the canvas's.
        """
        length = half + 0.5 * self._length * height
        middle = np.array(place) + (length - half) * self._way
        across = half * np.array([-self._way[1], self._way[0]])
        ground = np.array([[x, 0.0, z] for x, z in (middle, middle + length * self._way, middle + across)])
        points = self._view.project(ground) + move
        self._darken(canvas, points[0], points[1:] - points[0])

    def _darken(self, canvas: NDArray[np.uint8], middle: NDArray[np.float64], axes: NDArray[np.float64]) -> None:
        """Multiply an ellipse with half axes `(2, 2)` (one a row) in pixels into the canvas."""
        reach = np.abs(axes).sum(axis=0)
        left, top = np.floor(middle - reach).astype(int).tolist()
        width, height = (np.ceil(2 * reach).astype(int) + 1).tolist()
        meeting = overlap(left, top, (height, width), canvas.shape[:2])
        if meeting is None:
            return
        rows, columns, own_rows, own_columns = meeting
        centre = (_SIDE - 1) / 2
        turn = axes.T / centre
        matrix = np.column_stack([turn, middle - (left, top) - 0.5 - turn @ [centre, centre]])
        patch = 255 - cv2.warpAffine(self._mask, matrix, (width, height))[own_rows, own_columns]
        region = canvas[rows, columns]
        region[...] = cv2.multiply(region, cv2.merge([patch] * 3), scale=1 / 255)
