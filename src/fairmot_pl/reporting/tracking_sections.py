"""Tracking on the page of a run: the table of sequences, its curves, and what to see in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from fairmot_pl.evaluation.summary import COLUMNS, OVERALL
from fairmot_pl.reporting import page
from fairmot_pl.reporting.figures import plotted
from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.tracking_plots import hota_figure, sequence_figure
from fairmot_pl.reporting.training_plots import validation_figure
from fairmot_pl.reporting.wording import figure_text


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


def tracking_parts(log: MetricsLog | None, summary: Scores | None) -> list[str]:
    """Table and curves of the last evaluation, then the metrics over the training; empty without either."""
    parts = []
    if summary is not None:
        parts.append(_sequence_table(summary))
        parts += _tracking_figures(summary)
    once = log is None or len(log.series("val/HOTA", "epoch")[0]) < 2
    if log is not None and not (parts and once):  # a single validation is in the table
        over_time = plotted(validation_figure(log), "Tracking metrics on the validation sequences over epochs")
        parts += [page.subheading("Over the training"), _best_epoch(log), over_time] if over_time else []
    return parts


def _tracking_figures(summary: Scores) -> list[str]:
    if summary.overall.get("HOTA") == 0:
        return [page.warning("No track matches anybody: there is nothing to draw.")]
    curves = plotted(hota_figure(summary.curves), "HOTA, DetA, AssA and LocA over the localisation threshold")
    return [
        plotted(sequence_figure(summary.sequences), "HOTA, MOTA and IDF1 of each sequence"),
        curves,
        page.caption(
            "HOTA is the mean of its curve: the geometric mean of DetA (who is found) and AssA (who keeps his id). The "
            "lower of the two holds HOTA back. A curve that falls early tells of inexact boxes."
        )
        if curves
        else "",
    ]


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
        total=cells(OVERALL, summary.overall),
    ) + page.caption(f"HOTA to IDR in percent; the others are counts. {OVERALL}: from the counts of all, not a mean.")
