"""Made-up scenes for the metrics: rows in MOTChallenge column order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Rows = NDArray[np.float64]


@pytest.fixture(scope="session")
def row() -> Callable[..., list[float]]:
    """One ground-truth row, or a result row (flag and class mean nothing there but must be allowed)."""

    def make(frame, identity, left=0.0, top=0.0, width=10.0, height=10.0, flag=1.0, kind=1.0):
        return [frame, identity, left, top, width, height, flag, kind, 1.0]

    return make


@pytest.fixture(scope="session")
def standing(row) -> Callable[..., Rows]:
    """People who stand 100 pixels apart, one id each, in the given frames."""

    def make(ids, frames) -> Rows:
        rows = [row(frame, identity, 100.0 * place) for frame in frames for place, identity in enumerate(ids)]
        return np.array(rows, np.float64).reshape(-1, 9)

    return make


@pytest.fixture(scope="session")
def crowd() -> Callable[[int], tuple[Rows, Rows]]:
    """Ground truth and imperfect results: people walk, cross, get lost, swap ids; some false alarms."""

    def make(seed: int) -> tuple[Rows, Rows]:
        rng = np.random.default_rng(seed)
        people, frames = int(rng.integers(1, 9)), int(rng.integers(1, 20))
        position, speed = rng.uniform(0, 150, (people, 2)), rng.normal(0, 3, (people, 2))
        size, ids = rng.uniform(20, 60, (people, 2)), rng.permutation(people) + 1
        truth, results = [], []
        for frame in range(1, frames + 1):
            position = position + speed
            if rng.random() < 0.2:
                ids = rng.permutation(ids)
            for person in range(people):
                if rng.random() < 0.9:
                    truth.append([frame, person + 1, *position[person], *size[person], 1, 1, 1])
                if rng.random() < 0.8:
                    noisy = position[person] + rng.normal(0, 4, 2)
                    results.append([frame, ids[person], *noisy, *size[person], 1, -1, -1])
            if rng.random() < 0.3:
                results.append([frame, 100 + frame, *rng.uniform(0, 150, 2), 40, 40, 1, -1, -1])
        return np.array(truth, np.float64).reshape(-1, 9), np.array(results, np.float64).reshape(-1, 9)

    return make
