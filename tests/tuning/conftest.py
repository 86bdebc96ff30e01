"""Recorded sequences of a few people who walk to and fro; what a detector says about them is made up."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.inference.cache import RecordedFrame
from fairmot_pl.inference.replay import RecordedSequence
from fairmot_pl.mot_format import MotTable
from fairmot_pl.structures import Detections, FrameOutput


def walkers(name: str, *, length: int = 12, score: float = 0.35, seed: int = 0, people: int = 3) -> RecordedSequence:
    """People on straight paths, all detected with about the same score, with as many faint false detections."""
    random = np.random.default_rng(seed)
    start, speed = random.uniform(50, 500, people), random.uniform(-4, 4, people)
    looks = random.normal(size=(people, 8))
    rows, frames = [], []
    for number in range(1, length + 1):
        left = start + speed * number
        boxes = np.stack([left, np.full(people, 50.0), left + 40, np.full(people, 150.0)], axis=1)
        rows += [[number, index + 1, *box[:2], 40, 100, 1, -1, 1] for index, box in enumerate(boxes)]
        noise = random.uniform(0, 600, (people, 4))
        noise[:, 2:] = noise[:, :2] + [40, 100]
        detections = Detections(
            boxes=np.concatenate([boxes + random.normal(0, 0.5, boxes.shape), noise]),
            scores=np.concatenate([random.normal(score, 0.01, people), random.uniform(0.1, 0.25, people)]),
            embeddings=np.concatenate([looks, random.normal(size=(people, 8))]),
            classes=np.zeros(2 * people),
        )
        output = FrameOutput(detections=detections, truth_embeddings=looks, truth_identities=np.arange(1, people + 1))
        frames.append(RecordedFrame(number, output))
    truth = MotTable.from_rows(np.array(rows))
    return RecordedSequence(name=name, frames=frames, truth=truth, frame_rate=30, benchmark="MOT15")


@pytest.fixture
def sequences() -> list[RecordedSequence]:
    return [walkers(name, seed=seed, length=8 + seed) for seed, name in enumerate("ABC")]
