"""Box formats and overlap. Every function takes and returns `(N, 4)` arrays and keeps their float type.

Formats: `xyxy` = left, top, right, bottom; `tlwh` = left, top, width, height; `xyah` = centre x, centre y,
aspect ratio (width / height), height. Coordinates are continuous: width is right minus left, nothing is added.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Boxes = TypeVar("Boxes", NDArray[np.float32], NDArray[np.float64])


def tlwh_to_xyxy(boxes: Boxes) -> Boxes:
    """`(N, 4)` tlwh to xyxy, in the same frame."""
    out = boxes.copy()
    out[:, 2:] += out[:, :2]
    return out


def xyxy_to_tlwh(boxes: Boxes) -> Boxes:
    """`(N, 4)` xyxy to tlwh, in the same frame."""
    out = boxes.copy()
    size = out[:, 2:]
    size -= out[:, :2]
    return out


def xyxy_to_xyah(boxes: Boxes) -> Boxes:
    """`(N, 4)` xyxy to xyah, the measurement space of the Kalman filter. Heights must be positive."""
    out = boxes.T.copy()  # a coordinate of all boxes beside one another: operations run along the boxes
    centre, size = out[:2], out[2:]
    size -= centre
    centre += size / 2
    out[2] /= out[3]
    return out.T


def xyah_to_xyxy(boxes: Boxes) -> Boxes:
    """`(N, 4)` xyah to xyxy, in the same frame."""
    out = boxes.T.copy()
    centre, half = out[:2], out[2:] / 2
    half[0] *= out[3]
    np.add(centre, half, out=out[2:])
    centre -= half
    return out.T


def clip_boxes(boxes: Boxes, image_size: tuple[int, int]) -> Boxes:
    """Cut `(N, 4)` xyxy boxes at the border of an image of `(height, width)` pixels."""
    height, width = image_size
    out = boxes.copy()
    out[:, 0::2] = out[:, 0::2].clip(0, width)
    out[:, 1::2] = out[:, 1::2].clip(0, height)
    return out


def box_area(boxes: Boxes) -> Boxes:
    """`(N,)` area of xyxy boxes; 0 where a box has no extent."""
    area: Boxes = (boxes[:, 2] - boxes[:, 0]).clip(0) * (boxes[:, 3] - boxes[:, 1]).clip(0)
    return area


def pairwise_intersection(first: Boxes, second: Boxes) -> Boxes:
    """`(N, M)` intersection area of two sets of xyxy boxes in one frame."""
    return _intersection(first[:, None], second[None])


def pairwise_iou(first: Boxes, second: Boxes) -> Boxes:
    """`(N, M)` intersection over union of two sets of xyxy boxes in one frame; 0 where both are empty."""
    return _iou(pairwise_intersection(first, second), box_area(first)[:, None], box_area(second)[None])


def paired_iou(first: Boxes, second: Boxes) -> Boxes:
    """`(N,)` intersection over union of each of `(N, 4)` xyxy boxes with its partner; 0 where both are empty."""
    return _iou(_intersection(first, second), box_area(first), box_area(second))


def _intersection(first: Boxes, second: Boxes) -> Boxes:
    width = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    height = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1])
    intersection: Boxes = width.clip(0) * height.clip(0)
    return intersection


def _iou(intersection: Boxes, first_area: Boxes, second_area: Boxes) -> Boxes:
    union = first_area + second_area - intersection
    iou: Boxes = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return iou
