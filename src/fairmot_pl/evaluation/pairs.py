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

from fairmot_pl.boxes import paired_iou, tlwh_to_xyxy
from fairmot_pl.mot_format import MotTable

Int = NDArray[np.int64]
Float = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
"""Slack of every IoU threshold but that of the identity metrics, as in TrackEval."""

ROUNDS = 3
"""How often it is looked for pairs beyond doubt; each time fewer rivals are left."""

BLOCK = 1 << 17
"""Candidate pairs that are looked at together; few enough to stay in a processor's cache."""


class FrameSpan(NamedTuple):
    """Where one frame lies in the rows of a `PairedSequence`."""

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

    def spans(self, frames: Int) -> Iterator[FrameSpan]:
        """Where each of `frames`, ascending, lies."""
        columns = [
            np.searchsorted(of, frames, side).tolist()
            for of in (self.truth_frames, self.result_frames, self.truth_frames[self.pair_truth])
            for side in ("left", "right")
        ]
        for ends in zip(*columns, strict=True):
            yield FrameSpan(slice(*ends[0:2]), slice(*ends[2:4]), slice(*ends[4:6]))


def by_frame_and_id(table: MotTable) -> MotTable:
    """The rows sorted, so that their order in a file decides nothing, not even between equal matchings."""
    steps, same = np.diff(table.frames), np.diff(table.ids) >= 0
    if ((steps > 0) | ((steps == 0) & same)).all():
        return table
    return table.select(np.lexsort((table.ids, table.frames)))


def pair_sequence(truth: MotTable, result: MotTable) -> PairedSequence:
    """Find the pairs of boxes that overlap, frame by frame; both tables sorted by `by_frame_and_id`."""
    row, column, iou = overlapping_pairs(
        truth.frames, tlwh_to_xyxy(truth.boxes), result.frames, tlwh_to_xyxy(result.boxes)
    )
    return PairedSequence(
        truth_frames=truth.frames,
        truth_ids=truth.ids,
        result_frames=result.frames,
        result_ids=result.ids,
        pair_truth=row,
        pair_result=column,
        pair_iou=iou,
    )


def overlapping_pairs(
    first_frames: Int, first_boxes: Float, second_frames: Int, second_boxes: Float
) -> tuple[Int, Int, Float]:
    """The pairs of boxes of one frame that overlap.

    Args:
        first_frames: `(N,)` ascending.
        first_boxes: `(N, 4)` xyxy.
        second_frames: `(M,)` ascending.
        second_boxes: `(M, 4)` xyxy.

    Returns:
        `(P,)` row of the first, row of the second and IoU of each pair, sorted by the rows.
    """
    rows, columns, overlaps = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for row, column in _same_frame(first_frames, second_frames):
        # most boxes of a frame are apart from left to right already
        left = np.maximum(first_boxes[row, 0], second_boxes[column, 0])
        near = np.flatnonzero(np.minimum(first_boxes[row, 2], second_boxes[column, 2]) > left)
        row, column = row[near], column[near]
        iou = paired_iou(first_boxes[row], second_boxes[column])
        met = iou > 0
        rows.append(row[met])
        columns.append(column[met])
        overlaps.append(iou[met])
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(overlaps)


def _same_frame(first_frames: Int, second_frames: Int) -> Iterator[tuple[Int, Int]]:
    """All pairs of rows of one frame, by row, in blocks of about `BLOCK`; both arguments ascend."""
    first = np.searchsorted(second_frames, first_frames, "left")
    counts = np.searchsorted(second_frames, first_frames, "right") - first
    ends = np.cumsum(counts)
    start = done = 0
    while start < len(first_frames):
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK, "right")))
        block = slice(start, stop)
        shift = first[block] - (ends[block] - counts[block] - done)
        row = np.repeat(np.arange(start, stop), counts[block])
        yield row, np.arange(len(row)) + np.repeat(shift, counts[block])
        start, done = stop, int(ends[stop - 1])


