"""The page of an audit: what was found and how to mend it, the data sheet, samples as the network sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairmot_pl import __version__
from fairmot_pl.data.audit.audit import AuditReport
from fairmot_pl.data.audit.findings import Finding, how_to_mend
from fairmot_pl.data.audit.statistics import DataSheet
from fairmot_pl.files import write_text
from fairmot_pl.reporting import page
from fairmot_pl.reporting.data_plots import MAX_BARS, SIDES, people_figure, sequences_figure
from fairmot_pl.reporting.figures import to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_NAME = "data.html"
MAX_ROWS = 200
"""Findings in the table of the page; the rest are in `findings.json`."""


def write_data_report(
    folder: Path,
    report: AuditReport,
    *,
    title: str,
    root: Path,
    samples: Sequence[tuple[str, NDArray[np.uint8]]] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Write `data.html`.

    Args:
        folder: where to.
        report: of the audit.
        title: heading of the page.
        root: folder that paths are shown from.
        samples: caption and `(H, W, 3)` uint8 RGB picture.
        notes: remarks that must not be missed.

    Returns:
        The path of the page.

    Raises:
        OSError: the page cannot be written.
    """
    findings = list(report.findings)
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>{escape(str(root))}</p></header>",
        page.tiles(_headline(report)),
        *map(page.warning, notes),
        page.section("What was found", *_found(findings, root)),
        page.section("People", *_people(report)),
        page.section(
            "Sequences", _plot(sequences_figure(report.sheets), "identities and image sizes"), *_tables(report)
        ),
        page.section("Samples as the network sees them", *_samples(samples)),
        f"<footer>Written by fairmot_pl {__version__}. This file needs nothing from outside.</footer>",
    ]
    path = folder / PAGE_NAME
    write_text(path, page.page(title, body))
    return path


def _headline(report: AuditReport) -> list[tuple[str, str, str]]:
    counts, figures = report.findings.counts(), report.figures()
    return [
        ("errors", f"{counts['error']:,}", ""),
        ("warnings", f"{counts['warning']:,}", ""),
        ("sequences", f"{report.sequences:,}", ""),
        ("images", f"{report.images:,}", ""),
        ("training boxes", f"{figures['train/boxes']:,.0f}", ""),
        ("training identities", f"{figures['train/identities']:,.0f}", ""),
    ]


def _found(findings: Sequence[Finding], root: Path) -> list[str]:
    if not findings:
        return [page.note("Nothing: every image is whole, and no check has an objection.")]
    more = len(findings) - MAX_ROWS
    return [
        _findings_table(findings[:MAX_ROWS], root),
        page.note(f"{more} more findings are in findings.json.") if more > 0 else "",
        "<h2>How to mend</h2>",
        page.facts(how_to_mend(findings)),
    ]


def _findings_table(findings: Sequence[Finding], root: Path) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in ("severity", "check", "file:line", "found"))
    rows = []
    for each in findings:
        badge = f'<span class="badge {each.severity}">{each.severity}</span>'
        texts = (each.check, each.where(root), each.text())
        rows.append(f"<tr><td>{badge}</td>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>")
    table = f'<table class="findings"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def _people(report: AuditReport) -> list[str]:
    drawn = _plot(people_figure(report.sheets), "distributions of people, boxes and tracks")
    return [drawn, page.note("The last bin takes what lies beyond 99.5 percent of all values.")] if drawn else []


def _samples(samples: Sequence[tuple[str, NDArray[np.uint8]]]) -> list[str]:
    text = "Above boxes and identity classes (-1 trains detection only), below the heatmap; crosses mark the centres."
    pictures = [page.picture(image, caption) for caption, image in samples]
    return [f"<p>{escape(text)}</p>", *pictures] if pictures else []


def _plot(figure: Figure | None, alt: str) -> str:
    return page.plot(to_svg(figure, alt=alt)) if figure is not None else ""


def _tables(report: AuditReport) -> list[str]:
    """One table a side."""
    header = ("sequence", "images", "width x height", "frames/s", "boxes", "identities", "people an image")
    parts = []
    for side, sheet in report.sheets.items():
        if sheet.sequences:
            parts.append(f"<h2>{escape(SIDES[side][1].capitalize())}</h2>")
            parts.append(page.table(header, _rows(sheet), total=_total(sheet)))
    if any(len(sheet.sequences) > MAX_BARS for sheet in report.sheets.values()):
        parts.append(page.note(f"The figures show the {MAX_BARS} with most; the tables hold all."))
    return parts


def _rows(sheet: DataSheet) -> list[list[str]]:
    return [
        [
            each.name,
            f"{each.images:,}",
            f"{each.image_size[1]} x {each.image_size[0]}" if all(each.image_size) else "-",
            f"{each.frame_rate:g}" if each.frame_rate else "-",
            f"{len(each.boxes):,}",
            f"{each.identities:,}",
            f"{each.people_per_image.mean():.1f}",
        ]
        for each in sheet.sequences
    ]


def _total(sheet: DataSheet) -> Sequence[str]:
    people = sheet.joined("people_per_image")
    boxes, identities = (
        sum(len(each.boxes) for each in sheet.sequences),
        sum(each.identities for each in sheet.sequences),
    )
    return "all", f"{len(people):,}", "", "", f"{boxes:,}", f"{identities:,}", f"{people.mean():.1f}"


def sheets_text(sheets: Mapping[str, DataSheet]) -> str:
    """One line a side, for the terminal."""
    lines = []
    for side, sheet in sheets.items():
        if sheet.sequences:
            people, heights = sheet.joined("people_per_image"), sheet.box_side(3)
            identities = sum(each.identities for each in sheet.sequences)
            size = f", boxes of median height {np.median(heights):.0f} px" if len(heights) else ""
            lines.append(
                f"{SIDES[side][1]}: {len(sheet.sequences)} sequences, {len(people):,} images, {len(heights):,} boxes, "
                f"{identities:,} identities, {people.mean():.1f} people an image{size}"
            )
    return "\n".join(lines)
