"""What can be set in a synthetic street scene, checked, and the random streams that its parts draw from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

import numpy as np

RENDERER = 1
"""Version of the drawing; raised whenever the same settings give other pixels, so that none are mixed."""

# key: (whole number?, lowest, highest)
_RANGES: dict[str, tuple[bool, float, float]] = {
    "frames": (True, 1, 100_000),
    "frame_rate": (False, 1, 240),
    "people": (True, 0, 500),
    "occluders": (True, 0, 100),
    "lookalikes": (False, 0, 1),
    "camera_motion": (False, 0, 1),
    "light_change": (False, 0, 1),
    "walking_speed": (False, 0.1, 5),
    "noise": (False, 0, 30),
    "seed": (True, 0, 2**63 - 1),
}
_SIDES = (48, 4096)


class Stream(IntEnum):
    """Independent random streams of one scene: turning one knob leaves what the others draw untouched."""

    PATHS = 1
    LOOKS = 2
    SCENERY = 3
    OCCLUDERS = 4
    CAMERA = 5
    LIGHT = 6
    NOISE = 7

    def generator(self, seed: int, *keys: int) -> np.random.Generator:
        """The stream's generator for a seed and, for instance, an identity or a frame."""
        return np.random.default_rng((seed, int(self), *keys))


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """One synthetic street sequence. The world moves in seconds: `frame_rate` says how often it is seen.

    Args:
        frames: number of frames.
        image_size: `(height, width)` in pixels, each 48 to 4096; people are 1/6 to 1/2 of the height tall.
        frame_rate: frames per second.
        people: how many walk in view at any time (about); whoever leaves is followed by somebody new.
        occluders: poles, benches, kiosks, trees... that people pass behind.
        lookalikes: share of people in 0..1 who wear (almost) the same clothes as somebody else.
        camera_motion: 0 = fixed, 1 = wide hand-held pan.
        light_change: 0 = constant, 1 = strong drift of brightness and colour temperature.
        walking_speed: mean speed in metres per second.
        noise: standard deviation of the sensor noise in grey levels.
        seed: everything else that is drawn by chance.

    Raises:
        ValueError: a value is of the wrong kind or outside its range; the message names both.
    """

    frames: int = 200
    image_size: tuple[int, int] = (360, 640)
    frame_rate: float = 30.0
    people: int = 16
    occluders: int = 5
    lookalikes: float = 0.2
    camera_motion: float = 0.0
    light_change: float = 0.2
    walking_speed: float = 1.3
    noise: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (whole, low, high) in _RANGES.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), whole, low, high))
        size = self.image_size
        if isinstance(size, str) or not isinstance(size, Sequence) or len(size) != 2:
            raise ValueError(f"image_size is {size!r}; give (height, width) in pixels")
        sides = tuple(_checked("image_size", side, True, *_SIDES) for side in size)
        object.__setattr__(self, "image_size", sides)

    def as_dict(self) -> dict[str, Any]:
        """All settings as plain JSON-able values."""
        return {**asdict(self), "image_size": list(self.image_size)}

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change with any setting and with the renderer."""
        text = json.dumps({"renderer": RENDERER, **self.as_dict()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _checked(name: str, value: Any, whole: bool, low: float, high: float) -> int | float:
    allowed = f"a {'whole ' if whole else ''}number from {low:g} to {high:g}"
    good = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high or (whole and value != int(value)):
        raise ValueError(f"{name} is {value!r}; it must be {allowed}")
    return int(value) if whole else float(value)
