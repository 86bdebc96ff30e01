"""The report of one run: a single HTML file that needs no network, headline figures first."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from fairmot_pl import __version__
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import COLUMNS, OVERALL, Summary
from fairmot_pl.mot_format import write_text
from fairmot_pl.reporting import page
from fairmot_pl.reporting.figures import to_svg
from fairmot_pl.reporting.loss_doctor import diagnose
from fairmot_pl.reporting.metric_tables import MetricTable, quality_tables, tracking_table
from fairmot_pl.reporting.metrics_log import MetricsLog, read_metrics
from fairmot_pl.reporting.tracking_plots import hota_figure, precision_recall_figure, sequence_figure
from fairmot_pl.reporting.training_plots import loss_figure, validation_figure
from fairmot_pl.reporting.wording import figure_text, is_fraction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_NAME = "report.html"
HEADLINE = ("HOTA", "MOTA", "IDF1", "IDSW", "DetA", "AssA")
MAX_EMBEDDED_VIDEO = 8_000_000
"""Bytes; a larger video is linked only."""


class Scores(Protocol):
    """What a report reads of an evaluation: `Summary` has it."""

    @property
    def overall(self) -> Mapping[str, Any]:
        """Metrics of all sequences together."""

    @property
    def sequences(self) -> Mapping[str, Mapping[str, Any]]:
        """Metrics of each sequence."""

    @property
    def curves(self) -> Mapping[str, Mapping[str, Any]]:
        """`alpha`, `HOTA`, `DetA`, `AssA`, `LocA` over the 19 thresholds, by sequence."""


def write_run_report(
    folder: Path | str,
    *,
    title: str,
    config_text: str = "",
    environment: Mapping[str, Any] | None = None,
    metrics_csv: Path | None = None,
    summary: Scores | None = None,
    quality: Quality | None = None,
    reference: Summary | None = None,
    offline: Summary | None = None,
    frames: Sequence[tuple[str, NDArray[np.uint8]]] = (),
    video: Path | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write `report.html` into a run's folder. Whatever is missing is left out, and said so where it matters.

    Args:
        folder: the run's folder.
        title: heading of the page.
        config_text: the resolved configuration as YAML text.
        environment: versions, device and the like; values may be mappings.
        metrics_csv: the run's metrics file.
        summary: the last evaluation.
        quality: its detection and re-ID figures.
        reference: its tracking figures as FairMOT's scripts count them.
        offline: its tracking figures refined after the fact.
        frames: caption and `(H, W, 3)` uint8 RGB image of each picture.
        video: a clip; linked, and embedded where it is small.
        notes: remarks shown at the top.

    Returns:
        The path of the report.

    Raises:
        ValueError: a picture that is no image.
        OSError: the report cannot be written.
    """
    path = Path(folder) / REPORT_NAME
    log, problems = _read_log(metrics_csv)
    curves = _loss_section(log) if log else ""
    validated = _validation_section(log, summary)
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>{escape(_subtitle(log))}</p></header>",
        page.tiles(_headline(log, summary)),
        *map(page.note, notes),
        *map(page.warning, problems),
        validated or page.warning("This run was not validated: there are no tracking metrics to show."),
        _table_section("Tracking as FairMOT's scripts count it", [tracking_table(reference)] if reference else []),
        _table_section("Tracking, refined after the fact", [tracking_table(offline)] if offline else []),
        *(_quality_sections(quality) if quality else []),
        curves,
        page.section(
            "Pictures",
            f'<div class="frames">{"".join(page.picture(i, c) for c, i in frames)}</div>' if frames else "",
        ),
        _video_section(path.parent, video),
        page.section("Environment", page.facts(_facts(environment or {}))),
        page.section("Configuration", page.folded("Show the resolved configuration", config_text)),
        f"<footer>Written by fairmot_pl {__version__}. This file needs nothing from outside.</footer>",
    ]
    write_text(path, page.page(title, body))
    return path


def _read_log(metrics_csv: Path | None) -> tuple[MetricsLog | None, list[str]]:
    """The metrics and what to say about them; a broken file must not cost the rest of the report."""
    if metrics_csv is None:
        return None, []
    try:
        log = read_metrics(metrics_csv)
    except (OSError, ValueError) as error:
        return None, [f"The metrics could not be read: {error}"]
    return log, [
        f"{name} is not a finite number in {count} of the logged rows; the curve leaves them out."
        for name, count in log.broken.items()
    ]


