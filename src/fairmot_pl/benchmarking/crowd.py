"""Crowds that walk: detections for a tracker, ground truth and results for an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import Detections

SCREEN = np.array([1920.0, 1080.0])
DIM = 128
SHARES_HIDDEN = {10: 0.15, 50: 0.22}
"""Of so many people so many are hidden, as in the streams that the reference's tracker was timed on; else a third."""


def walkers(people: int, frames: int, *, seed: int = 0, share_hidden: float | None = None) -> Iterator[Detections]:
    """A crowd on 1920 x 1080: people walk, turn back at the border and hide behind one another.

    At any time a share of them is hidden, each for some 12 frames; a seventh of those seen is half hidden, at a low
    score. One detection in 50 is false. Embeddings are of unit length with noise, a tenth of the people look alike.

    Args:
        people: in the scene.
        frames: to yield.
        seed: of everything.
        share_hidden: of the people at any time; None for what belongs to their number.
    """
    share = SHARES_HIDDEN.get(people, 1 / 3) if share_hidden is None else share_hidden
    rng = np.random.default_rng(seed)
    tall = 20 + 1000 / np.sqrt(people + 20) * rng.uniform(0.5, 1.5, people)
    centre, speed = rng.uniform(0, SCREEN, (people, 2)), rng.normal(0, 2, (people, 2))
    looks = rng.normal(size=(people, DIM))
    looks[::10] = looks[0]
    hides = share / (12 * (1 - share))
    hidden = np.where(rng.random(people) < share, rng.integers(1, 24, people), 0)
    for _ in range(frames):
        speed = np.where((centre < 0) | (centre > SCREEN), -speed, speed + rng.normal(0, 0.1, speed.shape))
        centre = centre + speed
        hidden = np.where((hidden == 0) & (rng.random(people) < hides), rng.integers(1, 24, people), hidden - 1).clip(0)
        who = np.flatnonzero(hidden == 0)
        false = rng.binomial(len(who), 0.02)
        at = np.concatenate([centre[who] + rng.normal(0, 1, (len(who), 2)), rng.uniform(0, SCREEN, (false, 2))])
        height = np.append(tall[who], rng.uniform(40, 200, false)) * np.exp(rng.normal(0, 0.02, len(at)))
        half = height[:, None] * [0.2, 0.5]
        look = np.concatenate([looks[who], rng.normal(size=(false, DIM))]) + 0.3 * rng.normal(size=(len(at), DIM))
        score = np.where(rng.random(len(at)) < 1 / 7, rng.uniform(0.2, 0.4, len(at)), rng.uniform(0.5, 0.95, len(at)))
        yield Detections(
            boxes=np.concatenate([at - half, at + half], axis=1),
            scores=score,
            embeddings=look / np.linalg.norm(look, axis=1, keepdims=True),
            classes=np.zeros(len(at), np.int64),
        )


def scored_rows(people: int, frames: int, *, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ground truth and results of a crowd in MOTChallenge columns, `(R, 9)` and `(R, 10)`.

    Results miss a box in ten, shake by some pixels, have a false box in 50 and change every identity once in 60 frames.
    """
    rng = np.random.default_rng(seed)
    frame, who = (grid.ravel() for grid in np.mgrid[1 : frames + 1, 1 : people + 1])
    start, speed = rng.uniform(0, SCREEN, (people, 2)), rng.normal(0, 2, (people, 2))
    corner = start[who - 1] + frame[:, None] * speed[who - 1]
    size = rng.uniform(60, 200, people)[who - 1][:, None] * [0.4, 1.0]
    ones = np.ones((len(frame), 3))
    truth = np.concatenate([frame[:, None], who[:, None], corner, size, ones], axis=1)
    shaken = np.concatenate([corner, size], axis=1) + rng.normal(0, 4, (len(frame), 4))
    lost = rng.random(len(frame)) < 0.02
    shaken[lost, :2] = rng.uniform(0, SCREEN, (int(lost.sum()), 2))
    ids = who + people * ((frame + 7 * who) // 60)
    rest = np.concatenate([np.full((len(frame), 1), 0.9), -np.ones((len(frame), 3))], axis=1)
    results = np.concatenate([frame[:, None], ids[:, None], shaken, rest], axis=1)
    return truth, results[rng.random(len(frame)) > 0.1]
