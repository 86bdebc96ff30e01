"""Ground truth and results of sequences, from folders in MOTChallenge format or from arrays in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.mot_format import MotTable, line_of_row, read_mot
from fairmot_pl.seqinfo import read_seqinfo, video_of

TrackSource = str | os.PathLike[str] | Mapping[str, NDArray[Any] | MotTable]
"""A folder in MOTChallenge format, or sequence name to rows `(R, 6 or more)`."""

Origin = str | Path
"""What errors call a table: the file that it was read from, whose lines they then name, or some words."""


@dataclass(frozen=True)
class SequenceRows:
    """Rows of one sequence; `source` is where they come from, `length` the number of frames if known."""

    table: MotTable
    source: Origin
    length: int | None = None


def load_ground_truth(ground_truth: TrackSource) -> dict[str, SequenceRows]:
    """Ground truth by sequence name, sorted.

    Args:
        ground_truth: a folder with `SEQ/gt/gt.txt` and `SEQ/seqinfo.ini`, the root of a data set holding such
            a folder as `train`, or a mapping.

    Raises:
        FileNotFoundError: no such folder, or a sequence lacks its `seqinfo.ini`.
        ValueError: no sequence in it, or broken rows.
    """
    if isinstance(ground_truth, Mapping):
        return _from_mapping(ground_truth, "ground truth")
    root = _folder(ground_truth, "ground truth")
    files = sorted(root.glob("*/gt/gt.txt")) or sorted(root.glob("train/*/gt/gt.txt"))
    if not files:
        raise ValueError(f"{root}: no ground truth; expected SEQUENCE/gt/gt.txt here or in its folder 'train'")
    rows = {}
    for file in files:
        folder = file.parent.parent
        rows[folder.name] = SequenceRows(read_mot(file), file, read_seqinfo(folder / "seqinfo.ini").length)
    return rows


def load_results(results: TrackSource) -> dict[str, SequenceRows]:
    """Results by sequence name, sorted, from a folder of `SEQ.txt` files or a mapping.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: broken rows.
    """
    if isinstance(results, Mapping):
        return _from_mapping(results, "results")
    files = sorted(_folder(results, "result").glob("*.txt"))
    return {file.stem: SequenceRows(read_mot(file), file) for file in files if not file.name.startswith(".")}


def tracked_copies(
    ground_truth: Mapping[str, SequenceRows], results: Mapping[str, SequenceRows]
) -> dict[str, SequenceRows]:
    """The ground truth without those of MOT17's detector copies that were not tracked.

    A copy is left out only where another one of the same video has results; of a video without any, all stay.
    """
    tracked = {video_of(name) for name in ground_truth if name in results}
    return {name: rows for name, rows in ground_truth.items() if name in results or video_of(name) not in tracked}


def check_same_sequences(ground_truth: Mapping[str, SequenceRows], results: Mapping[str, SequenceRows]) -> None:
    """Refuse to leave anything out silently.

    Raises:
        ValueError: a sequence has only ground truth or only results; all such are named.
    """
    missing = sorted(set(ground_truth) - set(results))
    if missing:
        raise ValueError(
            f"no results for {', '.join(missing)} ({len(ground_truth)} sequences, {len(results)} results); "
            "where nothing was found, results of zero rows are needed (an empty SEQUENCE.txt); "
            "to evaluate fewer sequences, give a ground truth that holds only those"
        )
    unknown = sorted(set(results) - set(ground_truth))
    if unknown:
        raise ValueError(
            f"results without ground truth: {', '.join(unknown)}; "
            f"the ground truth has {', '.join(sorted(ground_truth))}; "
            f"rename or take away {', '.join(str(results[name].source) for name in unknown)}"
        )


def check_rows(table: MotTable, *, source: Origin, length: int | None) -> None:
    """Refuse rows that no metric is defined for.

    Raises:
        ValueError: a frame before 1 or beyond `length`, or an id used twice in one frame; file and line, or the
            row, are named.
    """
    for row in np.flatnonzero(table.frames < 1)[:1]:
        raise ValueError(f"{place_of(source, row)}: frame {table.frames[row]}; frames count from 1")
    beyond = np.flatnonzero(table.frames > (length or 0)) if length is not None else np.zeros(0, np.int64)
    for row in beyond[:1]:
        raise ValueError(
            f"{place_of(source, row)}: frame {table.frames[row]} lies beyond the end of the sequence, which has "
            f"{length} frames ({len(beyond)} such rows); mend the rows or the sequence's length "
            "(seqLength in seqinfo.ini)"
        )
    order = np.lexsort((table.ids, table.frames))
    frames, ids = table.frames[order], table.ids[order]
    twice = np.flatnonzero((frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]))
    if len(twice):
        # the sort keeps the order of rows, so the second of a pair is the repetition
        first, again = min(zip(order[twice].tolist(), order[twice + 1].tolist(), strict=True), key=lambda pair: pair[1])
        raise ValueError(
            f"{place_of(source, again)}: id {table.ids[again]} is used more than once in frame {table.frames[again]} "
            f"(first in {_place(source, first)}; {len(twice)} such rows); "
            "within a frame every id must stand for one box"
        )


def place_of(source: Origin, row: int) -> str:
    """What an error calls row `row` of a table."""
    return f"{source}, {_place(source, row)}"


def _place(source: Origin, row: int) -> str:
    return f"line {line_of_row(source, row)}" if isinstance(source, Path) else f"row {row}"


def _folder(path: str | os.PathLike[str], kind: str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such {kind} folder")
    return folder


def _from_mapping(rows: Mapping[str, NDArray[Any] | MotTable], kind: str) -> dict[str, SequenceRows]:
    if not rows and kind == "ground truth":
        raise ValueError("the ground truth holds no sequence; give at least one")
    return {name: SequenceRows(_table(rows[name], f"{kind} of {name}"), f"{kind} of {name}") for name in sorted(rows)}


def _table(rows: NDArray[Any] | MotTable, source: str) -> MotTable:
    if isinstance(rows, MotTable):
        return rows
    try:
        array = np.asarray(rows, np.float64)
        table = MotTable.from_rows(array)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from error
    if not len(table):
        return table
    for row in np.flatnonzero(~np.isfinite(array).all(axis=1)):
        raise ValueError(f"{source}: row {row} holds a value that is not finite: {array[row].tolist()}")
    for row in np.flatnonzero((array[:, :2] % 1).any(axis=1)):
        raise ValueError(f"{source}: row {row} has a frame or id that is no whole number: {array[row].tolist()}")
    for row in np.flatnonzero((array[:, 4:6] <= 0).any(axis=1)):
        raise ValueError(
            f"{source}: row {row} has a box without size: {array[row].tolist()}; the columns are frame, id, left, top, "
            "width, height (not right, bottom), and width and height lie above 0"
        )
    return table
