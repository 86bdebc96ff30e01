"""Evaluate tracking: files or arrays in, the metrics of the MOTChallenge benchmarks out."""

from __future__ import annotations

from collections.abc import Mapping

from fairmot_pl.evaluation.preprocess import check_benchmark, prepare, tell_benchmark
from fairmot_pl.evaluation.scores import SequenceScores, count, curves, figures, total
from fairmot_pl.evaluation.sources import (
    Origin,
    TrackSource,
    check_rows,
    check_same_sequences,
    load_ground_truth,
    load_results,
    tracked_copies,
)
from fairmot_pl.evaluation.summary import OVERALL, PROTOCOLS, Summary
from fairmot_pl.mot_format import MotTable


def check_protocol(protocol: str) -> None:
    """Refuse an unknown protocol.

    Raises:
        ValueError: `protocol` is not one of `PROTOCOLS`.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is {protocol!r}; allowed: {', '.join(map(repr, PROTOCOLS))}")


def evaluate_sequence(
    ground_truth: MotTable,
    results: MotTable,
    *,
    benchmark: str = "auto",
    protocol: str = "trackeval",
    length: int | None = None,
    sources: tuple[Origin, Origin] = ("ground truth", "results"),
) -> SequenceScores:
    """Count matches and errors in one sequence.

    Args:
        ground_truth: its rows, boxes in image pixels; column 7 is the flag, column 8 the class.
        results: the tracker's rows; may be empty.
        benchmark: "MOT15", "MOT16", "MOT17" or "MOT20": whose rules on classes, flags and distractors hold;
            "auto" tells from the class column (`tell_benchmark` also knows the names of sequences).
        protocol: "trackeval", or "reference" as in `evaluate_tracking`.
        length: number of frames, if known; rows beyond it are an error.
        sources: what errors call the two tables: words, or their files, whose lines are then named.

    Returns:
        Plain counts, to be gathered from processes and given to `combine`.

    Raises:
        ValueError: an unknown benchmark, protocol or class, a frame out of range, or an id used twice in one frame.
    """
    check_benchmark(benchmark)
    check_protocol(protocol)
    for table, source in zip((ground_truth, results), sources, strict=True):
        check_rows(table, source=source, length=length)
    if benchmark == "auto":
        benchmark = tell_benchmark("", ground_truth)
    if protocol == "reference":
        # imported here alone: motmetrics brings pandas, half a second and 50 MB that the counting above does without
        from fairmot_pl.evaluation.reference import reference_scores

        return reference_scores(ground_truth, results, benchmark=benchmark)
    return count(prepare(ground_truth, results, benchmark=benchmark, sources=sources))


def combine(scores: Mapping[str, SequenceScores]) -> Summary:
    """Metrics of each sequence and, from the added counts, of all together.

    Args:
        scores: counts by sequence name, at least one; the summary sorts them by name.

    Raises:
        ValueError: there is no sequence.
    """
    ordered = {name: scores[name] for name in sorted(scores)}
    overall = total(ordered.values())
    every = {**ordered, OVERALL: overall}
    return Summary(
        overall=figures(overall),
        sequences={name: figures(part) for name, part in ordered.items()},
        curves={name: curves(part) for name, part in every.items() if part.hota is not None},
        protocol="reference" if overall.hota is None else "trackeval",
    )


def evaluate_tracking(
    ground_truth: TrackSource, results: TrackSource, *, benchmark: str = "auto", protocol: str = "trackeval"
) -> Summary:
    """Compare the tracks of a tracker with the ground truth; figures equal TrackEval's.

    Args:
        ground_truth: a folder with `SEQ/gt/gt.txt` and `SEQ/seqinfo.ini` for every sequence (or the root of a
            data set holding such a folder as `train`), or a mapping of sequence name to rows `(R, 6 or more)`
            in MOTChallenge column order: frame, id, left, top, width, height, flag, class, visibility.
            Of the copies that a folder holds of one video, one for each detector (`MOT17-02-DPM`,
            `MOT17-02-FRCNN`, `MOT17-02-SDP`), those with results are evaluated, and one at least must have
            some. A mapping is taken at its word: all its sequences need results.
        results: a folder with `SEQ.txt` for every sequence, or such a mapping. No rows at all mean misses.
        benchmark: "MOT15", "MOT16", "MOT17" or "MOT20": whose rules on classes, flags and distractors hold;
            "auto" tells for each sequence from its name, else from the class column.
        protocol: "trackeval" counts as the benchmark's server does, "reference" as FairMOT's own scripts do (no
            HOTA; frames without results are left out, see `fairmot_pl.evaluation.reference`).

    Returns:
        HOTA, CLEAR and identity metrics, overall and for each sequence.

    Raises:
        FileNotFoundError: a folder or a `seqinfo.ini` is missing.
        ValueError: an unknown benchmark or protocol; a sequence with only ground truth or only results; broken rows,
            frames beyond the end, or an id used twice in one frame (source, frame and id are named).

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import evaluate_tracking
        >>> rows = [[frame, 1, 10 + frame, 20, 40, 100] for frame in range(1, 11)]  # one person, ten frames
        >>> halves = np.array(rows)
        >>> halves[5:, 1] = 2  # the tracker gives a new id half-way
        >>> summary = evaluate_tracking({"street": np.array(rows)}, {"street": halves})
        >>> summary.overall["IDSW"], summary.overall["MOTA"], summary.overall["IDF1"]
        (1, 0.9, 0.5)
    """
    check_benchmark(benchmark)
    check_protocol(protocol)
    truth, tracked = load_ground_truth(ground_truth), load_results(results)
    if not isinstance(ground_truth, Mapping):
        truth = tracked_copies(truth, tracked)
    check_same_sequences(truth, tracked)
    return combine(
        {
            name: evaluate_sequence(
                rows.table,
                tracked[name].table,
                benchmark=tell_benchmark(name, rows.table) if benchmark == "auto" else benchmark,
                protocol=protocol,
                length=rows.length,
                sources=(rows.source, tracked[name].source),
            )
            for name, rows in truth.items()
        }
    )