class Matching:
    """A one-to-one matching of the boxes of each frame, to be filled frame by frame.

    Args:
        sequence: the sequence.
        score: `(P,)` score of each pair, whose total is to be highest; pairs that must not match have 0. What every
            best matching has in common is matched at once.

    Attributes:
        partner: `(G,)` row of the results that each row of the ground truth is matched with; -1 where it is not.
        doubtful: `(P,)` the pairs that may or may not match.
    """

    def __init__(self, sequence: PairedSequence, score: Float) -> None:
        self.sequence = sequence
        self.partner = np.full(len(sequence.truth_frames), -1)
        self.doubtful = score > EPS
        for _ in range(ROUNDS):
            value = np.where(self.doubtful, score, 0.0)
            # whoever else the two could have, together, is worth less: then they are a pair in every best matching
            rivals = _best_other(sequence.pair_truth, value) + _best_other(sequence.pair_result, value)
            sure = np.flatnonzero(value > rivals * (1 + 1e-9) + EPS)
            self.partner[sequence.pair_truth[sure]] = sequence.pair_result[sure]
            taken = np.zeros(len(sequence.result_frames), np.bool_)
            taken[sequence.pair_result[sure]] = True
            self.doubtful &= (self.partner[sequence.pair_truth] < 0) & ~taken[sequence.pair_result]
            if not self.doubtful.any():
                break

    def frames(self, doubtful: NDArray[np.bool_]) -> Iterator[FrameSpan]:
        """The frames that hold some of the pairs that the mask `(P,)` picks, in order."""
        return self.sequence.spans(np.unique(self.sequence.truth_frames[self.sequence.pair_truth[doubtful]]))

    def settle(self, span: FrameSpan, score: Float) -> None:
        """Match a frame so that the total score is highest.

        The whole frame is solved, as TrackEval does, even where only few of its boxes have a choice: between equally
        good matchings the solver then chooses alike.

        Args:
            span: the frame.
            score: `(p,)` score of each pair of the frame; pairs that must not match have 0.
        """
        top, left = span.truth.start, span.result.start
        cost = np.zeros((span.truth.stop - top, span.result.stop - left))
        cost[self.sequence.pair_truth[span.pairs] - top, self.sequence.pair_result[span.pairs] - left] = -score
        rows, columns = linear_sum_assignment(cost)
        meant = cost[rows, columns] < -EPS
        self.partner[top + rows[meant]] = left + columns[meant]

    def pairs(self) -> Int:
        """Ascending indices of the pairs that are matched."""
        return np.flatnonzero(self.partner[self.sequence.pair_truth] == self.sequence.pair_result)


def best_pairs(sequence: PairedSequence, score: Float, *, wanted: NDArray[np.bool_] | None = None) -> Int:
    """The one-to-one matching of every frame, each by itself, with the highest total score.

    Args:
        sequence: the sequence.
        score: `(P,)` score of each pair; pairs that must not match have 0.
        wanted: `(P,)` the pairs of which it must be known whether they match; all by default.

    Returns:
        Ascending indices of the matched pairs; all that are wanted are among them.
    """
    matching = Matching(sequence, score)
    for span in matching.frames(matching.doubtful if wanted is None else matching.doubtful & wanted):
        matching.settle(span, score[span.pairs])
    return matching.pairs()


def _best_other(group: Int, value: Float) -> Float:
    """The highest of the other values in the group of each, `(P,)`; 0 where there is none. Values are not negative."""
    highest, second = np.zeros((2, int(group.max(initial=-1)) + 1))
    np.maximum.at(highest, group, value)
    is_highest = value == highest[group]
    alone = np.bincount(group[is_highest], minlength=len(highest)) == 1
    np.maximum.at(second, group[~is_highest], value[~is_highest])
    best: Float = np.where(is_highest & alone[group], second[group], highest[group])
    return best
