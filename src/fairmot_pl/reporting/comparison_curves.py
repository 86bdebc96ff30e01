"""Curves of several settings, each with the band of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.comparison_plots import legend_below, looks
from fairmot_pl.reporting.figures import finish_panel, new_figure, styled
from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.training_plots import running_mean, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]

POINTS = 120
"""A band of more points than this shows noise only."""


class Curve(NamedTuple):
    """What may be drawn: a column of the log over another."""

    column: str
    over: str
    title: str
    up: str
    scale: float = 1.0
    log: bool = False


CURVES = (
    Curve("val/HOTA", "epoch", "HOTA of the validation", "HOTA, percent", 100.0),
    Curve("val/AssA", "epoch", "AssA of the validation", "AssA, percent", 100.0),
    Curve("train/loss/detection", "step", "Detection loss, before weighting", "loss, log scale", log=True),
    Curve("train/loss/reid", "step", "Re-ID loss, before weighting", "loss, log scale", log=True),
    Curve("train/identity_accuracy", "step", "Training identities told right", "percent", 100.0),
    Curve("train/grad_share_reid", "step", "Re-ID's share of the shared gradient", "percent", 100.0),
)


class Band(NamedTuple):
    """Mean and range over seeds at the positions that all of them have."""

    where: Float
    mean: Float
    low: Float
    high: Float


def seed_band(logs: Sequence[MetricsLog], column: str, over: str) -> Band | None:
    """The band of one setting; None where the seeds have no position in common."""
    series = [found for log in logs if len((found := log.series(column, over))[0])]
    if not series:
        return None
    where = reduce(np.intersect1d, [positions for positions, _ in series])
    if not len(where):
        return None
    lines = []
    for positions, values in series:
        picked = values[np.searchsorted(positions, where)]
        lines.append(running_mean(picked, max(1, len(picked) // 25)))
    stacked = np.stack(lines)
    parts = [thin(where, line, POINTS) for line in (stacked.mean(0), stacked.min(0), stacked.max(0))]
    return Band(parts[0][0], *(values for _, values in parts))


def curves_figure(names: Sequence[str], logs: Sequence[Sequence[MetricsLog]]) -> Figure | None:
    """Validation and training over time: a line a setting, and from its lowest to its highest seed a band.

    Args:
        names: of the settings.
        logs: those of each setting's seeds, empty where there are none.
    """
    drawn = [(curve, [seed_band(found, curve.column, curve.over) for found in logs]) for curve in CURVES]
    drawn = [(curve, bands) for curve, bands in drawn if any(band and len(band.where) > 1 for band in bands)]
    if not drawn:
        return None
    with styled():
        rows = -(-len(drawn) // 2)
        figure, panels = new_figure(rows, min(2, len(drawn)))
        for panel, (curve, bands) in zip(panels, drawn, strict=False):
            _draw(panel, curve, bands, names)
        for unused in panels[len(drawn) :]:
            unused.remove()
        legend_below(figure, panels[0])
    return figure


def _draw(panel: Axes, curve: Curve, bands: Sequence[Band | None], names: Sequence[str]) -> None:
    first = 1 if curve.over == "epoch" else 0  # files count epochs from 0, people from 1
    few = all(band is None or len(band.where) <= 12 for band in bands)
    for name, band, look in zip(names, bands, looks(len(names)), strict=True):
        if band is None:
            panel.plot([], [], color=look.colour, linestyle=look.dashes, label=name)  # keeps its place in the legend
            continue
        where = band.where + first
        (line,) = panel.plot(where, curve.scale * band.mean, color=look.colour, linestyle=look.dashes, label=name)
        if few:
            line.set(markersize=5, **look.marks)
        panel.fill_between(where, curve.scale * band.low, curve.scale * band.high, color=look.colour, alpha=0.18, lw=0)
    lowest = min((float(band.low.min()) for band in bands if band is not None), default=0)
    highest = max((float(band.high.max()) for band in bands if band is not None), default=0)
    positive = lowest > 0
    if curve.log and positive:
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("{x:g}" if highest < 3 * lowest else "")  # more would run into each other
    if curve.over == "epoch":
        panel.locator_params(axis="x", integer=True)
    finish_panel(panel, curve.title, curve.over, curve.up if positive or not curve.log else "loss", legend=False)
