"""Scenes in which one known thing goes wrong, as ground truth and detections, without pixels.

People walk in lanes of their own, so that nothing happens to anybody but the planted person (and their twin).
Who is more than half hidden is not found; who is partly hidden looks partly like whoever stands in front.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.evaluation.clear_identity import clear_identity_counts
from fairmot_pl.evaluation.preprocess import prepare
from fairmot_pl.inference.explanation import SequenceExplanation, explain_sequence
from fairmot_pl.mot_format import MotTable, track_rows

DIM = 32
FRAMES = 105
PLANTS = ("look-alike", "occlusion", "missed detection", "camera jump", "fragment")


@dataclass
class Scene:
    """People by index, `(frames, people, 4)` tlwh; whoever stands in front has the lower edge."""

    rng: np.random.Generator
    boxes: np.ndarray
    looks: np.ndarray
    missed: set = field(default_factory=set)
    strange: set = field(default_factory=set)  # (frame, person) who looks unlike themself
    pillar: set = field(default_factory=set)  # (frame, person) behind something that is not annotated

    def cover(self, frame):
        """`(people, people)` share of each box covered by each other one in front."""
        left, top, width, height = self.boxes[frame].T
        across = np.minimum.outer(left + width, left + width) - np.maximum.outer(left, left)
        down = np.minimum.outer(top + height, top + height) - np.maximum.outer(top, top)
        share = across.clip(0) * down.clip(0) / (width * height)[:, None]
        bottom = top + height
        return np.where(bottom[:, None] < bottom[None], share, 0)

    def truth(self, columns=9):
        rows = []
        for frame in range(len(self.boxes)):
            visible = (1 - self.cover(frame).max(axis=1)).clip(0)
            for person, box in enumerate(self.boxes[frame]):
                seen = 0.1 if (frame, person) in self.pillar else visible[person]
                rows.append([frame + 1, person + 1, *box, 1, 1, seen][:columns])
        return MotTable.from_rows(np.array(rows))

    def detections(self):
        frames = []
        for frame in range(len(self.boxes)):
            cover = self.cover(frame)
            most, front = cover.max(axis=1), cover.argmax(axis=1)
            found = [
                person
                for person in range(len(most))
                if most[person] < 0.6 and (frame, person) not in self.missed | self.pillar and self.rng.random() > 0.01
            ]
            boxes = self.boxes[frame][found] + self.rng.normal(0, 1, (len(found), 4))
            boxes[:, 2:] += boxes[:, :2]
            looks = self.looks[found] * (1 - most[found, None]) + self.looks[front[found]] * most[found, None]
            odd = [(frame, person) in self.strange for person in found]
            looks[odd] = self.looks[0][::-1]
            looks = looks + self.rng.normal(0, 0.35 / np.sqrt(DIM), looks.shape)
            looks /= np.linalg.norm(looks, axis=1, keepdims=True)
            scores = self.rng.uniform(0.6, 0.95, len(found))
            frames.append(Detections(boxes=boxes, scores=scores, embeddings=looks, classes=np.zeros(len(found))))
        return frames


def planted(plant: str, seed: int, *, removed: bool = False) -> Scene:
    """A scene with one thing wrong; whether an id changes is up to the tracker.

    Args:
        plant: what goes wrong.
        seed: of everything that is drawn.
        removed: the same scene without just that.
    """
    rng = np.random.default_rng((seed, PLANTS.index(plant)))
    people = 6
    time = np.arange(FRAMES)[:, None]
    size = np.stack([rng.uniform(35, 50, people), rng.uniform(90, 130, people)], axis=1)
    left = rng.uniform(200, 900, people) + time * rng.normal(0, 2, people)
    bottom = 200 + 180 * np.arange(people) + time * rng.normal(0, 0.05, people)
    looks = rng.normal(size=(people, DIM))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    boxes = np.empty((FRAMES, people, 4))
    boxes[..., 2:] = size
    boxes[..., 0], boxes[..., 1] = left, bottom - size[:, 1]
    scene = Scene(np.random.default_rng(seed), boxes, looks)
    _PLANT[plant](scene, rng, int(rng.integers(35, 45)), removed)
    return scene


def _look_alike(scene, rng, when, removed):
    """Two people dressed alike meet, in the open or behind a pillar, and turn round or walk on."""
    boxes = scene.boxes
    twin = scene.looks[0] + rng.normal(0, 0.05 / np.sqrt(DIM), DIM)
    if not removed:
        scene.looks[1] = twin / np.linalg.norm(twin)
    boxes[:, 1, 2:] = boxes[:, 0, 2:] * rng.uniform(0.95, 1.05)
    pace, wait = rng.uniform(1.5, 3.5), int(rng.integers(0, 12))
    after = np.clip(np.arange(FRAMES) - when - wait, 0, None)
    before = np.clip(when - np.arange(FRAMES), 0, None)
    turns = rng.random() < 0.8  # where whoever trusts in motion is wrong
    if rng.random() < 0.7:
        behind = range(when - int(rng.integers(2, 6)), when + wait + int(rng.integers(2, 8)))
        scene.pillar |= {(frame, person) for frame in behind for person in (0, 1)}
    way = pace * (before + after if turns else before - after)
    boxes[:, 0, 0], boxes[:, 1, 0] = 500 - way, 500 + way
    for person, lower in ((0, 0.0), (1, rng.uniform(16, 30))):
        boxes[:, person, 1] = 200 + lower - boxes[:, person, 3]


def _occlusion(scene, rng, when, removed):
    """Somebody walks behind a larger person and stays there; comes out on the same or the other side."""
    boxes = scene.boxes
    boxes[:, 1, 2:] = boxes[0, 0, 2:] * rng.uniform(1.3, 1.7)
    boxes[:, 1, 0], boxes[:, 1, 1] = (2000 if removed else 500), 230 - boxes[:, 1, 3]
    centre, pace = 500 + boxes[0, 1, 2] / 2 - boxes[0, 0, 2] / 2, rng.uniform(2, 4)
    wait, side = int(rng.integers(5, 45)), rng.choice([-1, 1])
    steps = np.arange(FRAMES) - when
    boxes[:, 0, 0] = centre + pace * (np.clip(steps, None, 0) + side * np.clip(steps - wait, 0, None))
    boxes[:, 0, 1] = 210 - boxes[:, 0, 3]


def _missed(scene, rng, when, removed):
    """Somebody in plain sight is not found for a while, and perhaps turns meanwhile."""
    gap = int(rng.integers(8, 45))
    if not removed:
        scene.missed |= {(frame, 0) for frame in range(when, when + gap)}
    pace = rng.uniform(1, 5) * rng.choice([-1, 1])
    steps = np.arange(FRAMES) - when
    turned = rng.choice([-1, 1])
    scene.boxes[:, 0, 0] = 600 + pace * (np.clip(steps, None, 0) + turned * np.clip(steps, 0, None))


def _camera_jump(scene, rng, when, removed):
    """The camera is knocked, once or twice."""
    for frame in (when, when + int(rng.integers(5, 30)))[: int(rng.integers(1, 3))]:
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(60, 250)
        if not removed:
            scene.boxes[frame:, :, :2] += far * np.array([np.cos(angle), np.sin(angle)])


def _fragment(scene, rng, when, removed):
    """Somebody in plain sight leaps, or looks another and crouches: no track accepts what is found of them."""
    boxes = scene.boxes
    leap, lower = rng.uniform(70, 200) * rng.choice([-1, 1]), boxes[0, 0, 3] * rng.uniform(0.52, 0.65)
    if removed:
        return
    if rng.random() < 0.5:
        boxes[when:, 0, 0] += leap
    else:
        scene.strange |= {(frame, 0) for frame in range(when, FRAMES)}
        boxes[when:, 0, 1] += lower
        boxes[when:, 0, 3] -= lower


_PLANT = {
    "look-alike": _look_alike,
    "occlusion": _occlusion,
    "missed detection": _missed,
    "camera jump": _camera_jump,
    "fragment": _fragment,
}


def tracked(scene: Scene, association: str, columns: int = 9) -> tuple[MotTable, MotTable, list[Detections]]:
    """Ground truth, results and detections of a scene."""
    truth, detections = scene.truth(columns), scene.detections()
    tracker = OnlineTracker(association=association)
    rows = [track_rows(frame, tracker.update(found)) for frame, found in enumerate(detections, start=1)]
    return truth, MotTable.from_rows(np.concatenate(rows)), detections


def explained(scene: Scene, association: str, columns: int = 9, name: str = "planted") -> SequenceExplanation:
    """The switches of a scene."""
    truth, results, detections = tracked(scene, association, columns)
    replay = ((frame, found, {}) for frame, found in enumerate(detections, start=1))
    rules = "MOT17" if columns > 7 else "MOT15"
    return explain_sequence(name, truth, results, replay, OnlineTracker(association=association), benchmark=rules)


def changes(scene: Scene, association: str) -> int:
    """How many ids change in a scene."""
    truth, results, _ = tracked(scene, association)
    return clear_identity_counts(prepare(truth, results, benchmark="MOT17")).idsw


def named_causes(plant: str, seeds: range, association: str) -> Counter[str]:
    """The causes named in those scenes whose switches all go when what was planted is removed."""
    named: Counter[str] = Counter()
    for seed in seeds:
        found = explained(planted(plant, seed), association).switches
        if found and not changes(planted(plant, seed, removed=True), association):
            named.update(one.cause.value for one in found)
    return named


if __name__ == "__main__":  # PYTHONPATH=src:tests python -m inference.planted SEEDS ASSOCIATION...
    print(f"{'planted':18}{'association':14}{'switches':>9}{'right':>7}  named otherwise")
    for association in sys.argv[2:]:
        for plant in PLANTS:
            named = named_causes(plant, range(int(sys.argv[1])), association)
            others = ", ".join(f"{cause} {count}" for cause, count in named.items() if cause != plant)
            print(f"{plant:18}{association:14}{sum(named.values()):9}{named[plant]:7}  {others}", flush=True)
