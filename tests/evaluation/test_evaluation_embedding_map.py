"""The map of embeddings: the plane in which they differ most."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation import embedding_map as module
from fairmot_pl.evaluation.embedding_map import embedding_map, principal_plane


def clusters(seed: int, centres: np.ndarray, each: int = 50, spread: float = 0.01):
    """Vectors about some centres, and whose they are."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(centres)), each)
    return (centres[of] + spread * rng.normal(size=(len(of), centres.shape[1]))).astype(np.float32), of


def test_known_clusters_stay_apart_and_close():
    vectors, of = clusters(0, np.eye(3, 16))
    points, shares = principal_plane(vectors)
    middles = np.stack([points[of == one].mean(axis=0) for one in range(3)])
    # an equilateral triangle of side sqrt(2): three centres lie in one plane, so nothing of it is lost
    sides = np.linalg.norm(middles - np.roll(middles, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, np.sqrt(2), atol=0.01)
    assert np.linalg.norm(points - middles[of], axis=1).max() < 0.1
    assert shares.sum() > 0.99


def test_axes_are_those_of_a_singular_value_decomposition():
    vectors = np.random.default_rng(1).normal(size=(80, 6)) * [3, 2, 1, 1, 1, 1]
    points, shares = principal_plane(vectors)
    _, values, directions = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = (vectors - vectors.mean(axis=0)) @ directions[:2].T
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum())


@pytest.mark.parametrize(
    ("vectors", "spread"), [(np.ones((4, 3)), 0.0), (np.array([[1.0], [3.0]]), 1.0), (np.array([[1.0, 0.0]] * 2), 0.0)]
)
def test_vectors_without_a_plane(vectors, spread):
    points, shares = principal_plane(vectors)
    assert points.shape == (len(vectors), 2)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-12)
    assert shares[0] == pytest.approx(spread)


def test_people_keep_their_sequence(monkeypatch):
    vectors, of = clusters(2, np.eye(2, 8), each=30)
    nobody = np.zeros((0, 1), np.float32), np.zeros(0, np.int64)
    drawn = embedding_map({"A": (vectors[:30], of[:30]), "B": nobody, "C": (vectors[30:], of[30:])})
    assert drawn.names == ("A", "C")
    assert [(drawn.sequences == index).sum() for index in (0, 1)] == [30, 30]
    assert set(drawn.identities[drawn.sequences == 1]) == {1}
    monkeypatch.setattr(module, "MAX_POINTS", 20)
    fewer = embedding_map({"A": (vectors[:30], of[:30]), "C": (vectors[30:], of[30:])})
    assert len(fewer.points) == 20
    assert len(set(fewer.sequences)) == 2
    np.testing.assert_array_equal(fewer.shares, drawn.shares)


def test_one_box_is_no_map():
    assert embedding_map({}) is None
    assert embedding_map({"A": (np.ones((1, 4), np.float32), np.array([1]))}) is None