def _subtitle(log: MetricsLog | None) -> str:
    if log is None:
        return "No training metrics"
    parts = []
    epoch, step, loss = log.last("epoch"), log.last("step"), log.last("train/loss/total")
    if epoch is not None:
        parts.append(f"{int(epoch) + 1} epochs")
    if step is not None:
        parts.append(f"{int(step) + 1:,} steps")
    if loss is not None:
        parts.append(f"last training loss {loss:.3f}")
    return ", ".join(parts) or "No training metrics"


def _headline(log: MetricsLog | None, summary: Scores | None) -> list[tuple[str, str, str]]:
    """(name, value, unit) of the main metrics: of the evaluation, else the last ones logged."""
    values: dict[str, float | None]
    if summary is not None:
        values = {name: summary.overall.get(name) for name in HEADLINE}
    else:
        values = {name: log.last(f"val/{name}") if log else None for name in HEADLINE}
    return [
        (name, figure_text(name, value), "%" if is_fraction(name) and math.isfinite(value) else "")
        for name, value in values.items()
        if value is not None
    ]


def _validation_section(log: MetricsLog | None, summary: Scores | None) -> str:
    parts = []
    if summary is not None:
        parts.append(_sequence_table(summary))
        parts.append(_svg(sequence_figure(summary.sequences), "HOTA, MOTA and IDF1 of each sequence"))
        parts.append(_svg(hota_figure(summary.curves), "HOTA, DetA, AssA and LocA over the localisation threshold"))
    if log is not None:
        parts.append(_best_epoch(log))
        parts.append(_svg(validation_figure(log), "Tracking metrics on the validation sequences over epochs"))
    return page.section("Tracking", *parts)


def _best_epoch(log: MetricsLog) -> str:
    epochs, values = log.series("val/HOTA", "epoch")
    if len(values) < 2:
        return ""
    best = int(np.argmax(values))
    return (
        f"<p>Best HOTA over {len(values)} validations: {100 * values[best]:.1f} % in epoch "
        f"{int(epochs[best]) + 1}; last: {100 * values[-1]:.1f} %.</p>"
    )


def _sequence_table(summary: Scores) -> str:
    columns = [name for name in COLUMNS if name in summary.overall]

    def cells(name: str, scores: Mapping[str, Any]) -> list[str]:
        return [name, *(figure_text(column, scores.get(column)) for column in columns)]

    return page.table(
        ["Sequence", *columns],
        [cells(name, scores) for name, scores in summary.sequences.items()],
        total=cells("All", summary.overall),
    ) + page.caption("HOTA to IDR in percent; the others are counts.")


def _table_section(heading: str, tables: Sequence[MetricTable], *more: str) -> str:
    """Tables under their titles; the row of all sequences comes last."""
    parts = []
    for table in tables:
        header, *rows = table.cells()
        total = rows.pop() if rows and rows[-1][0] == OVERALL else None
        unit = f", {table.unit}" if table.unit else ""
        parts += [page.table(header, rows, total=total), page.caption(f"{table.title}{unit}.")]
    return page.section(heading, *parts, *more)


def _quality_sections(quality: Quality) -> list[str]:
    """Detection, with its precision over recall, and re-ID."""
    tables = quality_tables(quality)
    detection = [table for table in tables if table.name.startswith("detection")]
    curve = _svg(precision_recall_figure(quality.curve), "Precision over recall of detections at an IoU of 0.5")
    return [
        _table_section("Detection", detection, curve),
        _table_section("Re-identification", [table for table in tables if table not in detection]),
    ]


def _loss_section(log: MetricsLog) -> str:
    found = diagnose(log)
    return page.section(
        "Training",
        (page.note if found.is_fine else page.warning)(f"Loss doctor: {found.line}."),
        _svg(loss_figure(log), "Training losses, their weights and the learning rate over steps"),
    )


def _svg(figure: Figure | None, alt: str) -> str:
    return page.plot(to_svg(figure, alt=alt)) if figure is not None else ""


def _video_section(folder: Path, video: Path | None) -> str:
    if video is None:
        return ""
    if not video.is_file():
        return page.section("Video", page.warning(f"{video} is not there."))
    size = video.stat().st_size
    address = quote(Path(os.path.relpath(video, folder)).as_posix())
    link = f'<p><a href="{address}">{escape(video.name)}</a> ({size / 1e6:.1f} MB)</p>'
    if size >= MAX_EMBEDDED_VIDEO:
        return page.section("Video", link)
    source = page.data_address("video/mp4", video.read_bytes())
    return page.section("Video", f'<video controls muted loop src="{source}"></video>', link)


def _facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text; a mapping within is one row."""
    return [
        (
            name,
            ", ".join(f"{key} {value}" for key, value in entry.items()) if isinstance(entry, Mapping) else str(entry),
        )
        for name, entry in values.items()
    ]
