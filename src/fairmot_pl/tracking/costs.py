"""What it costs to call a detection the continuation of a track: matrices of all, or figures of listed pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import pairwise_iou
from fairmot_pl.tracking.pairs import Array, Index, Pairs, nearby

_LAST_PIXEL = np.array([0.0, 0.0, 1.0, 1.0])
"""As in the reference, right and bottom count as pixels of the box, so each side is 1 px longer."""

_TINY = np.finfo(np.float64).tiny

_FEW = 8
"""Below one in so many pairs, looking up the embeddings of each costs less than a product of all."""


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D)` vectors scaled to length 1; a zero vector stays zero."""
    length = np.sqrt(np.add.reduce(np.square(vectors, dtype=np.float64), axis=1, keepdims=True))
    unit: NDArray[np.float32] = (vectors / np.maximum(length, _TINY)).astype(np.float32)
    return unit


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
    overlap: Array = pairwise_iou(first + _LAST_PIXEL, second + _LAST_PIXEL)
    return 1.0 - overlap


def overlapping(first: Array, second: Array) -> Pairs:
    """The boxes that overlap at all, at their `iou_distance`; all others are at 1."""
    one, other = (np.add(boxes.T, _LAST_PIXEL[:, None], order="C") for boxes in (first, second))  # by coordinate
    size, other_size = one[2:] - one[:2], other[2:] - other[:2]
    reach = other_size.max(axis=1, initial=0.0, keepdims=True)
    rows, columns = nearby((one[:2] - reach).T, one[2:].T, other[:2].T)
    mine, theirs = one.take(rows, axis=1), other.take(columns, axis=1)
    width, height = np.minimum(mine[2:], theirs[2:]) - np.maximum(mine[:2], theirs[:2])
    (touching,) = (np.minimum(width, height) > 0).nonzero()
    rows, columns = rows.take(touching), columns.take(touching)
    shared = width.take(touching) * height.take(touching)
    union = (size[0] * size[1]).take(rows) + (other_size[0] * other_size[1]).take(columns) - shared
    return Pairs(rows, columns, 1.0 - shared / union)
