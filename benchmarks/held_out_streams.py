"""Streams of other sequences: their ground truth, turned into detections by a model of errors.

`benchmarks/fusion.py` needs more footage than the recorded streams offer. Of the sequences in
`$FAIRMOT_DATA/metrics/gt` there are no images, but boxes, and from boxes follows who hides whom. Two models, seeded:

* `oracle`: centres off by 3 % of a side, sides by 5 %; one in twelve missed and most of the hidden; a tenth at low
  scores; 3 % false.
* `detector`: scores fall with visibility and distance and wander; edges err together for a third of a second; who is
  half hidden is boxed as far as visible; parts of bodies, two in one box, and things that look like people for a while.

Embeddings have a part that all share, one per person (a third of which families of look-alikes share), one that drifts
with the viewpoint, noise, and as much of whoever stands in front as is seen of them. Similarities of the same and of
different people over time resemble those of the recorded streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl import Detections
from fairmot_pl.boxes import pairwise_intersection, pairwise_iou
from fairmot_pl.mot_format import MotTable, read_mot
from fairmot_pl.seqinfo import read_seqinfo

Array = NDArray[np.float64]
DIM = 128
VISIBLE_CLASSES = (1, 2, 7)
"""Pedestrians, those on vehicles and those who stand: a detector takes them all for people."""


@dataclass(frozen=True)
class Stream:
    """Detections of a sequence frame by frame, and what they are judged by."""

    name: str
    frames: list[Detections]
    frame_rate: float
    truth: MotTable
    benchmark: str


class Appearances:
    """Embeddings of people over time."""

    def __init__(self, rng: np.random.Generator, ids: NDArray[np.int64]) -> None:
        self._rng = rng
        self._common = self._direction() / np.linalg.norm(self._direction())
        families = [self._direction() for _ in range(max(len(ids) // 3, 1))]
        self._own = {i: 0.55 * families[rng.integers(len(families))] + 0.83 * self._direction() for i in ids}
        self._drift = {i: self._direction() for i in ids}

    def pass_time(self, seconds: float) -> None:
        """Let viewpoints change."""
        keep = np.exp(-seconds)
        for i in self._drift:
            self._drift[i] = keep * self._drift[i] + np.sqrt(1 - keep**2) * self._direction()

    def of(self, person: int | None) -> Array:
        """A person without noise; None is background."""
        if person is None:
            return 0.62 * self._common + 0.75 * self._direction()
        return 0.72 * self._common + 0.6 * self._own[person] + 0.25 * self._drift[person]

    def seen(self, mixture: Array, noise: float = 0.33) -> Array:
        """An embedding of unit length."""
        look = mixture / np.linalg.norm(mixture) + noise * self._direction()
        return look / np.linalg.norm(look)

    def _direction(self) -> Array:
        return self._rng.normal(size=DIM) / np.sqrt(DIM)


class Scene:
    """Who is where in one frame, and how much of them is visible."""

    def __init__(self, table: MotTable, given: bool) -> None:
        self.ids = table.ids
        self.boxes = np.concatenate([table.boxes[:, :2], table.boxes[:, :2] + table.boxes[:, 2:]], axis=1)
        covered = pairwise_intersection(self.boxes, self.boxes) / table.boxes[:, 2:].prod(axis=1)[:, None]
        self.covered = np.where(self.boxes[None, :, 3] > self.boxes[:, None, 3], covered, 0)
        most = self.covered.max(axis=1, initial=0)
        self.visible = np.minimum(1 - most, table.visibility) if given else 1 - most
        self.hider = [int(row.argmax()) if row.any() else None for row in self.covered]

    def looks(self, row: int, people: Appearances) -> Array:
        """The mixture of a person and whoever hides them."""
        share, hider = 0.25 + 0.75 * self.visible[row], self.hider[row]
        return share * people.of(self.ids[row]) + (1 - share) * people.of(None if hider is None else self.ids[hider])


def oracle(
    scene: Scene, people: Appearances, rng: np.random.Generator, screen: Array
) -> Iterator[tuple[Array, float, Array]]:
    """Boxes, scores and embeddings of one frame: the truth with independent errors."""

    def score() -> float:
        return rng.uniform(0.1, 0.4) if rng.random() < 0.1 else rng.uniform(0.5, 0.95)

    for row, box in enumerate(scene.boxes):
        if rng.random() < 0.08 + 0.55 * (1 - scene.visible[row]):
            continue
        size = box[2:] - box[:2]
        centre = (box[:2] + box[2:]) / 2 + 0.03 * size * rng.normal(size=2)
        half = size * np.exp(0.05 * rng.normal(size=2)) / 2
        yield np.concatenate([centre - half, centre + half]), score(), people.seen(scene.looks(row, people))
    for _ in range(rng.binomial(max(len(scene.ids), 1), 0.03)):
        high = _typical(scene, screen) * np.exp(0.4 * rng.normal())
        size = np.array([0.4 * high, high])
        corner = rng.uniform(0, np.maximum(screen - size, 1))
        yield np.concatenate([corner, corner + size]), score(), people.seen(people.of(None))


class Detector:
    """Errors that last: of people, and of things that are taken for them."""

    def __init__(self, rng: np.random.Generator, ids: NDArray[np.int64], seconds: float, things: int = 12) -> None:
        self._rng, self._seconds, self._count = rng, seconds, things
        self._error = {i: rng.normal(size=6) for i in ids}
        self._things: list[tuple[Array, float, float, Array]] = []

    def __call__(self, scene: Scene, people: Appearances, screen: Array) -> Iterator[tuple[Array, float, Array]]:
        """Boxes, scores and embeddings of one frame, before non-maximum suppression."""
        keep = np.exp(-self._seconds / 0.35)
        for row, person in enumerate(scene.ids):
            error = self._error[person] = keep * self._error[person] + np.sqrt(1 - keep**2) * self._rng.normal(size=6)
            yield from self._person(scene, row, error, people, screen)
        yield from self._false(scene, people, screen)

    def _person(
        self, scene: Scene, row: int, error: Array, people: Appearances, screen: Array
    ) -> Iterator[tuple[Array, float, Array]]:
        rng, box, visible = self._rng, scene.boxes[row], scene.visible[row]
        wide, high = box[2:] - box[:2]
        odds = -1.2 + 3.2 * (visible - 0.3) + 0.9 * np.log(max(high, 8) / (0.12 * screen[1]))
        score = 0.08 + 0.86 / (1 + np.exp(-(odds + 0.75 * error[0] + 0.35 * rng.normal())))
        if score < 0.1:
            return
        scale = (1.4 - 0.9 * score) * high * np.array([0.8, 1, 0.8, 1])
        found = box + scale * (0.045 * error[1:5] + 0.025 * rng.normal(size=4))
        if visible < 0.75 and error[5] > -0.3:
            self._cut(found, scene, row)
        found = found.clip(0, np.tile(screen, 2))
        if not _tall_enough(found):
            return
        yield found, score, people.seen(scene.looks(row, people))
        for _ in range(rng.poisson(0.25)):
            part = (box + np.array([wide, high, wide, high]) * rng.normal(0, 0.28, 4)).clip(0, np.tile(screen, 2))
            if _tall_enough(part):
                look = 0.7 * people.of(scene.ids[row]) + 0.5 * people.of(None)
                yield part, rng.uniform(0.1, 0.1 + 0.35 * score), people.seen(look)

    def _cut(self, found: Array, scene: Scene, row: int) -> None:
        """Leave of a box what is visible of the person."""
        box, hider, hidden = scene.boxes[row], scene.hider[row], 0.7 * (1 - scene.visible[row])
        wide, high = box[2:] - box[:2]
        if hider is None or scene.covered[row, hider] <= 0.1:
            found[3] -= 0.6 * hidden * high
            return
        front = scene.boxes[hider]
        if min(box[2], front[2]) - max(box[0], front[0]) > 0.7 * wide:
            found[3] -= hidden * high
        elif front[0] <= box[0]:
            found[0] += hidden * wide
        else:
            found[2] -= hidden * wide

    def _false(self, scene: Scene, people: Appearances, screen: Array) -> Iterator[tuple[Array, float, Array]]:
        rng = self._rng
        self._things = [thing for thing in self._things if rng.random() > self._seconds / thing[2]]
        while len(self._things) < self._count:
            high = _typical(scene, screen) * np.exp(0.5 * rng.normal())
            place = np.array(
                [
                    rng.uniform(0, screen[0]),
                    rng.uniform(0.25, 0.9) * screen[1],
                    high * np.exp(rng.normal(-0.9, 0.25)),
                    high,
                ]
            )
            strength = float(np.clip(0.1 + rng.gamma(2.0, 0.06), 0.1, 0.62))
            self._things.append((place, strength, float(rng.choice([0.1, 0.5, 2.0])), people.of(None)))
        for (x, y, wide, high), strength, _, look in self._things:
            score = strength + 0.06 * rng.normal()
            if rng.random() < 0.35 or score < 0.1:
                continue
            centre = np.array([x, y]) + 0.05 * np.array([wide, high]) * rng.normal(size=2)
            half = np.array([wide, high]) * np.exp(0.1 * rng.normal(size=2)) / 2
            found = np.concatenate([centre - half, centre + half]).clip(0, np.tile(screen, 2))
            if _tall_enough(found):
                yield found, score, people.seen(look, 0.4)


def held_out_stream(folder: Path, kind: str, *, first: int, count: int, seed: int = 0) -> Stream:
    """The frames `first` to `first + count - 1` of a sequence, numbered from 1, as a stream of that kind."""
    table, info = read_mot(folder / "gt" / "gt.txt"), read_seqinfo(folder / "seqinfo.ini")
    table = table.select((table.frames >= first) & (table.frames < first + count))
    truth = MotTable(table.frames - first + 1, table.ids, table.boxes, table.scores, table.classes, table.visibility)
    old = folder.parent.name.startswith("MOT15")
    solid = (truth.scores != 0) & ((truth.classes == 1) | old)
    if kind == "detector" and not old:
        solid |= np.isin(truth.classes, VISIBLE_CLASSES)
    there = truth.select(solid)
    rng = np.random.default_rng([seed, sum(map(ord, folder.name)), kind == "oracle"])
    people, seconds = Appearances(rng, np.unique(there.ids)), 1 / info.frame_rate
    screen = np.array(info.image_size[::-1], float)
    detector = Detector(rng, np.unique(there.ids), seconds)
    frames = []
    for frame in range(1, count + 1):
        scene = Scene(there.select(there.frames == frame), given=not old)
        people.pass_time(seconds)
        found = oracle(scene, people, rng, screen) if kind == "oracle" else detector(scene, people, screen)
        rows = list(found)
        detections = Detections(
            boxes=np.array([box for box, _, _ in rows]).reshape(-1, 4),
            scores=[score for _, score, _ in rows],
            embeddings=np.array([look for _, _, look in rows]).reshape(-1, DIM),
            classes=np.zeros(len(rows)),
        )
        frames.append(detections if kind == "oracle" else suppressed(detections))
    return Stream(f"{folder.name} {kind}", frames, info.frame_rate, truth, "MOT15" if old else "MOT17")


def suppressed(detections: Detections, limit: float = 0.5, most: int = 100) -> Detections:
    """Non-maximum suppression."""
    boxes = detections.boxes.astype(np.float64)
    iou, alive, kept = pairwise_iou(boxes, boxes), np.ones(len(boxes), bool), []
    for row in np.argsort(-detections.scores, kind="stable"):
        if alive[row]:
            kept.append(row)
            alive &= iou[row] < limit
    return detections.select(np.array(kept[:most], np.int64))


def _typical(scene: Scene, screen: Array) -> float:
    high = scene.boxes[:, 3] - scene.boxes[:, 1]
    return float(np.median(high)) if len(high) else screen[1] / 4


def _tall_enough(box: Array) -> bool:
    return bool(box[2] - box[0] > 4 and box[3] - box[1] > 8)
