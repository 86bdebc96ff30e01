"""How alike boxes of one person look some frames apart, and how alike those of two: counts by cosine similarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.pairs import Float, Int

BINS = 80
"""Steps of 0.025 between -1 and 1."""

EDGES: Float = np.linspace(-1, 1, BINS + 1)

MAX_STARTS = 200
"""Frames of a sequence, evenly spaced, whose people are compared with those of a later frame; this bounds the work."""


def similarity_histogram(
    frames: Int, identities: Int, embeddings: NDArray[np.float32], *, gaps: Sequence[int]
) -> NDArray[np.int64]:
    """Count pairs of boxes by how far apart in time they are, whether they show one person, and how alike they look.

    Args:
        frames: `(N,)` frame of each box, ascending.
        identities: `(N,)` who it is; negative = unknown, which is left out.
        embeddings: `(N, D)` float32 of unit length.
        gaps: frames between the two boxes of a pair.

    Returns:
        `(gaps, 2, BINS)`: pairs of one person, then pairs of two, between the `EDGES` of cosine similarity. Counts of
        several sequences may be added.
    """
    known = identities >= 0
    frames, identities, embeddings = frames[known], identities[known], embeddings[known]
    counts = np.zeros((len(gaps), 2, BINS), np.int64)
    numbers, start, boxes = np.unique(frames, return_index=True, return_counts=True)
    spans = [slice(first, first + count) for first, count in zip(start, boxes, strict=True)]
    for row, gap in enumerate(gaps):
        _, early, late = np.intersect1d(numbers + gap, numbers, assume_unique=True, return_indices=True)
        chosen = np.linspace(0, len(early) - 1, min(len(early), MAX_STARTS)).astype(np.int64)
        for before, after in zip(early[chosen], late[chosen], strict=True):
            similarity = embeddings[spans[before]] @ embeddings[spans[after]].T
            place = ((similarity + 1) * (0.5 * BINS)).astype(np.int64).clip(0, BINS - 1)
            same = identities[spans[before]][:, None] == identities[spans[after]][None]
            counts[row, 0] += np.bincount(place[same], minlength=BINS)
            counts[row, 1] += np.bincount(place[~same], minlength=BINS)
    return counts


def shared_part(same: Int, different: Int) -> float:
    """The part of two histograms, scaled to one area each, that lies under both: 0 = apart, 1 = alike.

    Args:
        same: `(BINS,)` counts, not all 0.
        different: `(BINS,)` counts, not all 0.
    """
    return float(np.minimum(same / same.sum(), different / different.sum()).sum())
