"""Label rows of any format as flat arrays that remember file and line; MOTChallenge text read line by broken line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.mot_format import MIN_COLUMNS

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Mask = NDArray[np.bool_]


LARGEST = 2.0**53
"""Larger numbers are no ids or frames: neighbours among them cannot be told apart."""


@dataclass(frozen=True)
class LabelRows:
    """Boxes of a sequence or of a set of still images, and where each of them is written.

    Args:
        files: the label files.
        file: `(R,)` index into `files`.
        line: `(R,)` line of that file from 1; 0 where the format has no lines.
        frames: `(R,)` frame numbers from 1.
        ids: `(R,)` identities, -1 = unknown.
        boxes: `(R, 4)` tlwh, in pixels unless the sequence says otherwise.
        visibility: `(R,)` visible share; 1 where the format does not say.
    """

    files: tuple[Path, ...]
    file: Int
    line: Int
    frames: Int
    ids: Int
    boxes: Float
    visibility: Float

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def empty(cls, *files: Path) -> LabelRows:
        """No row at all."""
        nothing = np.zeros(0, np.int64)
        return cls(files, nothing, nothing, nothing, nothing, np.zeros((0, 4)), np.zeros(0))

    def select(self, which: NDArray[Any]) -> LabelRows:
        """Only the rows that `which` (mask or indices) picks."""
        arrays = {each.name: getattr(self, each.name)[which] for each in fields(self)[1:]}
        return replace(self, **arrays)

    def report(self, findings: Findings, check: str, which: Mask, found: str) -> None:
        """One finding for each file that has rows in `which`.

        Args:
            findings: where to.
            check: kind of fault.
            which: `(R,)` the rows that have it.
            found: format string over `frame`, `id`, `box` of the first of them.
        """
        for number in np.unique(self.file[which]).tolist():
            rows = np.flatnonzero(which & (self.file == number))
            first = rows[np.argmin(self.line[rows])]
            box = ", ".join(f"{value:g}" for value in self.boxes[first])
            text = found.format(frame=self.frames[first], id=self.ids[first], box=f"[{box}]", row=first)
            findings.add(check, self.files[number], text, lines=self.line[rows], count=len(rows))


@dataclass(frozen=True)
class RawTable:
    """The cells of a text file that are numbers: `(R, C)` values, NaN where a row is shorter, and `(R,)` lines."""

    values: Float
    lines: Int


def read_table(path: Path, findings: Findings) -> RawTable:
    """Read what can be understood of a text file of numbers, comma or blank separated, and report the rest.

    Lines with a cell that is no finite number, with fewer cells than most or fewer than are needed are left out.
    """
    try:
        return _read_sound(path) or _read_broken(path, findings)
    except (OSError, UnicodeDecodeError) as error:
        findings.add("unreadable-labels", path, f"{error}")
        return RawTable(np.zeros((0, MIN_COLUMNS)), np.zeros(0, np.int64))


def _read_sound(path: Path) -> RawTable | None:
    """A file without any fault, read at the speed of the disk; None for all others."""
    try:
        frame = pd.read_csv(
            path, header=None, dtype=np.float64, skip_blank_lines=False, quoting=csv.QUOTE_NONE, encoding="utf-8-sig"
        )
    except ValueError:  # pandas' own errors are of this family
        return None
    values = frame.to_numpy(np.float64)
    if values.shape[1] < MIN_COLUMNS or not np.isfinite(values).all():
        return None
    return RawTable(values, np.arange(1, len(values) + 1))


def _read_broken(path: Path, findings: Findings) -> RawTable:
    """A file that has a fault, read line by line."""
    texts = path.read_text(encoding="utf-8-sig").splitlines()
    lines = np.array([number for number, line in enumerate(texts, start=1) if line.strip()], np.int64)
    values, widths, broken = parse_lines([texts[number - 1] for number in lines.tolist()])
    usual = int(np.bincount(widths).argmax()) if len(widths) else MIN_COLUMNS
    odd = (widths != usual) | (widths < MIN_COLUMNS)
    for check, which in (("not-a-number", broken), ("column-count", odd & ~broken)):
        if which.any():
            row = np.flatnonzero(which)[0]
            said = repr(texts[lines[row] - 1].strip()[:80])
            wanted = f" has {widths[row]} columns, {max(usual, MIN_COLUMNS)} are needed"
            findings.add(check, path, said + (wanted if check == "column-count" else ""), lines=lines[which])
    sound = ~broken & ~odd
    return RawTable(values[sound], lines[sound])


def parse_lines(lines: Sequence[str]) -> tuple[Float, Int, Mask]:
    """Cells of lines that are not blank.

    Returns:
        `(R, C)` values, NaN where a line is shorter or a cell is no number; `(R,)` cells of each line; `(R,)` whether
        a cell of the line is no finite number.
    """
    cells = [_cells(line) for line in lines]
    widths = np.fromiter(map(len, cells), np.int64, len(cells))
    flat = pd.to_numeric(pd.Series(list(chain.from_iterable(cells)), dtype=object), errors="coerce")
    numbers = flat.to_numpy(np.float64)
    values = np.full((len(cells), max(MIN_COLUMNS, widths.max(initial=0))), np.nan)
    values[np.arange(values.shape[1]) < widths[:, None]] = numbers
    if not len(cells):
        return values, widths, np.zeros(0, bool)
    return values, widths, np.add.reduceat(~np.isfinite(numbers), np.cumsum(widths) - widths) > 0


def without_second_copy(table: RawTable, path: Path, findings: Findings) -> RawTable:
    """The table without the rows of a file that was written twice, which is reported."""
    again = pd.DataFrame(table.values).duplicated().to_numpy(np.bool_)
    if len(again) > 3 and again.sum() >= 0.9 * (~again).sum():
        found = f"{again.sum()} of {len(again)} rows repeat earlier ones"
        findings.add("rows-twice", path, found, lines=[int(table.lines[again][0])], count=int(again.sum()))
        return RawTable(table.values[~again], table.lines[~again])
    return table


def _cells(line: str) -> list[str]:
    cells = line.strip().rstrip(",").split(",") if "," in line else line.split()
    return [cell.strip() for cell in cells]
