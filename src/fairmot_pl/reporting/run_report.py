"""The report of one run: a single HTML file that needs no network, headline figures first."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from fairmot_pl import __version__
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.files import write_text
from fairmot_pl.reporting import page
from fairmot_pl.reporting.evidence import Picture
from fairmot_pl.reporting.figures import plotted
from fairmot_pl.reporting.loss_doctor import diagnose
from fairmot_pl.reporting.metric_tables import tracking_table
from fairmot_pl.reporting.metrics_log import MetricsLog, read_metrics
from fairmot_pl.reporting.quality_sections import detection_parts, reid_parts, table_parts
from fairmot_pl.reporting.stage_times import StageTimes, slowest_line, stage_figure
from fairmot_pl.reporting.tracking_sections import Scores, tracking_parts
from fairmot_pl.reporting.training_plots import loss_figure
from fairmot_pl.reporting.wording import figure_text, is_fraction, sentence

REPORT_NAME = "report.html"
HEADLINE = ("HOTA", "MOTA", "IDF1", "IDSW", "DetA", "AssA", "AP50", "TPR@FAR=0.1")
MAX_EMBEDDED_VIDEO = 3_000_000
"""Bytes; a larger video is linked only."""


class Section(NamedTuple):
    """A part of the page: its heading and its HTML; empty where there is nothing to say."""

    heading: str
    content: Sequence[str]

    @property
    def anchor(self) -> str:
        """What links call it."""
        return re.sub(r"[^a-z]+", "-", self.heading.lower()).strip("-")


def write_run_report(
    folder: Path | str,
    *,
    title: str,
    line: str = "",
    evaluated: bool = False,
    setup: Sequence[tuple[str, str]] = (),
    config_text: str = "",
    environment: Mapping[str, Any] | None = None,
    metrics_csv: Path | None = None,
    summary: Scores | None = None,
    quality: Quality | None = None,
    reference: Summary | None = None,
    offline: Summary | None = None,
    pictures: Sequence[Picture] = (),
    stages: StageTimes | None = None,
    video: Path | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write `report.html` into a run's folder. Whatever is missing is left out, and said so where it matters.

    Args:
        folder: the run's folder.
        title: heading of the page.
        line: one sentence below it: what was trained on what.
        evaluated: whether a checkpoint was evaluated: nothing was trained.
        setup: the same as names and values.
        config_text: the resolved configuration as YAML text.
        environment: versions, device and the like; values may be mappings.
        metrics_csv: the run's metrics file.
        summary: the last evaluation.
        quality: its detection and re-ID figures.
        reference: its tracking figures as FairMOT's scripts count them.
        offline: its tracking figures refined after the fact.
        pictures: of validation frames.
        stages: where the time went.
        video: a clip; linked, and embedded where it is small.
        notes: remarks shown at the top.

    Returns:
        The path of the report.

    Raises:
        OSError: the report cannot be written.
    """
    path = Path(folder) / REPORT_NAME
    log, problems = _read_log(metrics_csv)
    validated = tracking_parts(log, summary)
    sections = [
        Section("What was evaluated" if evaluated else "What was trained on what", [page.facts(setup)]),
        Section("Tracking", validated),
        Section(
            "Tracking as FairMOT's scripts count it", table_parts([tracking_table(reference)] if reference else [])
        ),
        Section("Tracking, refined after the fact", table_parts([tracking_table(offline)] if offline else [])),
        Section("Detection", detection_parts(quality) if quality else []),
        Section("Re-identification", reid_parts(quality) if quality else []),
        Section("Training", _training_parts(log) if log and not evaluated else []),
        Section("Pictures", _picture_parts(pictures)),
        Section("Video", _video_parts(path.parent, video)),
        Section("Time", _time_parts(stages or {})),
        Section("Environment", [page.facts(_facts(environment or {}))]),
        Section("Configuration", [page.folded("Show the resolved configuration", config_text)]),
    ]
    shown = [section for section in sections if any(section.content)]
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>{escape(line or _subtitle(log))}</p></header>",
        page.tiles(_headline(log, summary, quality)),
        page.contents([(section.anchor, section.heading) for section in shown]) if len(shown) > 2 else "",
        *map(page.note, notes),
        *map(page.warning, problems),
        "" if any(validated) else page.warning("This run was not validated: there are no tracking metrics to show."),
        *(page.section(section.heading, *section.content, anchor=section.anchor) for section in shown),
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
    """How far the training came."""
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


def _headline(log: MetricsLog | None, summary: Scores | None, quality: Quality | None) -> list[tuple[str, str, str]]:
    """(name, value, unit) of the main metrics: of the evaluation, else the last ones logged."""
    values: dict[str, float | None]
    if summary is not None:
        known = {**(quality.overall if quality else {}), **summary.overall}
        values = {name: known.get(name) for name in HEADLINE}
    else:
        values = {name: log.last(f"val/{name}") if log else None for name in HEADLINE}
    return [
        (name, figure_text(name, value), "%" if is_fraction(name) and math.isfinite(value) else "")
        for name, value in values.items()
        if value is not None
    ]


def _training_parts(log: MetricsLog) -> list[str]:
    found = diagnose(log)
    return [
        f"<p>{escape(_subtitle(log))}.</p>",
        (page.note if found.is_fine else page.warning)(f"Loss doctor: {found.line}."),
        plotted(loss_figure(log), "Training losses, their weights and the learning rate over steps"),
    ]


def _picture_parts(pictures: Sequence[Picture]) -> list[str]:
    if not pictures:
        return []
    figures = []
    for picture in pictures:
        figures.append(page.photograph(picture.tracks, picture.caption))
        if picture.heatmap is not None:
            figures.append(
                page.photograph(
                    picture.heatmap, "the network's heatmap (bright = surely somebody's centre) under the same tracks"
                )
            )
    return [
        f'<div class="frames">{"".join(figures)}</div>',
        page.caption(
            "A box without a bright spot is a track that goes on unseen; a bright spot without a box is somebody whom "
            "the tracker does not report, for example below its score threshold."
        ),
    ]


def _video_parts(folder: Path, video: Path | None) -> list[str]:
    if video is None:
        return []
    if not video.is_file():
        return [page.warning(f"{video} is not there.")]
    size = video.stat().st_size
    address = quote(Path(os.path.relpath(video, folder)).as_posix())
    link = f'<p><a href="{address}">{escape(video.name)}</a> ({size / 1e6:.1f} MB)</p>'
    if size >= MAX_EMBEDDED_VIDEO:
        return [link]
    source = page.data_address("video/mp4", video.read_bytes())
    return [f'<video controls muted loop src="{source}"></video>', link]


def _time_parts(stages: StageTimes) -> list[str]:
    figure = stage_figure(stages)
    if figure is None:
        return []
    return [
        f"<p>{escape(sentence(slowest_line(stages)))}</p>",
        plotted(figure, "Milliseconds that each stage of training and of validation takes, slowest first"),
        page.caption(
            "Each instant counts for one stage, the innermost at work in the main process; names like ValidationMedia "
            "are callbacks. On a GPU, work is queued: training stages show where the processor waits for it."
        ),
    ]


def _facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text; a mapping within is one row."""
    return [
        (
            name,
            ", ".join(f"{key} {value}" for key, value in entry.items()) if isinstance(entry, Mapping) else str(entry),
        )
        for name, entry in values.items()
    ]
