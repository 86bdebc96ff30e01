"""A picture of the space that embeddings live in: its principal plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.pairs import Float, Int

MAX_POINTS = 2000
"""Boxes that a map shows; the plane is that of all."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingMap:
    """Boxes of known people by how they look.

    Args:
        points: `(N, 2)` coordinates in the principal plane.
        sequences: `(N,)` index into `names`.
        identities: `(N,)` whom a box shows; unique within a sequence only.
        names: of the sequences.
        shares: `(2,)` the part of all variance that lies along each axis.
    """

    points: Float
    sequences: Int
    identities: Int
    names: tuple[str, ...]
    shares: Float


def embedding_map(samples: Mapping[str, tuple[NDArray[np.float32], Int]]) -> EmbeddingMap | None:
    """The principal plane of all embeddings, and some of them in it; None where there are fewer than two.

    Args:
        samples: of each sequence, `(N, D)` embeddings and the `(N,)` identities that they belong to.
    """
    filled = {name: sample for name, sample in samples.items() if len(sample[1])}
    counts = [len(identities) for _, identities in filled.values()]
    if sum(counts) < 2:
        return None
    points, shares = principal_plane(np.concatenate([embeddings for embeddings, _ in filled.values()]))
    # by chance: every k-th box of people who come in one order each frame might always be the same person
    shown = np.sort(np.random.default_rng(0).permutation(sum(counts))[:MAX_POINTS])
    return EmbeddingMap(
        points=points[shown],
        sequences=np.repeat(np.arange(len(filled)), counts)[shown],
        identities=np.concatenate([identities for _, identities in filled.values()])[shown],
        names=tuple(filled),
        shares=shares,
    )


def principal_plane(vectors: NDArray[np.floating]) -> tuple[Float, Float]:
    """Project vectors on the two directions in which they differ most (principal component analysis, Hotelling 1933).

    Args:
        vectors: `(N, D)`.

    Returns:
        `(N, 2)` coordinates about the mean, and the `(2,)` share of the variance along each axis. The largest entry
        of a direction is positive, so that the same vectors always give the same picture.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    plane, shares = np.zeros((len(centred), 2)), np.zeros(2)
    for axis in range(min(2, centred.shape[1])):
        direction = directions[:, -1 - axis]
        direction = direction * np.sign(direction[np.abs(direction).argmax()])
        plane[:, axis] = centred @ direction
        shares[axis] = max(0.0, variances[-1 - axis]) / max(variances.clip(0).sum(), np.finfo(np.float64).tiny)
    return plane, shares
