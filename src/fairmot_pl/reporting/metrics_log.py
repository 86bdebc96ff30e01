"""The CSV file of a run's metrics: one row a logging event, most cells empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.files import read_text, write_text

Float = NDArray[np.float64]


@dataclass(frozen=True)
class MetricsLog:
    """The columns of a metrics file.

    Args:
        columns: name to `(R,)` float64, all of one length, NaN where a cell is empty or not finite.
        broken: name to the number of cells that hold `nan` or `inf`: logged, but no number.
    """

    columns: Mapping[str, Float]
    broken: Mapping[str, int]

    def __contains__(self, name: str) -> bool:
        return name in self.columns and bool(np.isfinite(self.columns[name]).any())

    def series(self, name: str, over: str = "step") -> tuple[Float, Float]:
        """The filled cells of a column, over another one, in its order.

        Where a position occurs twice, as after a resume, the later row counts.

        Returns:
            `(P,)` positions and `(P,)` values; both empty when the column is not there.
        """
        if name not in self or over not in self.columns:
            return np.zeros(0), np.zeros(0)
        where, values = self.columns[over], self.columns[name]
        filled = np.isfinite(where) & np.isfinite(values)
        # np.unique keeps the first of equals, so look from the end
        positions, picked = np.unique(where[filled][::-1], return_index=True)
        return positions, values[filled][::-1][picked]

    def last(self, name: str) -> float | None:
        """The latest value of a column, or None."""
        values = self.series(name)[1]
        return float(values[-1]) if len(values) else None

    def names(self, prefix: str) -> list[str]:
        """The filled columns whose name begins so, in file order."""
        return [name for name in self.columns if name.startswith(prefix) and name in self]


def read_metrics(path: Path | str) -> MetricsLog:
    """Read a metrics CSV file; its first line names the columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no column `step`, a row of another length, or a cell that is no number; the line is named.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such metrics file")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        if "step" not in header:
            raise ValueError(f"{path}: the first line must name the columns, 'step' among them; it is {header}")
        rows = [_numbers(path, reader.line_num, header, row) for row in reader if row]
    table = np.array(rows, np.float64).reshape(len(rows), len(header), 2)
    values, logged = table[:, :, 0], table[:, :, 1]
    broken = (logged * ~np.isfinite(values)).sum(axis=0)
    values = np.where(np.isfinite(values), values, np.nan)
    return MetricsLog(
        columns={name: values[:, index] for index, name in enumerate(header)},
        broken={name: int(broken[index]) for index, name in enumerate(header) if broken[index]},
    )


def merge_csv(folder: Path) -> Path | None:
    """Join the metrics of a run and its resumed parts into `metrics.csv`; None where nothing was logged.

    Rows that a resumed part repeats (same step) are taken from the later part. A last line that has no end is left
    out: the run is writing it, or was stopped while it did.

    Raises:
        ValueError: a part is no text, or has a row without a step; file and line are named.
    """
    parts = sorted((folder / "logs").glob("part-*/metrics.csv"), key=lambda path: int(path.parent.name.split("-")[1]))
    rows: list[dict[str, str]] = []
    for part in parts:
        found = _whole_rows(part)
        start = min((int(row["step"]) for row in found), default=0)
        rows = [row for row in rows if int(row["step"]) < start] + found
    if not rows:
        return None
    columns = list(dict.fromkeys(["step", "epoch", *(key for row in rows for key in row)]))
    lines = [",".join(columns), *(",".join(row.get(column) or "" for column in columns) for row in rows)]
    path = folder / "metrics.csv"
    write_text(path, "\n".join(lines) + "\n")
    return path


def _whole_rows(part: Path) -> list[dict[str, str]]:
    text = read_text(part)
    reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    rows = []
    for row in reader:
        step = row.get("step") or ""
        if not step.isdecimal():
            raise ValueError(f"{part}, line {reader.line_num}: step is {step!r}, not a whole number; remove that line")
        rows.append(row)
    return rows


def _numbers(path: Path, line: int, header: list[str], row: list[str]) -> list[tuple[float, float]]:
    """Value and "was logged" of each cell."""
    if len(row) != len(header):
        raise ValueError(f"{path}, line {line}: {len(row)} cells, but the first line names {len(header)} columns")
    cells = []
    for name, cell in zip(header, row, strict=True):
        try:
            cells.append((float(cell), 1.0) if cell.strip() else (np.nan, 0.0))
        except ValueError as error:
            raise ValueError(f"{path}, line {line}, column {name}: {cell!r} is no number") from error
    return cells
