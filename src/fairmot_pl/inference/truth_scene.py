"""Who stands where and in front of whom, by the ground truth, and what everybody looks like to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import box_area, pairwise_intersection, pairwise_iou, tlwh_to_xyxy
from fairmot_pl.mot_format import MotTable
from fairmot_pl.tracking.assignment import assign
from fairmot_pl.tracking.pairs import Pairs

Int = NDArray[np.int64]
Float = NDArray[np.float64]

MAX_SEAT_DISTANCE = 0.5
"""A detection is of a person where their IoU distance is below this, as CLEAR counts."""

COVERS = 0.2
"""From this share of somebody's box on, whoever stands in front is named."""


@dataclass(frozen=True)
class TruthFrame:
    """The annotated objects of one frame.

    Args:
        ids: `(N,)`.
        boxes: `(N, 4)` xyxy in image pixels.
        visible: `(N,)` share that can be seen, in [0, 1].
        hider: `(N,)` id of the object in front that covers most of the box; -1 = none covers much.
        counted: `(N,)` whether the benchmark counts the object.
    """

    ids: Int
    boxes: Float
    visible: Float
    hider: Int
    counted: NDArray[np.bool_]

    def row_of(self, identity: int) -> int | None:
        """The row of an id; None where it is not annotated."""
        found = np.flatnonzero(self.ids == identity)
        return int(found[0]) if len(found) else None

    def least_visible(self, identity: int) -> int | None:
        """The row of a person or of a counted one behind them, of whom the least can be seen; None without them."""
        row = self.row_of(identity)
        if row is None:
            return None
        among = np.append(row, np.flatnonzero((self.hider == identity) & self.counted))
        return int(among[self.visible[among].argmin()])

    def seats(self, boxes: Float) -> Int:
        """For each object the box that is of it, one-to-one; -1 = none.

        Args:
            boxes: `(M, 4)` xyxy in image pixels.
        """
        seats = np.full(len(self.ids), -1)
        pairs = assign(Pairs.of(1 - pairwise_iou(self.boxes, boxes)), MAX_SEAT_DISTANCE)
        seats[pairs[:, 0]] = pairs[:, 1]
        return seats


class TruthScene:
    """The ground truth of a sequence by frame.

    How much of a box can be seen is what the annotation says, but never more than what the box in front leaves: a
    detector looks for boxes, and takes two that are one before the other for one. In front is whose lower edge is
    lower in the image.

    Args:
        table: all its rows; also what the benchmark leaves out may stand in front of somebody.
        counted_ids: `(K,)` ids that the benchmark counts.
    """

    def __init__(self, table: MotTable, counted_ids: Int) -> None:
        order = np.argsort(table.frames, kind="stable")
        self._table, self._counted = table.select(order), counted_ids

    def at(self, frame: int) -> TruthFrame:
        """The objects of a frame, perhaps none."""
        first, last = np.searchsorted(self._table.frames, (frame, frame + 1))
        rows = self._table.select(np.arange(first, last))
        boxes = tlwh_to_xyxy(rows.boxes)
        cover = pairwise_intersection(boxes, boxes) / np.maximum(box_area(boxes), 1e-9)[:, None]
        cover[boxes[:, None, 3] >= boxes[None, :, 3]] = 0
        most = cover.max(axis=1, initial=0)
        hider = rows.ids[cover.argmax(axis=1)] if len(rows) else rows.ids
        return TruthFrame(
            ids=rows.ids,
            boxes=boxes,
            visible=np.minimum(rows.visibility, 1 - most),
            hider=np.where(most >= COVERS, hider, -1),
            counted=np.isin(rows.ids, self._counted),
        )


class Looks:
    """What people look like to the network, as sums: memory grows with people, not with frames."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[Float, int]] = {}

    def add(self, identity: int, embedding: NDArray[np.float32]) -> None:
        """One clear view of a person, `(D,)` of unit length."""
        total, count = self._sums.get(identity, (np.zeros(len(embedding)), 0))
        self._sums[identity] = (total + embedding, count + 1)

    def margin(self, first: int, second: int) -> float | None:
        """How much farther apart in cosine distance views of two people are than two views of one, on average.

        None where either was not seen clearly twice.
        """
        if any(self._sums.get(identity, (0, 0))[1] < 2 for identity in (first, second)):
            return None
        (one, n), (other, m) = self._sums[first], self._sums[second]
        # the mean cosine over all pairs of different views follows from the sum of unit vectors
        own = [(float(total @ total) - count) / (count * (count - 1)) for total, count in ((one, n), (other, m))]
        return sum(own) / 2 - float(one @ other) / (n * m)
