"""Similarity by frame gap: every pair in its place."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation import similarity
from fairmot_pl.evaluation.similarity import BINS, EDGES, shared_part, similarity_histogram

GAPS = (1, 3)


def unit(*angles: float) -> np.ndarray:
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def histogram(frames, identities, embeddings):
    return similarity_histogram(np.array(frames), np.array(identities), embeddings, gaps=GAPS)


def test_pairs_fall_where_they_belong():
    counts = histogram([1, 1, 2, 2], [7, 9, 7, 9], unit(0, 90, 10, 80))
    assert counts.shape == (len(GAPS), 2, BINS)
    assert counts.sum(axis=2).tolist() == [[2, 2], [0, 0]]
    cosines = {"same": np.cos(np.deg2rad([10, 10])), "different": np.cos(np.deg2rad([80, 80]))}
    for row, of in enumerate(cosines.values()):
        np.testing.assert_array_equal(counts[0, row], np.histogram(of, EDGES)[0])


def test_the_ends_of_the_scale_are_inside():
    counts = histogram([1, 2, 2], [1, 1, 2], unit(0, 0, 180))
    assert counts[0, 0, -1] == 1
    assert counts[0, 1, 0] == 1


@pytest.mark.parametrize(("frames", "identities"), [([], []), ([1, 1], [1, 2]), ([1, 2], [-1, -1]), ([1, 9], [1, 1])])
def test_nobody_to_compare_gives_no_count(frames, identities):
    counts = histogram(np.array(frames, np.int64), np.array(identities, np.int64), unit(*[0] * len(frames)))
    assert counts.sum() == 0


def test_it_counts_what_a_loop_over_all_pairs_counts():
    rng = np.random.default_rng(3)
    frames = np.sort(rng.integers(1, 12, 60))
    identities = rng.integers(-1, 5, 60)
    embeddings = rng.normal(size=(60, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    found = {(row, same): [] for row in range(len(GAPS)) for same in (True, False)}
    for first in range(60):
        for second in range(60):
            gap = frames[second] - frames[first]
            if gap in GAPS and identities[first] >= 0 and identities[second] >= 0:
                alike = float(embeddings[first] @ embeddings[second])
                found[GAPS.index(gap), bool(identities[first] == identities[second])].append(alike)
    counts = histogram(frames, identities, embeddings)
    for (row, same), alike in found.items():
        np.testing.assert_array_equal(counts[row, 0 if same else 1], np.histogram(alike, EDGES)[0])


def test_long_sequences_are_looked_at_here_and_there(monkeypatch):
    monkeypatch.setattr(similarity, "MAX_STARTS", 10)
    counts = histogram(np.arange(1000), np.ones(1000, np.int64), unit(*[0] * 1000))
    assert counts.sum(axis=(1, 2)).tolist() == [10, 10]


def test_what_two_histograms_share():
    low, high = np.eye(BINS, dtype=np.int64)[[3, 60]]
    assert shared_part(5 * low, high) == 0
    assert shared_part(5 * low, 9 * low) == 1
    assert shared_part(low + high, high) == pytest.approx(0.5)
