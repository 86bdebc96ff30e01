"""How well embeddings tell people apart, read where the annotated boxes have their centres: no detector, no tracker.

- *TPR@FAR=f*: all pairs of boxes, of one sequence or of two, compared by cosine similarity: the share of the pairs of
  one person above the lowest threshold that at most a share f of the pairs of two people passes. FairMOT's TPR is the
  one at f = 0.1.
- *rank1*, *mAP*: every box asks which boxes of other frames of its sequence are the same person, by similarity: how
  often the first answer is right, and the mean average precision of the whole ranking. Boxes of people who are in no
  other frame do not ask.
- *similarity_same@g*, *similarity_different@g*: mean cosine between boxes g frames apart, of one person and of two.

The first two are quadratic in the number of boxes, so they look at evenly spaced frames of each sequence; the third is
linear and looks at everything. People are known by sequence and identity; boxes of unknown identity are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.pairs import Float, Int
from fairmot_pl.evaluation.similarity import similarity_histogram

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
GAPS = (1, 5, 30, 90)
"""Frames between the two boxes of a pair."""

MAX_BOXES = 2048
"""Boxes of one sequence that are compared with one another."""

MAX_POOL = 8192
"""Boxes of all sequences together that are compared with one another."""

BINS = 1 << 16
"""Steps into which cosine similarity is divided: 0.00003."""

BLOCK = 256
"""Boxes that are compared with all others at once: at most 8 MB of similarities."""

Embeddings = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class EmbeddingRecord:
    """What one sequence contributes; plain arrays, so that processes can exchange it.

    Args:
        sample: `(N, D)` float32 of unit length, boxes of evenly spaced frames.
        identities: `(N,)` whom they show.
        asked: boxes that had somebody to find.
        first: how many of them found the right person first.
        precision: sum of their average precisions.
        similarity: `(gaps, 2)` sums of the cosine similarities of pairs of one person and of two.
        pairs: `(gaps, 2)` how many pairs those are.
        histogram: `(gaps, 2, bins)` pairs of evenly spaced frames by similarity, see `similarity_histogram`.
    """

    sample: Embeddings
    identities: Int
    asked: int
    first: int
    precision: float
    similarity: Float
    pairs: Int
    histogram: Int


def embedding_record(frames: Int, identities: Int, embeddings: Embeddings, *, sequences: int = 1) -> EmbeddingRecord:
    """Measure one sequence.

    Args:
        frames: `(N,)` frame of each box, ascending.
        identities: `(N,)` who it is, unique within a frame; negative = unknown.
        embeddings: `(N, D)` float32 of unit length.
        sequences: how many sequences share `MAX_POOL`.
    """
    known = identities >= 0
    frames, identities, embeddings = frames[known], identities[known], embeddings[known]
    sampled = _evenly(frames, max(1, min(MAX_BOXES, MAX_POOL // max(1, sequences))))
    asked, first, precision = _retrieve(frames[sampled], identities[sampled], embeddings[sampled])
    similarity, pairs = _by_gap(frames, identities, embeddings)
    return EmbeddingRecord(
        sample=embeddings[sampled],
        identities=identities[sampled],
        asked=asked,
        first=first,
        precision=precision,
        similarity=similarity,
        pairs=pairs,
        histogram=similarity_histogram(frames, identities, embeddings, gaps=GAPS),
    )


def embedding_figures(records: Sequence[EmbeddingRecord]) -> dict[str, float]:
    """The figures of one or several sequences; all between -1 and 1. What nothing can be said about is left out.

    Args:
        records: one a sequence, in the same order everywhere.
    """
    figures: dict[str, float] = {}
    same, different = _similarity_counts(records)
    if same.sum() and different.sum():
        rates = true_positive_rates(same, different)
        figures |= {f"TPR@FAR={far:g}": rate for far, rate in zip(FARS, rates, strict=True)}
    asked = sum(record.asked for record in records)
    if asked:
        figures["rank1"] = sum(record.first for record in records) / asked
        figures["mAP"] = sum(record.precision for record in records) / asked
    sums, pairs = np.zeros((len(GAPS), 2)), np.zeros((len(GAPS), 2), np.int64)
    for record in records:
        sums, pairs = sums + record.similarity, pairs + record.pairs
    for row, gap in enumerate(GAPS):
        for column, kind in enumerate(("same", "different")):
            if pairs[row, column]:
                figures[f"similarity_{kind}@{gap}"] = float(sums[row, column] / pairs[row, column])
    return figures


def true_positive_rates(same: Int, different: Int) -> list[float]:
    """The share of `same` at or above the lowest threshold that lets at most each of `FARS` of `different` through.

    Args:
        same: `(bins,)` pairs of one person by ascending similarity.
        different: `(bins,)` pairs of two people.
    """
    true, false = (np.append(0, counts[::-1].cumsum()) / max(1, counts.sum()) for counts in (same, different))
    return [float(true[np.searchsorted(false, far, "right") - 1]) for far in FARS]


def _similarity_counts(records: Sequence[EmbeddingRecord]) -> tuple[Int, Int]:
    """`(BINS,)` pairs of one person, and of two, by similarity, over all boxes of all records."""
    counts = np.zeros((2, BINS), np.int64)
    filled = [record for record in records if len(record.sample)]
    if not filled:
        return counts[0], counts[1]
    embeddings = np.concatenate([record.sample for record in filled])
    sequence = np.repeat(np.arange(len(filled)), [len(record.sample) for record in filled])
    identities = np.concatenate([record.identities for record in filled])
    person = np.unique(np.stack([sequence, identities]), axis=1, return_inverse=True)[1].reshape(-1)
    for start in range(0, len(embeddings), BLOCK):
        rows, columns = slice(start, start + BLOCK), slice(start, None)
        similarity = embeddings[rows] @ embeddings[columns].T
        same = person[rows][:, None] == person[columns][None]
        later = np.triu(np.ones_like(same), 1)
        place = ((similarity + 1) * (0.5 * BINS)).astype(np.int32).clip(0, BINS - 1)
        counts[0] += np.bincount(place[later & same], minlength=BINS)
        counts[1] += np.bincount(place[later & ~same], minlength=BINS)
    return counts[0], counts[1]


def _retrieve(frames: Int, identities: Int, embeddings: Embeddings) -> tuple[int, int, float]:
    """Askers, right first answers and the sum of average precisions within one sequence."""
    asked, first, precision = 0, 0, 0.0
    for start in range(0, len(embeddings), BLOCK):
        rows = slice(start, start + BLOCK)
        similarity = embeddings[rows] @ embeddings.T
        similarity[frames[rows][:, None] == frames[None]] = -2  # below every answer
        right = identities[rows][:, None] == identities[None]
        right &= similarity > -2
        ranked = np.take_along_axis(right, np.argsort(-similarity, axis=1, kind="stable"), axis=1)
        wanted = ranked.sum(axis=1)
        asking = wanted > 0
        ranked = ranked[asking]
        precisions = ranked.cumsum(axis=1) / np.arange(1, ranked.shape[1] + 1)
        asked += int(asking.sum())
        first += int(ranked[:, :1].sum())
        precision += float(((precisions * ranked).sum(axis=1) / wanted[asking]).sum())
    return asked, first, precision


def _by_gap(frames: Int, identities: Int, embeddings: Embeddings) -> tuple[Float, Int]:
    """Sums of similarities and numbers of pairs for each gap, of one person and of two."""
    numbers, start, counts = np.unique(frames, return_index=True, return_counts=True)
    sums, pairs = np.zeros((len(GAPS), 2)), np.zeros((len(GAPS), 2), np.int64)
    if not len(numbers):
        return sums, pairs
    totals = np.add.reduceat(embeddings.astype(np.float64), start, axis=0)
    for row, gap in enumerate(GAPS):
        # the sum over all pairs of two frames is the product of the sums over each
        _, early, late = np.intersect1d(numbers + gap, numbers, assume_unique=True, return_indices=True)
        everybody = float((totals[early] * totals[late]).sum())
        people = np.stack([frames, identities], axis=1)
        before, after = _meeting(people + np.array([gap, 0]), people)
        alike = float((embeddings[before] * embeddings[after]).sum(dtype=np.float64))
        sums[row] = alike, everybody - alike
        pairs[row] = len(before), int((counts[early] * counts[late]).sum()) - len(before)
    return sums, pairs


def _meeting(first: Int, second: Int) -> tuple[Int, Int]:
    """Indices of equal rows of two `(N, 2)` arrays without repetitions."""
    width = int(max(first[:, 1].max(), second[:, 1].max())) + 1
    ours, theirs = first[:, 0] * width + first[:, 1], second[:, 0] * width + second[:, 1]
    _, before, after = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return before, after


def _evenly(frames: Int, limit: int) -> Int:
    """Rows of every k-th frame, k as small as `limit` rows allow; one frame at the least."""
    numbers, of_row, counts = np.unique(frames, return_inverse=True, return_counts=True)
    step = max(1, -(-len(frames) // limit))
    while step < len(numbers) and counts[::step].sum() > limit:
        step += 1
    return np.flatnonzero(of_row % step == 0)
