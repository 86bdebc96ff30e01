"""The MOTChallenge text format: rows of `gt.txt`, `det.txt` and result files.

Coordinates stay as the files have them; like the reference, nothing is shifted for MOT's 1-based pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.files import read_text, write_text
from fairmot_pl.structures import Tracks

MIN_COLUMNS = 6
"""frame, id, left, top, width, height: what a row needs at least."""


LARGEST_ID = 2**53
"""Up to here a float holds every whole number, so that no two ids become one."""

LARGE_FILE = 1 << 13
"""Bytes from which on a file is parsed at once: ten times as fast, and MOT20 has a million rows."""


class MotFormatError(ValueError):
    """A MOTChallenge file that cannot be understood; the message names file, line and remedy."""


@dataclass(frozen=True)
class MotTable:
    """The rows of one MOTChallenge text file, in file order.

    Args:
        frames: `(R,)` int64 frame numbers from 1.
        ids: `(R,)` int64 object ids; -1 for detections.
        boxes: `(R, 4)` float64 tlwh in image pixels.
        scores: `(R,)` float64 column 7: the ground-truth flag (0 = ignore) or the confidence; 1 where missing.
        classes: `(R,)` int64 column 8; -1 where the file does not say.
        visibility: `(R,)` float64 column 9; 1 where missing or negative.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    visibility: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def from_rows(cls, rows: NDArray[np.float64]) -> MotTable:
        """Rows `(R, 6 or more)` in MOTChallenge column order.

        Raises:
            ValueError: the array has fewer than six columns.
        """
        rows = np.asarray(rows, dtype=np.float64)
        if rows.size == 0:
            rows = rows.reshape(0, MIN_COLUMNS)
        if rows.ndim != 2 or rows.shape[1] < MIN_COLUMNS:
            raise ValueError(f"MOT rows have shape {rows.shape}; expected (R, {MIN_COLUMNS} or more)")

        def column(index: int, missing: float) -> NDArray[np.float64]:
            return rows[:, index] if rows.shape[1] > index else np.full(len(rows), missing)

        visibility = column(8, 1.0)
        return cls(
            frames=rows[:, 0].astype(np.int64),
            ids=rows[:, 1].astype(np.int64),
            boxes=rows[:, 2:6].copy(),
            scores=column(6, 1.0),
            classes=column(7, -1.0).astype(np.int64),
            visibility=np.where(visibility < 0, 1.0, visibility),
        )

    def select(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> MotTable:
        """The table with only the rows that `which` (mask or indices) picks."""
        return MotTable(
            self.frames[which],
            self.ids[which],
            self.boxes[which],
            self.scores[which],
            self.classes[which],
            self.visibility[which],
        )


def read_mot(path: Path | str) -> MotTable:
    """Read a MOTChallenge text file; comma or blank separated, empty lines are skipped.

    Raises:
        FileNotFoundError: there is no such file.
        MotFormatError: a row is broken, or the file is not UTF-8; file and line are named.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such MOTChallenge file")
    if path.stat().st_size >= LARGE_FILE:
        whole = _parse_whole(path)
        if whole is not None:
            return MotTable.from_rows(whole)
    rows = [
        _parse_row(path, number, line)
        for number, line in enumerate(read_text(path, MotFormatError).splitlines(), start=1)
        if line.strip()
    ]
    width = max(map(len, rows), default=MIN_COLUMNS)
    # short rows are padded with -1, which MotTable reads as "the file does not say"
    table = np.full((len(rows), width), -1.0)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return MotTable.from_rows(table)


def line_of_row(path: Path | str, row: int) -> int:
    """The line of a file, from 1, that row `row`, from 0, of its table stands in; empty lines hold no row."""
    lines = enumerate(read_text(Path(path), MotFormatError).splitlines(), start=1)
    return next(number for place, number in enumerate(n for n, line in lines if line.strip()) if place == row)


def _parse_whole(path: Path) -> NDArray[np.float64] | None:
    """The rows of a file whose lines are all alike and sound; None where a look at each line is needed."""
    try:
        rows: NDArray[np.float64] = np.loadtxt(path, delimiter=",", ndmin=2, comments=None, encoding="utf-8-sig")
    except ValueError:
        return None
    if rows.shape[1] < MIN_COLUMNS or not np.isfinite(rows).all():
        return None
    sound = (rows[:, 0] >= 1).all() and (rows[:, :2] == np.floor(rows[:, :2])).all()
    sound &= (np.abs(rows[:, :2]) <= LARGEST_ID).all()
    return rows if sound else None


def _parse_row(path: Path, number: int, line: str) -> list[float]:
    cells = [cell.strip() for cell in line.split(",")] if "," in line else line.split()
    while cells and not cells[-1]:
        cells.pop()
    where = f"{path}, line {number}: {line.strip()!r}"
    try:
        values = [float(cell) for cell in cells]
    except ValueError as error:
        raise MotFormatError(f"{where} holds something that is no number; mend or delete the line") from error
    if len(values) < MIN_COLUMNS:
        raise MotFormatError(
            f"{where} has {len(values)} columns; at least {MIN_COLUMNS} are needed: frame,id,left,top,width,height"
        )
    if not np.isfinite(values).all():
        raise MotFormatError(f"{where} holds a value that is not finite; mend or delete the line")
    if values[0] < 1 or values[0] != int(values[0]):
        raise MotFormatError(f"{where} has frame {values[0]:g}; frames are whole numbers from 1")
    if values[1] != int(values[1]):
        raise MotFormatError(f"{where} has id {values[1]:g}; ids are whole numbers")
    if max(values[0], abs(values[1])) > LARGEST_ID:
        raise MotFormatError(f"{where} has a frame or an id beyond {LARGEST_ID}; number them anew")
    return values


def track_rows(frame: int, tracks: Tracks) -> NDArray[np.float64]:
    """`(M, 10)` result rows of one frame: frame, id, tlwh, score, -1, -1, -1."""
    rows = np.full((len(tracks), 10), -1.0)
    rows[:, 0] = frame
    rows[:, 1] = tracks.ids
    rows[:, 2:4] = tracks.boxes[:, :2]
    rows[:, 4:6] = tracks.boxes[:, 2:] - tracks.boxes[:, :2]
    rows[:, 6] = tracks.scores
    return rows


def tracks_of(rows: MotTable) -> Tracks:
    """Result rows of one frame as `Tracks`; the format has no class column, so all are class 0."""
    return Tracks(
        ids=rows.ids,
        boxes=tlwh_to_xyxy(rows.boxes),
        scores=rows.scores.astype(np.float32),
        classes=np.zeros(len(rows), np.int64),
    )


def tracks_of_frame(rows: NDArray[np.float64], frame: int) -> Tracks:
    """The tracks of one frame among result rows `(R, 10)`."""
    return tracks_of(MotTable.from_rows(rows[rows[:, 0] == frame]))


def write_mot(path: Path | str, rows: NDArray[np.float64] | Iterable[NDArray[np.float64]]) -> None:
    """Write result rows, whole or as one array a frame, so that a reader never sees half a file.

    Raises:
        OSError: the file cannot be written (disk full, no permission); the message names it.
    """
    table = rows if isinstance(rows, np.ndarray) else np.concatenate([np.zeros((0, 10)), *rows])
    write_text(path, mot_lines(table))


def mot_lines(rows: NDArray[np.float64]) -> str:
    """The text of some rows, a line each."""
    return "".join(",".join(number_text(value) for value in row) + "\n" for row in rows.tolist())


def number_text(value: float) -> str:
    """A finite number as result files have it: whole, or with up to four decimals."""
    return str(int(value)) if value == int(value) else f"{value:.4f}".rstrip("0").rstrip(".")
