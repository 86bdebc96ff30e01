"""Scenes in which one known thing goes wrong, as ground truth and detections, without pixels.

People walk in lanes of their own, so that nothing happens to anybody but the planted person (and their twin).
Who is more than half hidden is not found; who is partly hidden looks partly like whoever stands in front. Each plant
comes in several kinds, which take turns from seed to seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fairmot_pl import Detections
from fairmot_pl.mot_format import MotTable

DIM = 32
FRAMES = 105
PLANTS = ("look-alike", "occlusion", "missed detection", "camera jump", "fragment")


@dataclass
class Scene:
    """People by index, `(frames, people, 4)` tlwh; whoever stands in front has the lower edge."""

    rng: np.random.Generator
    boxes: np.ndarray
    looks: np.ndarray
    frame_rate: float = 30.0
    missed: set = field(default_factory=set)
    faint: set = field(default_factory=set)  # (frame, person) whose score is below every threshold
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
            scores[[(frame, person) in self.faint for person in found]] = self.rng.uniform(0.02, 0.15)
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
    kinds = _PLANT[plant]
    kinds[seed % len(kinds)](scene, rng, int(rng.integers(35, 45)), removed)
    return scene


def _meet(scene, rng, when, removed, pace, wait, behind, turns):
    """Two people come together at a place, wait there, and turn round (or walk on)."""
    boxes = scene.boxes
    twin = scene.looks[0] + rng.normal(0, 0.05 / np.sqrt(DIM), DIM)
    if not removed:
        scene.looks[1] = twin / np.linalg.norm(twin)
    boxes[:, 1, 2:] = boxes[:, 0, 2:] * rng.uniform(0.95, 1.05)
    scene.pillar |= {(frame, person) for frame in behind for person in (0, 1)}
    after = np.clip(np.arange(FRAMES) - when - wait, 0, None)
    before = np.clip(when - np.arange(FRAMES), 0, None)
    way = pace * (before + after if turns else before - after)
    boxes[:, 0, 0], boxes[:, 1, 0] = 500 - way, 500 + way
    for person, lower in ((0, 0.0), (1, rng.uniform(16, 30))):
        boxes[:, person, 1] = 200 + lower - boxes[:, person, 3]


def _twins_in_the_open(scene, rng, when, removed):
    """Dressed alike, they meet in plain sight and turn round, where whoever trusts in motion is wrong."""
    _meet(scene, rng, when, removed, rng.uniform(1.5, 3.5), int(rng.integers(0, 12)), (), rng.random() < 0.8)


def _twins_behind_a_pillar(scene, rng, when, removed):
    """Dressed alike, they meet where nobody sees them."""
    wait = int(rng.integers(0, 12))
    behind = range(when - int(rng.integers(2, 6)), when + wait + int(rng.integers(2, 8)))
    _meet(scene, rng, when, removed, rng.uniform(1.5, 3.5), wait, behind, rng.random() < 0.8)


def _twins_behind_a_wall(scene, rng, when, removed):
    """They run towards one another behind something wide, and turn round there."""
    pace = rng.uniform(3, 6)
    behind = range(when - int(rng.integers(3, 9)), when + int(rng.integers(6, 14)))
    _meet(scene, rng, when, removed, pace, 0, behind, True)


def _behind_somebody(scene, rng, when, removed):
    """Somebody walks behind a larger person and stays there; comes out on the same or the other side."""
    boxes = scene.boxes
    boxes[:, 1, 2:] = boxes[0, 0, 2:] * rng.uniform(1.3, 1.7)
    boxes[:, 1, 0], boxes[:, 1, 1] = (2000 if removed else 500), 230 - boxes[:, 1, 3]
    centre, pace = 500 + boxes[0, 1, 2] / 2 - boxes[0, 0, 2] / 2, rng.uniform(2, 4)
    _walk_through(scene, when, int(rng.integers(5, 45)), rng.choice([-1, 1]), centre, pace)


def _behind_a_group(scene, rng, when, removed):
    """The same behind two who stand side by side."""
    boxes = scene.boxes
    boxes[:, 1:3, 2:] = boxes[0, 0, 2:] * rng.uniform(1.2, 1.5)
    width = boxes[0, 1, 2]
    for person, left in ((1, 500.0), (2, 500 + 0.8 * width)):
        boxes[:, person, 0] = 2000 + 500 * person if removed else left
        boxes[:, person, 1] = 230 + person - boxes[:, person, 3]
    centre, pace = 500 + 0.9 * width - boxes[0, 0, 2] / 2, rng.uniform(3, 6)
    _walk_through(scene, when, int(rng.integers(0, 40)), rng.choice([-1, 1]), centre, pace)


def _behind_a_pillar(scene, rng, when, removed):
    """Somebody walks behind something that is not annotated, turns round or waits."""
    wait, pace = int(rng.integers(5, 45)), rng.uniform(2, 6)
    _walk_through(scene, when, wait, -1 if rng.random() < 0.7 else 1, 500, pace)
    inside = np.flatnonzero(np.abs(scene.boxes[:, 0, 0] - 500) < 40)
    if not removed:
        scene.pillar |= {(int(frame), 0) for frame in inside}


def _walk_through(scene, when, wait, side, centre, pace):
    steps = np.arange(FRAMES) - when
    scene.boxes[:, 0, 0] = centre + pace * (np.clip(steps, None, 0) + side * np.clip(steps - wait, 0, None))
    scene.boxes[:, 0, 1] = 210 - scene.boxes[:, 0, 3]


def _not_found(scene, rng, when, removed):
    """Somebody in plain sight is not found for a while, and perhaps turns meanwhile."""
    _lost_in_sight(scene, rng, when, scene.missed if not removed else set())


def _too_faint(scene, rng, when, removed):
    """The same, found at scores that no tracker believes."""
    _lost_in_sight(scene, rng, when, scene.faint if not removed else set())


def _flickering(scene, rng, when, removed):
    """Somebody who runs and turns is found in one frame of many only."""
    gaps = set()
    _lost_in_sight(scene, rng, when, gaps)
    if not removed:
        middle = (min(gaps)[0] + max(gaps)[0]) // 2
        scene.missed |= gaps - {(middle, 0)}


def _lost_in_sight(scene, rng, when, missed):
    gap = int(rng.integers(12, 45))
    missed |= {(frame, 0) for frame in range(when, when + gap)}
    pace = rng.uniform(2, 7) * rng.choice([-1, 1])
    steps = np.arange(FRAMES) - when
    turned = -1 if rng.random() < 0.7 else 1
    scene.boxes[:, 0, 0] = 600 + pace * (np.clip(steps, None, 0) + turned * np.clip(steps, 0, None))


def _knocks(scene, rng, when, removed):
    """The camera is knocked, once or twice."""
    for frame in (when, when + int(rng.integers(5, 30)))[: int(rng.integers(1, 3))]:
        _shift(scene, rng, frame, 1, rng.uniform(60, 250), removed)


def _whip_pan(scene, rng, when, removed):
    """The camera is turned away within a few frames."""
    _shift(scene, rng, when, int(rng.integers(2, 4)), rng.uniform(250, 600), removed)


def _shift(scene, rng, frame, steps, far, removed):
    angle = rng.uniform(0, 2 * np.pi)
    for step in range(0 if removed else steps):
        scene.boxes[frame + step :, :, :2] += far / steps * np.array([np.cos(angle), np.sin(angle)])


def _leap(scene, rng, when, removed):
    """Somebody in plain sight leaps."""
    far = rng.uniform(70, 350) * rng.choice([-1, 1])
    if not removed:
        scene.boxes[when:, 0, 0] += far


def _crouch_in_other_clothes(scene, rng, when, removed):
    """Somebody looks another and crouches: no track accepts what is found of them."""
    _resize(scene, rng, when, removed, rng.uniform(0.35, 0.48))


def _stand_up_in_other_clothes(scene, rng, when, removed):
    """Somebody looks another and is twice as tall."""
    _resize(scene, rng, when, removed, rng.uniform(2.1, 2.8))


def _resize(scene, rng, when, removed, factor):
    boxes = scene.boxes
    if removed:
        return
    scene.strange |= {(frame, 0) for frame in range(when, FRAMES)}
    bottom = boxes[when:, 0, 1] + boxes[when:, 0, 3]
    boxes[when:, 0, 3] *= factor
    boxes[when:, 0, 1] = bottom - boxes[when:, 0, 3]


_PLANT = {
    "look-alike": (_twins_in_the_open, _twins_behind_a_pillar, _twins_behind_a_wall),
    "occlusion": (_behind_somebody, _behind_a_group, _behind_a_pillar),
    "missed detection": (_not_found, _too_faint, _flickering),
    "camera jump": (_knocks, _whip_pan),
    "fragment": (_leap, _crouch_in_other_clothes, _stand_up_in_other_clothes),
}
