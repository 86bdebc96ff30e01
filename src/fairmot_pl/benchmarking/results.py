"""Figures of a benchmark: rows, a table for the terminal and for Markdown, plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fairmot_pl.benchmarking.laps import Laps
from fairmot_pl.benchmarking.yardsticks import MEANINGS
from fairmot_pl.reporting.text_tables import Cell, TextTable

HEADER = ("part", "what", "median", "10 to 90 %", "against the yardstick", "a second", "memory, MB")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case, measured.

    Args:
        part: of the benchmark.
        name: what it is.
        unit: what the seconds are of.
        seconds: median of one unit.
        low: seconds that a tenth of the laps stayed within.
        high: seconds that nine tenths stayed within.
        yardstick: R or U.
        ratio: median over the yardstick's median of the same run.
        peak_mb: memory at its highest, beyond what was held before; None where it was not told.
        laps: that count.
    """

    part: str
    name: str
    unit: str
    seconds: float
    low: float
    high: float
    yardstick: str
    ratio: float
    peak_mb: float | None
    laps: int


def rows_of(measured: Sequence[Laps]) -> list[Row]:
    """Rows of cases that were measured together, the first being their yardstick."""
    yardstick = measured[0]
    return [
        Row(
            part=laps.case.part,
            name=laps.case.name,
            unit=laps.case.unit,
            seconds=laps.quantile(0.5),
            low=laps.quantile(0.1),
            high=laps.quantile(0.9),
            yardstick=yardstick.case.name,
            ratio=laps.quantile(0.5) / yardstick.quantile(0.5),
            peak_mb=laps.peak_mb,
            laps=len(laps.seconds),
        )
        for laps in measured
    ]


def table(rows: Sequence[Row]) -> TextTable:
    """A line a row."""
    cells = [
        [
            row.part,
            row.name,
            f"{shown_time(row.seconds)} a {row.unit}",
            f"{shown_time(row.low)} to {shown_time(row.high)}",
            shown_ratio(row),
            f"{1 / row.seconds:.3g}",
            "" if row.peak_mb is None else f"{row.peak_mb:.0f}",
        ]
        for row in rows
    ]
    figures = [False, False, True, True, True, True, True]
    return TextTable(header=HEADER, rows=[[Cell(text) for text in line] for line in cells], figures=figures)


def markdown(rows: Sequence[Row], machine: str, command: str) -> str:
    """A page with the table and what its figures are."""
    used = sorted({row.yardstick for row in rows})
    meanings = "\n".join(f"- **{name}**: {MEANINGS[name]}." for name in used)
    return f"# Benchmark\n\n`{command}`\n\n{machine}.\n\n{table(rows).markdown()}\n\n{meanings}\n"


def flat(rows: Sequence[Row]) -> dict[str, float]:
    """One flat object, as every command leaves it: seconds and ratios by part and name."""
    figures: dict[str, float] = {}
    for row in rows:
        key = f"{row.part}/{row.name}"
        figures |= {f"{key}/seconds": row.seconds, f"{key}/ratio": row.ratio}
    return figures


def as_document(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    """All that was measured, for programs."""
    return {**about, "yardsticks": dict(MEANINGS), "rows": [asdict(row) for row in rows]}


def shown_time(seconds: float) -> str:
    """Seconds in the unit that reads best, three digits."""
    for limit, factor, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{factor * seconds:.3g} {unit}"
    return f"{seconds:.3g} s"


def shown_ratio(row: Row) -> str:
    """How many times the yardstick, or the yardstick by how much."""
    if row.part == "yardstick":
        return f"1 {row.yardstick}"
    if row.yardstick == "R" and row.ratio < 1:
        return f"R / {1 / row.ratio:.3g}"
    return f"{row.ratio:.3g} {row.yardstick}"
