"""Detection AP as COCO defines it, over whole sequences; by height and by visibility of the people.

Per frame and IoU threshold, detections pick the best free box in order of score: one that counts before one that is
to be ignored (flagged out, or a distractor). What is matched with an ignored box is left out; a box that is ignored
takes one detection, like any other. AP is the mean precision at 101 recalls, precision made monotonous; *AP50* is at an
IoU of 0.5, *AP* the mean over 0.50, 0.55, ..., 0.95. There is no limit on detections a frame but the network's own.

In a band (of height, in pixels of the image, or of visibility) the boxes outside of it are ignored, as COCO does
with areas, and so are unmatched detections of another height. A false alarm has no visibility: it counts in each of
those bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.pairs import Float, Int, overlapping_pairs

IOUS: Float = np.linspace(0.5, 0.95, 10)
RECALLS: Float = np.linspace(0, 1, 101)  # these two as COCO makes them, to the last bit

HEIGHTS = (0, 50, 100, 200, np.inf)
"""Edges of the bands of height in pixels of the image; the lower one belongs to a band."""

VISIBILITIES = (0, 0.25, 0.5, 0.75, np.inf)
"""Edges of the bands of visibility: a quarter each, the last up to 1."""

FALSE, TRUE, IGNORED = 0, 1, 2
"""What a detection is under a setting."""


class Band(NamedTuple):
    """Which people a setting is about: `of` is "all", "height" or "visibility"; from `low` to below `high`."""

    of: str
    low: float
    high: float

    @property
    def suffix(self) -> str:
        """What it adds to the name of a metric, for example `_height_50-100`."""
        if self.of == "all":
            return ""
        end = "1" if self.of == "visibility" else "inf"
        return f"_{self.of}_{self.low:g}-{end if np.isinf(self.high) else format(self.high, 'g')}"


def _bands() -> tuple[Band, ...]:
    edges = {"height": HEIGHTS, "visibility": VISIBILITIES}
    cut = [Band(of, *pair) for of, ends in edges.items() for pair in pairwise(ends)]
    return (Band("all", 0, np.inf), *cut)


BANDS = _bands()


@dataclass(frozen=True, kw_only=True)
class TruthBoxes:
    """The ground truth of a sequence, for detection.

    Args:
        frames: `(G,)` ascending.
        boxes: `(G, 4)` xyxy in image pixels.
        ignored: `(G,)` whether a box is neither to be found nor wrong to be found.
        visibility: `(G,)` visible share in [0, 1]; 1 everywhere where the data set does not tell it.
    """

    frames: Int
    boxes: Float
    ignored: NDArray[np.bool_]
    visibility: Float


@dataclass(frozen=True, kw_only=True)
class DetectionRecord:
    """What became of every detection of some frames; records of several sequences are simply put together.

    Args:
        scores: `(N,)` float32.
        outcomes: `(N, B, T)` int8 `FALSE`, `TRUE` or `IGNORED`, for each of `BANDS` and `IOUS`; B and T are 1 in a
            record that knows AP50 alone.
        positives: `(B,)` number of boxes to be found.
        tells_visibility: whether anybody is less than wholly visible; else nothing is known of visibility.
    """

    scores: NDArray[np.float32]
    outcomes: NDArray[np.int8]
    positives: Int
    tells_visibility: bool


def detection_record(
    truth: TruthBoxes, frames: Int, boxes: Float, scores: NDArray[np.float32], *, full: bool = True
) -> DetectionRecord:
    """Match the detections of a sequence with its ground truth.

    Args:
        truth: the ground truth.
        frames: `(N,)` frame of each detection, ascending.
        boxes: `(N, 4)` xyxy in image pixels.
        scores: `(N,)` confidence.
        full: all thresholds and bands, or only what AP50 needs.
    """
    bands, thresholds = (BANDS, IOUS) if full else (BANDS[:1], IOUS[:1])
    row, found, iou = overlapping_pairs(truth.frames, truth.boxes, frames, boxes)
    near = iou >= IOUS[0]
    pairs = _Pairs(row[near], found[near], iou[near])
    rank = np.empty(len(scores), np.int64)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    heights = {"truth": truth.boxes[:, 3] - truth.boxes[:, 1], "found": boxes[:, 3] - boxes[:, 1]}
    outcomes = np.empty((len(scores), len(bands), len(thresholds)), np.int8)
    positives = np.empty(len(bands), np.int64)
    for place, band in enumerate(bands):
        value = truth.visibility if band.of == "visibility" else heights["truth"]
        ignored = truth.ignored | (value < band.low) | (value >= band.high)
        positives[place] = int((~ignored).sum())
        outside = (heights["found"] < band.low) | (heights["found"] >= band.high)
        alone = np.where(outside, IGNORED, FALSE) if band.of == "height" else np.full(len(scores), FALSE)
        for step, threshold in enumerate(thresholds):
            matched = _pick_by_score(pairs, pairs.iou >= threshold, ignored, rank)
            taken = matched >= 0
            outcomes[:, place, step] = alone
            outcomes[taken, place, step] = np.where(ignored[matched[taken]], IGNORED, TRUE)
    return DetectionRecord(
        scores=np.asarray(scores, np.float32),
        outcomes=outcomes,
        positives=positives,
        tells_visibility=bool((truth.visibility < 1).any()),
    )


class _Pairs(NamedTuple):
    """Overlapping pairs: row of the ground truth, detection, IoU; `(P,)` each."""

    truth: Int
    found: Int
    iou: Float


def _pick_by_score(pairs: _Pairs, possible: NDArray[np.bool_], ignored: NDArray[np.bool_], rank: Int) -> Int:
    """The row that each detection gets when they pick in order of score, all frames at once; -1 for none.

    Everybody asks for the best row not yet denied; a row keeps the asker of the best rank and denies the others, also
    one that it had kept so far. As all rows rank the detections alike, this ends where picking in turn does.
    """
    truth, found, iou = pairs.truth[possible], pairs.found[possible], pairs.iou[possible]
    order = np.lexsort((-truth, -iou, ignored[truth], found))  # of equal overlaps COCO takes the last
    truth, found = truth[order], found[order]
    start = np.searchsorted(found, np.arange(len(rank)))
    stop = np.searchsorted(found, np.arange(len(rank)), "right")
    nobody = len(rank)
    keeper = np.full(len(ignored), nobody)  # rank of the detection that a row keeps
    by_rank = np.argsort(rank)
    asking = np.flatnonzero(start < stop)
    choice = start.copy()
    while len(asking):
        wanted = truth[choice[asking]]
        before = keeper[wanted]
        np.minimum.at(keeper, wanted, rank[asking])
        denied = asking[keeper[wanted] != rank[asking]]
        ousted = by_rank[np.unique(before[(before != nobody) & (before != keeper[wanted])])]
        asking = np.concatenate([denied, ousted])
        choice[asking] += 1
        asking = asking[choice[asking] < stop[asking]]
    matched = np.full(len(rank), -1)
    kept = np.flatnonzero(keeper != nobody)
    matched[by_rank[keeper[kept]]] = kept
    return matched


def merge_detection(records: Sequence[DetectionRecord]) -> DetectionRecord:
    """Several records as one.

    Raises:
        ValueError: there are none, or they do not know the same thresholds and bands.
    """
    if not records:
        raise ValueError("no detection record to merge: give at least one")
    return DetectionRecord(
        scores=np.concatenate([record.scores for record in records]),
        outcomes=np.concatenate([record.outcomes for record in records]),
        positives=np.sum([record.positives for record in records], axis=0),
        tells_visibility=any(record.tells_visibility for record in records),
    )


def detection_figures(record: DetectionRecord) -> dict[str, float]:
    """AP50, and in a full record AP, then both for each band that holds somebody; fractions.

    AP is 0 where nobody is to be found at all. Bands of visibility are left out where nothing is known of it.
    """
    order = np.argsort(-record.scores, kind="stable")
    full = record.outcomes.shape[2] == len(IOUS)
    figures: dict[str, float] = {}
    for place, band in enumerate(BANDS[: record.outcomes.shape[1]]):
        unknown = band.of == "visibility" and not record.tells_visibility
        if unknown or (not record.positives[place] and band.of != "all"):
            continue
        precision = np.array(
            [
                _precision_at_recalls(record.outcomes[order, place, step], int(record.positives[place])).mean()
                for step in range(record.outcomes.shape[2])
            ]
        )
        if full:
            figures[f"AP{band.suffix}"] = float(precision.mean())
        figures[f"AP50{band.suffix}"] = float(precision[0])
    return figures


def precision_recall(record: DetectionRecord) -> Mapping[str, list[float]]:
    """The curve at an IoU of 0.5: precision, made monotonous, at each of the 101 recalls, and the score needed for it.

    Where a recall is never reached, precision is 0 and so is the score.
    """
    order = np.argsort(-record.scores, kind="stable")
    outcomes = record.outcomes[order, 0, 0]
    counted = outcomes != IGNORED
    true = np.cumsum(outcomes[counted] == TRUE)
    reached = np.searchsorted(true / max(1, int(record.positives[0])), RECALLS)
    scores = np.append(record.scores[order][counted], 0.0)
    return {
        "recall": RECALLS.tolist(),
        "precision": _precision_at_recalls(outcomes, int(record.positives[0])).tolist(),
        "score": scores[reached].tolist(),
    }


def _precision_at_recalls(outcomes: NDArray[np.int8], positives: int) -> Float:
    """`(101,)` the best precision at each recall or beyond, of outcomes in descending order of score."""
    outcomes = outcomes[outcomes != IGNORED]
    true = np.cumsum(outcomes == TRUE)
    precision = np.append(true / np.arange(1, len(true) + 1), 0.0)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at_recalls: Float = best[np.searchsorted(true / max(1, positives), RECALLS)]
    return at_recalls
