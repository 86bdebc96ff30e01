"""Who hides whom: of two people that overlap, the one whose feet are lower in the image stands in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.tracking.pairs import every, nearby

Array = NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny


def hidden_share(boxes: Array, others: Array) -> Array:
    """`(N,)` largest share of each of N xyxy boxes that one of M others covers whose bottom edge is lower."""
    share = np.zeros(len(boxes))
    if not (len(boxes) and len(others)):
        return share
    reach = (others[:, 2:] - others[:, :2]).max(axis=0)
    rows, columns = every(len(boxes), len(others)) or nearby(boxes[:, :2] - reach, boxes[:, 2:], others[:, :2])
    front = others[columns, 3] > boxes[rows, 3]
    rows, columns = rows[front], columns[front]
    behind, before = boxes[rows], others[columns]
    sides = np.minimum(behind[:, 2:], before[:, 2:]) - np.maximum(behind[:, :2], before[:, :2])
    area = (behind[:, 2:] - behind[:, :2]).prod(axis=1)
    np.maximum.at(share, rows, sides.clip(0).prod(axis=1) / np.maximum(area, _TINY))
    return share
