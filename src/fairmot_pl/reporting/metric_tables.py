"""The figures of an evaluation as tables: to print, as CSV and as Markdown; and as JSON. No trainer is needed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairmot_pl.evaluation.detection import BANDS
from fairmot_pl.evaluation.embedding import FARS, GAPS
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import OVERALL, Figures, Summary
from fairmot_pl.files import write_text
from fairmot_pl.reporting.wording import figure_text, is_fraction

FOLDER = "tables"
"""Where the tables lie within the folder of a run."""


@dataclass(frozen=True, kw_only=True)
class MetricTable:
    """Rows of figures under common names.

    Args:
        name: of its files.
        title: what it shows.
        head: what the rows are, for example "sequence".
        columns: names of the metrics, in order.
        rows: row to its figures; one that is missing is shown as "-".
        done: what was done to them after the fact; the title says it, too, which a CSV file has not.
    """

    name: str
    title: str
    head: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, float]]
    done: str = ""

    def cells(self) -> list[list[str]]:
        """Header and rows as people read them: fractions in per cent."""
        body = [[row, *(figure_text(name, of.get(name)) for name in self.columns)] for row, of in self.rows.items()]
        return [[self.head, *self.columns], *body]

    @property
    def unit(self) -> str:
        """What is in per cent, in words."""
        shares = [name for name in self.columns if is_fraction(name)]
        if not shares:
            return ""
        return "in per cent" if len(shares) == len(self.columns) else f"{shares[0]} to {shares[-1]} in per cent"

    def text(self) -> str:
        """Aligned columns under the title; the row of all sequences stands apart."""
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        padded = [
            [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
            for first, *rest in cells
        ]
        lines = ["  ".join(row) for row in padded]
        if OVERALL in self.rows and len(self.rows) > 1:
            lines.insert(-1, "-" * len(lines[0]))
        return "\n".join([self.title + (f" ({self.unit})" if self.unit else ""), *lines])

    def markdown(self) -> str:
        """As people read it, for a document."""
        cells = self.cells()
        rule = ["---", *["---:"] * len(self.columns)]
        lines = ["| " + " | ".join(row) + " |" for row in (cells[0], rule, *cells[1:])]
        return "\n".join([f"{self.title}{f', {self.unit}' if self.unit else ''}", "", *lines, ""])

    def csv(self) -> str:
        """Fractions and counts as they are, in full precision; an absent one is an empty cell."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([f"{self.head} ({self.done})" if self.done else self.head, *self.columns])
        writer.writerows([row, *(of.get(name, "") for name in self.columns)] for row, of in self.rows.items())
        return stream.getvalue()


def tracking_table(summary: Summary) -> MetricTable:
    """Tracking of each sequence, and of all."""
    by_reference = summary.protocol == "reference"
    title = "Tracking, counted as FairMOT's scripts do" if by_reference else "Tracking"
    name = "tracking_reference" if by_reference else "tracking_offline" if summary.offline else "tracking"
    return MetricTable(
        name=name,
        title=f"{title}, {summary.offline}" if summary.offline else title,
        head="sequence",
        columns=summary.columns,
        rows={**summary.sequences, OVERALL: summary.overall},
        done=summary.offline,
    )


def quality_tables(quality: Quality) -> list[MetricTable]:
    """Detection and re-ID: by sequence, and by band and gap over all; tables of which nothing is known are left out."""
    rows = {**quality.sequences, OVERALL: quality.overall}
    known, bands = quality.overall, {band.suffix: band.suffix[1:].replace("_", " ") for band in BANDS if band.suffix}

    def pick(names: Mapping[str, str]) -> dict[str, float]:
        """Those of some columns that are known; each column has its metric."""
        return {column: known[metric] for column, metric in names.items() if metric in known}

    by_band = {words: pick({of: of + suffix for of in ("AP", "AP50")}) for suffix, words in bands.items()}
    by_gap = {str(gap): pick({kind: f"similarity_{kind}@{gap}" for kind in ("same", "different")}) for gap in GAPS}
    tables = [
        MetricTable(name="detection", title="Detection", head="sequence", columns=("AP", "AP50"), rows=rows),
        MetricTable(
            name="detection_bands",
            title="Detection by height in pixels and by visibility",
            head="band",
            columns=("AP", "AP50"),
            rows={words: row for words, row in by_band.items() if row},
        ),
        MetricTable(
            name="reid",
            title="Re-identification",
            head="sequence",
            columns=(*(f"TPR@FAR={far:g}" for far in FARS), "rank1", "mAP"),
            rows=rows,
        ),
        MetricTable(
            name="similarity",
            title="Mean cosine similarity of embeddings of one person and of two",
            head="frames apart",
            columns=("same", "different"),
            rows={gap: row for gap, row in by_gap.items() if row},
        ),
    ]
    return [table for table in tables if any(name in row for row in table.rows.values() for name in table.columns)]


def evaluation_tables(
    summary: Summary,
    *,
    quality: Quality | None = None,
    reference: Summary | None = None,
    offline: Summary | None = None,
) -> list[MetricTable]:
    """All tables of an evaluation, tracking first."""
    tables = [tracking_table(part) for part in (summary, reference, offline) if part is not None]
    return tables + (quality_tables(quality) if quality is not None else [])


def write_figures(
    folder: Path,
    summary: Summary,
    *,
    quality: Quality | None = None,
    reference: Summary | None = None,
    offline: Summary | None = None,
    more: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Write the figures of an evaluation into a folder.

    `metrics.json` has those of all sequences, flat, named as they are logged; `sequences.json` those of each;
    `tables/` has every table as CSV and as Markdown.

    Args:
        folder: need not exist.
        summary: tracking.
        quality: detection and re-ID.
        reference: tracking as FairMOT's scripts count it.
        offline: tracking refined after the fact.
        more: further figures for `metrics.json`, which come first.

    Returns:
        The content of `metrics.json`.

    Raises:
        OSError: a file cannot be written.
    """
    parts = [part for part in (summary, quality, reference, offline) if part is not None]
    figures = dict(more or {})
    for part in parts:
        figures |= part.flat("val/")
    write_json(folder / "metrics.json", figures)
    rows: dict[str, Figures] = {}
    for name in (OVERALL, *summary.sequences):
        rows[name] = {}
        for part in parts:
            prefix = "reference/" if part is reference else "offline/" if part is offline else ""
            of_row = part.overall if name == OVERALL else part.sequences[name]
            rows[name] |= {prefix + metric: value for metric, value in of_row.items()}
    write_json(folder / "sequences.json", rows)
    write_tables(folder / FOLDER, evaluation_tables(summary, quality=quality, reference=reference, offline=offline))
    return figures


def write_tables(folder: Path, tables: Sequence[MetricTable]) -> None:
    """Write each table as `NAME.csv` and `NAME.md`."""
    for table in tables:
        write_text(folder / f"{table.name}.csv", table.csv())
        write_text(folder / f"{table.name}.md", table.markdown())


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping as an indented JSON object."""
    write_text(path, json.dumps(content, indent=2) + "\n")
