"""What it costs to call a detection the continuation of a track: `(N, M)` matrices, tracks by detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import pairwise_iou

Array = NDArray[np.float64]


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D)` vectors scaled to length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)
    return unit


def cosine_distance(first: NDArray[Any], second: NDArray[Any]) -> Array:
    """`(N, M)` one minus the cosine, in [0, 2], between embeddings `(N, D)` and `(M, D)` of unit length."""
    cosine: Array = (first @ second.T).astype(np.float64)
    return np.maximum(1.0 - cosine, 0.0)


def iou_distance(first: Array, second: Array) -> Array:
    """`(N, M)` one minus intersection over union, in [0, 1], of xyxy boxes in one frame.

    As in the reference, right and bottom count as pixels of the box, so each side is 1 px longer.
    """
    last_pixel = np.array([0.0, 0.0, 1.0, 1.0])
    overlap: Array = pairwise_iou(first + last_pixel, second + last_pixel)
    return 1.0 - overlap


def fuse_motion(appearance: Array, motion: Array, *, gate: float, weight: float) -> Array:
    """Appearance and motion in one cost (JDE).

    Args:
        appearance: `(N, M)` cosine distances.
        motion: `(N, M)` squared Mahalanobis distances.
        gate: pairs whose motion lies beyond it are impossible (infinite cost).
        weight: share of the motion in the sum, in [0, 1].
    """
    return np.where(motion > gate, np.inf, (1 - weight) * appearance + weight * motion)
