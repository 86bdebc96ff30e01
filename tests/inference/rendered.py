"""Scenes in which one known thing goes wrong, with pictures: what people look like is read from the pixels.

People of the synthetic world, walking as they are told. Boxes are those of the truth, as far as somebody is visible; an
embedding is the histogram of the colours in the box.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from fairmot_pl import Detections
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.data.synthetic_frames import SyntheticFrame, SyntheticScene
from fairmot_pl.data.synthetic_looks import Appearance
from fairmot_pl.data.synthetic_world import STEP, Walk
from fairmot_pl.mot_format import MotTable

FRAMES = 72
PLANTS = ("look-alike", "camera jump")
SIZE = (240, 480)
MIDDLE, BESIDE = 8.0, 9.5
"""Depths in metres: of who is planted and of the bystanders."""


class Cast:
    """Who wears what: as the wardrobe has it, but for one pair."""

    def __init__(self, wardrobe, twins: bool) -> None:
        self._wardrobe, self._twins = wardrobe, twins

    def person(self, identity: int) -> Appearance:
        look = self._wardrobe.person(identity)
        if not (self._twins and identity == 2):
            return look
        return replace(self._wardrobe.person(1), identity=2, twin_of=1, phase=look.phase)


class KnockedCamera:
    """A camera that jumps at some frames."""

    def __init__(self, offsets: np.ndarray, frame_rate: float) -> None:
        self._offsets, self._frame_rate = offsets, frame_rate

    def offset(self, seconds: float) -> tuple[float, float]:
        return tuple(self._offsets[round(seconds * self._frame_rate)].tolist())


class RenderedScene:
    """A scene as `planted.Scene`, looked at.

    Args:
        seed: of everything that is drawn by chance.
        ways: `(frames, people, 2)` where people are, metres from the middle and from the camera.
        offsets: `(frames, 2)` pixels by which the camera has turned.
        twins: whether the first two are dressed alike.
    """

    frame_rate = 1 / STEP  # a frame a step of the world

    def __init__(self, seed: int, ways: np.ndarray, offsets: np.ndarray, twins: bool) -> None:
        config = SyntheticConfig(
            frames=FRAMES,
            image_size=SIZE,
            frame_rate=self.frame_rate,
            people=0,
            occluders=0,
            lookalikes=0,
            camera_motion=1.0,
            seed=seed,
        )
        scene = SyntheticScene(config)
        scene.walks = [_walk(person + 1, ways[:, person]) for person in range(ways.shape[1])]
        scene.wardrobe = Cast(scene.wardrobe, twins)
        scene.camera = KnockedCamera(offsets, self.frame_rate)
        self._scene, self._rng = scene, np.random.default_rng(seed)

    @cached_property
    def frames(self) -> list[SyntheticFrame]:
        return [self._scene.frame(index) for index in range(FRAMES)]

    def picture(self, number: int) -> np.ndarray:
        """RGB of a frame, counted from 1."""
        return self.frames[number - 1].image[..., ::-1]

    def truth(self, columns: int = 9) -> MotTable:
        rows = [
            [number, identity, *box, 1, 1, visible][:columns]
            for number, frame in enumerate(self.frames, start=1)
            for identity, box, visible in zip(frame.ids, frame.boxes, frame.visibility, strict=True)
        ]
        return MotTable.from_rows(np.array(rows))

    def detections(self) -> list[Detections]:
        return [self._seen(frame) for frame in self.frames]

    def _seen(self, frame: SyntheticFrame) -> Detections:
        found = frame.visibility > 0.4
        boxes = frame.boxes[found] + self._rng.normal(0, 0.7, (found.sum(), 4))
        boxes[:, 2:] += boxes[:, :2]
        looks = np.stack([histogram(frame.image, box) for box in boxes]) if len(boxes) else np.zeros((0, 128))
        scores = self._rng.uniform(0.6, 0.95, len(boxes))
        return Detections(boxes=boxes, scores=scores, embeddings=looks, classes=np.zeros(len(boxes)))


def histogram(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """`(128,)` of unit length: roots of the shares of 4 x 4 x 4 colours in the upper and the lower half of a box."""
    width = image.shape[1]
    left, top, right, bottom = box
    inset = 0.25 * (right - left)
    columns = slice(max(int(left + inset), 0), min(max(int(right - inset), int(left + inset) + 1), width))
    edges = np.linspace(top + 0.12 * (bottom - top), top + 0.9 * (bottom - top), 3).round().astype(int)
    parts = []
    for upper, lower in pairwise(edges.tolist()):
        colours = image[max(upper, 0) : max(lower, 0), columns].reshape(-1, 3).astype(int) // 64
        parts.append(np.bincount(colours @ [16, 4, 1], minlength=64) / max(len(colours), 1))
    roots = np.sqrt(np.concatenate(parts))
    return roots / max(np.linalg.norm(roots), 1e-9)


def _walk(identity: int, way: np.ndarray) -> Walk:
    """A way `(frames, 2)` with headings, distances and speeds."""
    steps = np.diff(way, axis=0, prepend=way[:1])
    lengths = np.hypot(*steps.T)
    moving = lengths > 1e-3
    headings = np.where(moving, np.arctan2(steps[:, 1], steps[:, 0]), -math.pi / 2)
    rows = np.column_stack([way, headings, np.cumsum(lengths), lengths / STEP])
    return Walk(identity, 0, np.vstack([rows, rows[-1:]]))


def rendered(plant: str, seed: int, *, removed: bool = False) -> RenderedScene:
    """A scene with one thing wrong; arguments as those of `planted`."""
    rng = np.random.default_rng((seed, PLANTS.index(plant)))
    ways, offsets = np.empty((FRAMES, 6, 2)), np.zeros((FRAMES, 2))
    time = np.arange(FRAMES)
    places = (-4.1, -3.0, 3.0, 4.1) if plant == "camera jump" else (-5.0, -4.0, 4.0, 5.0)
    for person, place in zip((2, 3, 4, 5), places, strict=True):
        sway = 0.25 * np.sin(2 * np.pi * time / rng.uniform(40, 80) + rng.uniform(0, 6))
        ways[:, person] = np.column_stack([place + sway, np.full(FRAMES, BESIDE)])
    when = int(rng.integers(20, 26))
    if plant == "look-alike":
        _twins_meet(ways, rng, when)
    else:
        _knocked(ways, offsets, rng, when, removed)
    return RenderedScene(seed, ways, offsets, twins=plant == "look-alike" and not removed)


def _twins_meet(ways, rng, when):
    """They come together, one just before the other, wait and turn round."""
    pace, wait = rng.uniform(1.2, 2.2) * STEP, int(rng.integers(0, 8))
    steps = np.arange(FRAMES) - when
    way = np.minimum(pace * (np.clip(-steps, 0, None) + np.clip(steps - wait, 0, None)), 2.3)
    apart = rng.uniform(0.0, 0.15)
    ways[:, 0] = np.column_stack([-way - apart / 2, np.full(FRAMES, MIDDLE)])
    ways[:, 1] = np.column_stack([way + apart / 2, np.full(FRAMES, MIDDLE - 0.35)])


def _knocked(ways, offsets, rng, when, removed):
    """Everybody walks about, and the camera is knocked."""
    time = np.arange(FRAMES)
    for person, place in ((0, -1.5), (1, 1.5)):
        ways[:, person] = np.column_stack([place + rng.uniform(-0.6, 0.6) * time * STEP, np.full(FRAMES, MIDDLE)])
    far = rng.uniform(35, 60) * rng.choice([-1, 1])
    if not removed:
        offsets[when:, 0] = far
