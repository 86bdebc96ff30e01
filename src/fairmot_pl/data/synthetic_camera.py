"""Where the synthetic camera stands, how it moves and how the light changes while it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_config import Stream, SyntheticConfig

NEAR, FAR = 5.2, 15.8
"""Depths in metres between which people walk: about 180 and 60 pixels tall in an image 360 pixels high."""

_PAN = 0.22  # of the image width, to each side
_TILT = 0.03  # of the image height
_SHAKE = 0.006  # of the image height


@dataclass(frozen=True)
class Perspective:
    """A pinhole camera above flat ground, looking level; its picture is shifted so that little sky is seen.

    World coordinates are metres: X to the right, Y up from the ground, Z away from the camera. Pixels are
    continuous: pixel `i` covers `[i, i + 1)`.
    """

    image_size: tuple[int, int]
    camera_height: float = 2.9

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return 1.54 * self.image_size[0]

    @property
    def horizon(self) -> float:
        """Image row of the horizon."""
        return 0.2 * self.image_size[0]

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points `(..., 3)` in metres to `(..., 2)` pixels of the unmoved camera."""
        pixels = np.empty((*points.shape[:-1], 2))
        scale = self.focal / points[..., 2]
        pixels[..., 0] = self.image_size[1] / 2 + scale * points[..., 0]
        pixels[..., 1] = self.horizon + scale * (self.camera_height - points[..., 1])
        return pixels

    def half_width(self, depth: float, margin: float = 0.0) -> float:
        """Metres from the middle to the image's edge (plus `margin` pixels) at a depth."""
        return (self.image_size[1] / 2 + margin) * depth / self.focal


@dataclass(frozen=True)
class Waves:
    """A smooth random function of time within [-1, 1]: a sum of sines, the same whatever the frame rate."""

    weights: tuple[float, ...]
    periods: tuple[float, ...]
    phases: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, slowest: float, fastest: float, count: int = 3) -> Waves:
        """Draw `count` sines with periods between two bounds in seconds, the slowest weighing most."""
        bounds = np.geomspace(slowest, fastest, count + 1)
        periods = rng.uniform(bounds[1:], bounds[:-1])
        weights = 0.5 ** np.arange(count)
        phases = rng.uniform(0, 2 * math.pi, count)
        return cls(tuple((weights / weights.sum()).tolist()), tuple(periods.tolist()), tuple(phases.tolist()))

    def __call__(self, seconds: float) -> float:
        """The value at a time."""
        terms = zip(self.weights, self.periods, self.phases, strict=True)
        return sum(weight * math.sin(2 * math.pi * seconds / period + phase) for weight, period, phase in terms)


class CameraPath:
    """Pan, tilt and shake of a hand-held camera as a shift of the picture in pixels."""

    def __init__(self, config: SyntheticConfig) -> None:
        height, width = config.image_size
        rng = Stream.CAMERA.generator(config.seed)
        self._pan, self._tilt = Waves.draw(rng, 12, 5), Waves.draw(rng, 9, 4)
        self._shake = Waves.draw(rng, 0.9, 0.25), Waves.draw(rng, 0.9, 0.25)
        self._pan_px = config.camera_motion * _PAN * width
        self._tilt_px = config.camera_motion * _TILT * height
        self._shake_px = config.camera_motion * _SHAKE * height

    @property
    def reach(self) -> tuple[int, int]:
        """`(x, y)`: more pixels than the picture ever shifts to a side."""
        if self._pan_px == 0:
            return 0, 0
        return math.ceil(self._pan_px + self._shake_px) + 2, math.ceil(self._tilt_px + self._shake_px) + 2

    def offset(self, seconds: float) -> tuple[float, float]:
        """`(x, y)` of the image's top left corner against the unmoved camera's, in pixels."""
        return (
            self._pan_px * self._pan(seconds) + self._shake_px * self._shake[0](seconds),
            self._tilt_px * self._tilt(seconds) + self._shake_px * self._shake[1](seconds),
        )


class Light:
    """Brightness and colour temperature: a tint of the sequence, and a drift around it."""

    def __init__(self, config: SyntheticConfig) -> None:
        rng = Stream.LIGHT.generator(config.seed)
        self._amount = config.light_change
        self._base = rng.uniform(0.93, 1.05), rng.uniform(-0.05, 0.05)
        self._brightness, self._warmth = Waves.draw(rng, 16, 5), Waves.draw(rng, 20, 7)

    def table(self, seconds: float) -> NDArray[np.uint8]:
        """`(256, 1, 3)` look-up table in BGR order for `cv2.LUT`."""
        brightness = self._base[0] * (1 + self._amount * (0.32 * self._brightness(seconds) - 0.12))
        warmth = self._base[1] + 0.18 * self._amount * self._warmth(seconds)
        gains = brightness * np.array([1 - warmth, 1.0, 1 + warmth])
        levels = np.arange(256, dtype=np.float64)[:, None, None] * gains
        return levels.round().clip(0, 255).astype(np.uint8)
