"""CLEAR and identity figures as FairMOT's own scripts count them, to compare with what was published that way.

Against the counting of the benchmark's server (docs/decisions/0003-trackeval-counting.md):

- only frames in which the results have a box are looked at, so frames without any cost no misses;
- results are matched with distractors first, by themselves, and removed, whoever else they cover;
- MOT15 and MOT20 have neither flags nor classes: every row of the ground truth counts;
- motmetrics matches and counts: 80 % of a track is mostly tracked, and any earlier match is kept while it overlaps.

There is no HOTA. MOTP is an overlap here as everywhere in this package; the scripts print the distance, 1 - MOTP.
"""

from __future__ import annotations

import motmetrics
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import pairwise_iou, tlwh_to_xyxy
from fairmot_pl.evaluation.clear_identity import ClearIdentityCounts
from fairmot_pl.evaluation.pairs import Float, by_frame_and_id
from fairmot_pl.evaluation.preprocess import DISTRACTORS, PEDESTRIAN
from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.mot_format import MotTable

MIN_IOU = 0.5

_COUNTS = {
    **{"tp": "num_detections", "fp": "num_false_positives", "fn": "num_misses", "idsw": "num_switches"},
    **{"mt": "mostly_tracked", "pt": "partially_tracked", "ml": "mostly_lost", "frag": "num_fragmentations"},
    **{"idtp": "idtp", "idfp": "idfp", "idfn": "idfn"},
}


def reference_scores(ground_truth: MotTable, results: MotTable, *, benchmark: str) -> SequenceScores:
    """Count one sequence as the reference does.

    Args:
        ground_truth: rows of one sequence; column 7 is the flag, column 8 the class.
        results: rows of the same sequence.
        benchmark: flags and classes are heeded in "MOT16" and "MOT17".
    """
    counted, ignored = ground_truth, ground_truth.select(np.zeros(len(ground_truth), np.bool_))
    if benchmark in ("MOT16", "MOT17"):
        flagged = ground_truth.scores.astype(np.int64) != 0
        counted = ground_truth.select(flagged & (ground_truth.classes == PEDESTRIAN))
        ignored = ground_truth.select(np.isin(ground_truth.classes, DISTRACTORS[benchmark]))
    counted, ignored, results = (by_frame_and_id(table) for table in (counted, ignored, results))
    frames = np.unique(results.frames)
    accumulator = motmetrics.MOTAccumulator()
    kept = np.ones(len(results), np.bool_)
    for frame in frames:
        of_frame = _rows(results, frame)
        kept[of_frame] = ~_on_ignored(_boxes(ignored, _rows(ignored, frame)), _boxes(results, of_frame))
        found, people = of_frame[kept[of_frame]], _rows(counted, frame)
        distances = _distances(_boxes(counted, people), _boxes(results, found))
        accumulator.update(counted.ids[people].tolist(), results.ids[found].tolist(), distances, frameid=int(frame))
    figures = motmetrics.metrics.create().compute(
        accumulator, metrics=[*_COUNTS.values(), "motp"], return_dataframe=False
    )
    counts = {name: int(figures[theirs]) for name, theirs in _COUNTS.items()}
    seen = np.isin(counted.frames, frames)
    return SequenceScores(
        truth_ids=len(np.unique(counted.ids[seen])),
        truth_boxes=int(seen.sum()),
        result_ids=len(np.unique(results.ids[kept])),
        result_boxes=int(kept.sum()),
        hota=None,
        clear_identity=ClearIdentityCounts(
            **counts, iou=counts["tp"] * (1 - float(figures["motp"])) if counts["tp"] else 0.0
        ),
    )


def _rows(table: MotTable, frame: int) -> NDArray[np.int64]:
    return np.arange(np.searchsorted(table.frames, frame, "left"), np.searchsorted(table.frames, frame, "right"))


def _boxes(table: MotTable, rows: NDArray[np.int64]) -> Float:
    return tlwh_to_xyxy(table.boxes[rows])


def _distances(first: Float, second: Float) -> Float:
    """`(N, M)` 1 - IoU, not a number where boxes overlap too little to match."""
    iou = pairwise_iou(first, second)
    return np.where(iou >= MIN_IOU, 1 - iou, np.nan)


def _on_ignored(ignored: Float, results: Float) -> NDArray[np.bool_]:
    """Which of the results `(M, 4)` are matched with a box `(N, 4)` that is to be ignored."""
    distances = _distances(ignored, results)
    removed = np.zeros(len(results), np.bool_)
    if distances.size:
        rows, columns = motmetrics.lap.linear_sum_assignment(distances)
        rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
        removed[columns[np.isfinite(distances[rows, columns])]] = True
    return removed
