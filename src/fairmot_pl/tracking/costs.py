"""What it costs to call a detection the continuation of a track: matrices of all, or figures of listed pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import pairwise_iou
from fairmot_pl.tracking.pairs import Array, Index, Pairs, every, nearby

_TINY = np.finfo(np.float64).tiny

_FEW = 8
"""Below one in so many pairs, looking up the embeddings of each costs less than a product of all."""


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D)` vectors scaled to length 1; a zero vector stays zero."""
    unit = vectors.astype(np.float64)
    length = np.sqrt(np.add.reduce(np.square(unit), axis=1, keepdims=True))
    unit /= np.maximum(length, _TINY)
    return unit.astype(np.float32)


def cosine_distance(first: NDArray[Any], second: NDArray[Any]) -> Array:
    """`(N, M)` one minus the cosine, in [0, 2], between embeddings `(N, D)` and `(M, D)` of unit length."""
    cosine: Array = (first @ second.T).astype(np.float64)
    return np.maximum(1.0 - cosine, 0.0)


def cosine_distance_of(first: NDArray[Any], second: NDArray[Any], rows: Index, columns: Index) -> Array:
    """`(P,)` the entries `rows`, `columns` of `cosine_distance`."""
    if len(rows) * _FEW > len(first) * len(second):
        return cosine_distance(first, second)[rows, columns]
    cosine: Array = np.einsum("pd,pd->p", first.take(rows, axis=0), second.take(columns, axis=0)).astype(np.float64)
    return np.maximum(1.0 - cosine, 0.0)


def iou_distance(first: Array, second: Array) -> Array:
    """`(N, M)` one minus intersection over union, in [0, 1], of xyxy boxes in one frame, counted in whole pixels."""
    overlap: Array = pairwise_iou(_whole_pixels(first).T, _whole_pixels(second).T)
    return 1.0 - overlap


def _whole_pixels(boxes: Array) -> Array:
    """`(4, N)` the coordinates of boxes; as in the reference, right and bottom count as pixels of the box."""
    sides = boxes.T.copy()
    sides[2:] += 1.0
    return sides


def overlapping(first: Array, second: Array) -> Pairs:
    """The boxes that overlap at all, at their `iou_distance`; all others are at 1."""
    one, other = _whole_pixels(first), _whole_pixels(second)
    size, other_size = one[2:] - one[:2], other[2:] - other[:2]
    rows, columns = every(len(first), len(second)) or nearby(
        (one[:2] - other_size.max(axis=1, initial=0.0, keepdims=True)).T, one[2:].T, other[:2].T
    )
    mine, theirs = one.take(rows, axis=1), other.take(columns, axis=1)
    width, height = np.minimum(mine[2:], theirs[2:]) - np.maximum(mine[:2], theirs[:2])
    (touching,) = (np.minimum(width, height) > 0).nonzero()
    rows, columns = rows.take(touching), columns.take(touching)
    shared = width.take(touching) * height.take(touching)
    union = (size[0] * size[1]).take(rows) + (other_size[0] * other_size[1]).take(columns) - shared
    return Pairs(rows, columns, 1.0 - shared / union)
