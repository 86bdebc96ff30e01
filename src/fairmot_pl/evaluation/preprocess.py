"""Which boxes a benchmark counts: the MOTChallenge rules on classes, ignore flags and distractors."""

from __future__ import annotations

import re

import numpy as np

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.evaluation.detection import TruthBoxes
from fairmot_pl.evaluation.pairs import EPS, PairedSequence, best_pairs, by_frame_and_id, pair_sequence
from fairmot_pl.evaluation.sources import Origin, place_of
from fairmot_pl.mot_format import MotTable

BENCHMARKS = ("MOT15", "MOT16", "MOT17", "MOT20")
PEDESTRIAN = 1
CLASSES = range(1, 14)
"""Object classes of MOT16, MOT17 and MOT20; MOT15 has none."""

DISTRACTORS = {
    # person on vehicle, static person, distractor, reflection; MOT20 adds the non-motorised vehicle
    "MOT16": (2, 7, 8, 12),
    "MOT17": (2, 7, 8, 12),
    "MOT20": (2, 6, 7, 8, 12),
}
MIN_IOU = 0.5

_NAMED = re.compile(r"(MOT(?:15|16|17|20))-")
_MOT15_NAME = re.compile(r"(?:TUD|PETS09|ETH|ADL-Rundle|KITTI|Venice|AVG-TownCentre)(?:-|$)")


def check_benchmark(benchmark: str) -> None:
    """Refuse an unknown benchmark.

    Raises:
        ValueError: `benchmark` is neither "auto" nor one of `BENCHMARKS`.
    """
    if benchmark not in ("auto", *BENCHMARKS):
        raise ValueError(f"benchmark is {benchmark!r}; allowed: 'auto', {', '.join(map(repr, BENCHMARKS))}")


def tell_benchmark(name: str, ground_truth: MotTable) -> str:
    """The benchmark whose rules fit a sequence, from its name, else from its ground truth.

    Without a class column the rules of MOT15 hold, which need none. Where the name tells nothing, a column of
    object classes means the rules of MOT17; anything else there (MOT15 has world coordinates) those of MOT15.
    """
    if _MOT15_NAME.match(name) or (ground_truth.classes == -1).all():
        return "MOT15"
    named = _NAMED.search(name)
    if named:
        return named.group(1)
    return "MOT17" if np.isin(ground_truth.classes, CLASSES).all() else "MOT15"


def prepare(
    ground_truth: MotTable,
    results: MotTable,
    *,
    benchmark: str,
    sources: tuple[Origin, Origin] = ("ground truth", "results"),
) -> PairedSequence:
    """Leave only what the benchmark counts, and number the ids from 0; arguments and errors as `counted`."""
    return number_ids(counted(ground_truth, results, benchmark=benchmark, sources=sources))


def counted(
    ground_truth: MotTable,
    results: MotTable,
    *,
    benchmark: str,
    sources: tuple[Origin, Origin] = ("ground truth", "results"),
) -> PairedSequence:
    """Leave only what the benchmark counts, with the ids of the tables.

    MOT15 counts every box whose flag is not 0. The later benchmarks match the results of a frame with all its
    ground truth (IoU of at least 0.5), drop the results matched with a distractor, and then count the
    pedestrians whose flag is not 0.

    Args:
        ground_truth: rows of one sequence; column 7 is the flag.
        results: rows of the same sequence.
        benchmark: one of `BENCHMARKS`.
        sources: what errors call the two tables: words, or their files.

    Raises:
        ValueError: a class that the benchmark does not know, or results of another class than pedestrians.
    """
    _check_result_classes(results, sources[1])
    if benchmark != "MOT15":
        _check_truth_classes(ground_truth, benchmark, sources[0])
    truth, result = by_frame_and_id(ground_truth), by_frame_and_id(results)
    sequence = pair_sequence(truth, result)
    wanted = truth.scores.astype(np.int64) != 0  # whole flags, as TrackEval reads them: 0.5 is 0
    kept = np.ones(len(result), np.bool_)
    if benchmark != "MOT15":
        distractor = np.isin(truth.classes, DISTRACTORS[benchmark])[sequence.pair_truth]
        overlap = np.where(sequence.pair_iou < MIN_IOU - EPS, 0.0, sequence.pair_iou)
        matched = best_pairs(sequence, overlap, wanted=distractor)
        on_distractor = distractor[matched]
        kept[sequence.pair_result[matched[on_distractor]]] = False
        wanted &= truth.classes == PEDESTRIAN
    return sequence.keep(wanted, kept)


def boxes_to_detect(ground_truth: MotTable, benchmark: str) -> TruthBoxes:
    """The people whom a detector should find, and those whom it may.

    To be ignored is what the benchmark does not count although it shows somebody: pedestrians whose flag is 0 and
    distractors. Anything else (vehicles, occluders) is background.

    Args:
        ground_truth: rows of one sequence.
        benchmark: one of `BENCHMARKS`.
    """
    flagged = ground_truth.scores.astype(np.int64) != 0
    person = np.ones(len(ground_truth), np.bool_)
    distractor = ~person
    visibility = np.ones(len(ground_truth))
    if benchmark != "MOT15":  # which has world coordinates in these columns
        person = ground_truth.classes == PEDESTRIAN
        distractor = np.isin(ground_truth.classes, DISTRACTORS[benchmark])
        visibility = ground_truth.visibility
    shown = np.flatnonzero(person | distractor)
    rows = shown[np.argsort(ground_truth.frames[shown], kind="stable")]
    return TruthBoxes(
        frames=ground_truth.frames[rows],
        boxes=tlwh_to_xyxy(ground_truth.boxes[rows]),
        ignored=~(person & flagged)[rows],
        visibility=visibility[rows],
    )


def number_ids(sequence: PairedSequence) -> PairedSequence:
    """The sequence with its ids numbered from 0 in their order, as the metrics need them."""
    return PairedSequence(
        truth_frames=sequence.truth_frames,
        truth_ids=np.unique(sequence.truth_ids, return_inverse=True)[1].astype(np.int64),
        result_frames=sequence.result_frames,
        result_ids=np.unique(sequence.result_ids, return_inverse=True)[1].astype(np.int64),
        pair_truth=sequence.pair_truth,
        pair_result=sequence.pair_result,
        pair_iou=sequence.pair_iou,
    )


def _check_truth_classes(ground_truth: MotTable, benchmark: str, source: Origin) -> None:
    for row in np.flatnonzero((ground_truth.classes < CLASSES.start) | (ground_truth.classes >= CLASSES.stop))[:1]:
        raise ValueError(
            f"{place_of(source, row)}: class {ground_truth.classes[row]} in frame {ground_truth.frames[row]}; "
            f"{benchmark} has classes {CLASSES.start} to {CLASSES.stop - 1} in column 8; "
            "choose benchmark 'MOT15' for data without classes"
        )


def _check_result_classes(results: MotTable, source: Origin) -> None:
    for row in np.flatnonzero(results.classes > PEDESTRIAN)[:1]:
        raise ValueError(
            f"{place_of(source, row)}: class {results.classes[row]} in frame {results.frames[row]}; "
            f"only pedestrians are evaluated: write {PEDESTRIAN} or -1 into column 8"
        )
