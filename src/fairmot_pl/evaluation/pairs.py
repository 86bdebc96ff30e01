"""Which box of the ground truth overlaps which box of the results, for a whole sequence at once.

Only pairs that overlap are kept (a few per cent of all), so that crowded sequences stay small in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fairmot_pl.boxes import pairwise_iou, tlwh_to_xyxy
from fairmot_pl.mot_format import MotTable

Int = NDArray[np.int64]
Float = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
"""Slack of every IoU threshold but that of the identity metrics, as in TrackEval."""


class FrameSpan(NamedTuple):
    """Where one frame lies in the rows of a `PairedSequence`."""

    frame: int
    truth: slice
    result: slice
    pairs: slice


@dataclass(frozen=True)
class PairedSequence:
    """The boxes of a sequence as rows sorted by frame and id, and the pairs of them that overlap.

    Args:
        truth_frames: `(G,)` frame of each ground-truth row, ascending.
        truth_ids: `(G,)` id of each ground-truth row.
        result_frames: `(R,)` frame of each result row, ascending.
        result_ids: `(R,)` id of each result row.
        pair_truth: `(P,)` ground-truth row of each pair; pairs are sorted by frame.
        pair_result: `(P,)` result row of each pair.
        pair_iou: `(P,)` intersection over union of each pair, above 0.
    """

    truth_frames: Int
    truth_ids: Int
    result_frames: Int
    result_ids: Int
    pair_truth: Int
    pair_result: Int
    pair_iou: Float

    def keep(self, truth: NDArray[np.bool_], result: NDArray[np.bool_]) -> PairedSequence:
        """The sequence with only the rows that the masks `(G,)` and `(R,)` pick."""
        both = truth[self.pair_truth] & result[self.pair_result]
        return PairedSequence(
            truth_frames=self.truth_frames[truth],
            truth_ids=self.truth_ids[truth],
            result_frames=self.result_frames[result],
            result_ids=self.result_ids[result],
            pair_truth=(np.cumsum(truth) - 1)[self.pair_truth[both]],
            pair_result=(np.cumsum(result) - 1)[self.pair_result[both]],
            pair_iou=self.pair_iou[both],
        )

    def spans(self) -> Iterator[FrameSpan]:
        """Every frame that holds a row, in order."""
        frames = np.union1d(self.truth_frames, self.result_frames)
        columns = [
            np.searchsorted(of, frames, side).tolist()
            for of in (self.truth_frames, self.result_frames, self.truth_frames[self.pair_truth])
            for side in ("left", "right")
        ]
        for frame, *ends in zip(frames.tolist(), *columns, strict=True):
            yield FrameSpan(frame, slice(*ends[0:2]), slice(*ends[2:4]), slice(*ends[4:6]))


def by_frame_and_id(table: MotTable) -> MotTable:
    """The rows sorted, so that their order in a file decides nothing, not even between equal matchings."""
    return table.select(np.lexsort((table.ids, table.frames)))


def pair_sequence(truth: MotTable, result: MotTable) -> PairedSequence:
    """Find the pairs of boxes that overlap, frame by frame; both tables sorted by `by_frame_and_id`."""
    truth_boxes, result_boxes = tlwh_to_xyxy(truth.boxes), tlwh_to_xyxy(result.boxes)
    empty = np.zeros(0, np.int64)
    alone = PairedSequence(truth.frames, truth.ids, result.frames, result.ids, empty, empty, np.zeros(0))
    rows, columns, overlaps = [empty], [empty], [np.zeros(0)]
    for span in alone.spans():
        iou = pairwise_iou(truth_boxes[span.truth], result_boxes[span.result])
        row, column = np.nonzero(iou)
        rows.append(row + span.truth.start)
        columns.append(column + span.result.start)
        overlaps.append(iou[row, column])
    return PairedSequence(
        truth_frames=truth.frames,
        truth_ids=truth.ids,
        result_frames=result.frames,
        result_ids=result.ids,
        pair_truth=np.concatenate(rows),
        pair_result=np.concatenate(columns),
        pair_iou=np.concatenate(overlaps),
    )


def best_pairs_of_frame(sequence: PairedSequence, span: FrameSpan, score: Float) -> Int:
    """The one-to-one matching of a frame with the highest total score.

    Args:
        sequence: the sequence.
        span: the frame.
        score: `(p,)` score of each pair of the frame; pairs that must not match have 0.

    Returns:
        Ascending indices into the pairs of the sequence.
    """
    row = sequence.pair_truth[span.pairs] - span.truth.start
    column = sequence.pair_result[span.pairs] - span.result.start
    shape = (span.truth.stop - span.truth.start, span.result.stop - span.result.start)
    dense = np.zeros(shape)
    dense[row, column] = score
    chosen = np.zeros(shape, np.bool_)
    chosen[linear_sum_assignment(dense, maximize=True)] = True
    best: Int = np.flatnonzero(chosen[row, column] & (score > EPS)) + span.pairs.start
    return best


def best_pairs(sequence: PairedSequence, score: Float) -> Int:
    """As `best_pairs_of_frame` for every frame, each by itself; `score` is `(P,)`."""
    found = [
        best_pairs_of_frame(sequence, span, score[span.pairs])
        for span in sequence.spans()
        if span.pairs.start < span.pairs.stop
    ]
    return np.concatenate([np.zeros(0, np.int64), *found])
