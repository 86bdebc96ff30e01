"""Figures of training and of validation over time; None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.figures import COLOURS, GRID, finish_panel, new_figure, styled
from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.tracking_plots import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]
Series = tuple[Float, Float]

TASKS = {
    "heatmap": "vermillion",
    "size": "orange",
    "offset": "sky",
    "detection": "blue",
    "reid": "green",
    "total": "purple",
}
"""Losses and their colours."""

MAX_POINTS = 500
"""More points than this cannot be told apart; neighbours are averaged."""


def loss_figure(log: MetricsLog) -> Figure | None:
    """Raw losses, what each task adds to the total, the weights behind it, the learning rate."""
    losses = {task: log.series(f"train/loss/{task}") for task in TASKS if f"train/loss/{task}" in log}
    weights = {task: log.series(f"train/weight/{task}") for task in TASKS if f"train/weight/{task}" in log}
    rates = {name: log.series(name) for name in log.names("lr")}
    if not losses:
        return None
    drawers: list[Callable[[Axes], None]] = [partial(_draw_raw, losses=losses)]
    if weights:
        drawers.append(partial(_draw_weighted, losses=losses, weights=weights))
        drawers.append(partial(_draw_weights, weights=weights))
    if rates:
        drawers.append(partial(_draw_rates, rates=rates))
    with styled():
        figure, panels = new_figure(-(-len(drawers) // 2), min(2, len(drawers)))
        for panel, draw in zip(panels, drawers, strict=False):
            draw(panel)
        for unused in panels[len(drawers) :]:
            unused.remove()
    return figure


def validation_figure(log: MetricsLog) -> Figure | None:
    """Tracking metrics in percent and identity switches, over epochs counted from 1."""
    present = [name for name in METRICS if name != "LocA" and f"val/{name}" in log]
    if not present:
        return None
    switches = "val/IDSW" in log
    over = "epoch" if "epoch" in log else "step"
    with styled():
        figure, panels = new_figure(1, 1 + switches)
        first = 1 if over == "epoch" else 0  # files count epochs from 0, people from 1
        for name in present:
            where, values = log.series(f"val/{name}", over)
            where = where + first
            panels[0].plot(where, 100 * values, color=COLOURS[METRICS[name]], label=name, marker="o", markersize=3.5)
        finish_panel(panels[0], "Validation, all sequences together", over, "percent")
        if switches:
            where, values = log.series("val/IDSW", over)
            panels[1].plot(where + first, values, color=COLOURS["vermillion"], marker="o", markersize=3.5)
            panels[1].set_ylim(bottom=0)
            finish_panel(panels[1], "Identity switches", over, "count", legend=False)
        for panel in panels:
            panel.locator_params(axis="x", integer=True)
    return figure


def _draw_raw(panel: Axes, *, losses: Mapping[str, Series]) -> None:
    from matplotlib.ticker import LogLocator

    parts = {task: series for task, series in losses.items() if task != "total"} or losses
    positive = min(float(values.min()) for _, values in parts.values()) > 0
    if positive:  # the tasks live on very different scales
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        panel.yaxis.set_minor_formatter("{x:g}")  # the default writes mathematics, which is not parsed here
        panel.grid(visible=True, which="minor", color=GRID, linewidth=0.3)
    _draw_lines(panel, parts)
    finish_panel(panel, "Loss of each task, before weighting", "step", "loss, log scale" if positive else "loss")


def _draw_weighted(panel: Axes, *, losses: Mapping[str, Series], weights: Mapping[str, Series]) -> None:
    """Loss times weight, where one row logged both."""
    lines: dict[str, Series] = {}
    for task in losses.keys() & weights.keys():
        common, of_loss, of_weight = np.intersect1d(losses[task][0], weights[task][0], return_indices=True)
        lines[task] = common, losses[task][1][of_loss] * weights[task][1][of_weight]
    if "total" in losses:
        lines["total"] = losses["total"]
    _draw_lines(panel, {task: lines[task] for task in TASKS if task in lines and len(lines[task][0])})
    finish_panel(panel, "What each task adds to the total", "step", "weighted loss")


def _draw_weights(panel: Axes, *, weights: Mapping[str, Series]) -> None:
    for task, series in weights.items():
        panel.plot(*thin(*series), color=COLOURS[TASKS[task]], label=task)
    finish_panel(panel, "Weight of each task in the total", "step", "weight")


def _draw_rates(panel: Axes, *, rates: Mapping[str, Series]) -> None:
    for (name, series), colour in zip(rates.items(), COLOURS.values(), strict=False):
        panel.plot(*series, color=colour, label=name, drawstyle="steps-post")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.set_ylim(bottom=0)
    finish_panel(panel, "Learning rate", "step", "learning rate", legend=len(rates) > 1)


def _draw_lines(panel: Axes, lines: Mapping[str, Series]) -> None:
    """A thin line of the values and, where they are many, a bold one through their running mean."""
    for task, series in lines.items():
        steps, values = thin(*series)
        colour = COLOURS[TASKS[task]]
        window = len(values) // 25
        if window < 3:
            panel.plot(steps, values, color=colour, label=task)
            continue
        panel.plot(steps, values, color=colour, linewidth=0.8, alpha=0.35)
        panel.plot(steps, running_mean(values, window), color=colour, label=task)


def thin(steps: Float, values: Float, most: int = MAX_POINTS) -> Series:
    """At most `most` points: neighbours are averaged."""
    if len(values) <= most:
        return steps, values
    edges = np.linspace(0, len(values), most + 1).astype(np.int64)
    counts = np.diff(edges)
    return np.add.reduceat(steps, edges[:-1]) / counts, np.add.reduceat(values, edges[:-1]) / counts


def running_mean(values: Float, window: int) -> Float:
    """Centred mean over `window` points, over fewer near the ends."""
    weights = np.ones(window)
    total = np.convolve(values, weights, mode="same")
    return np.asarray(total / np.convolve(np.ones_like(values), weights, mode="same"), np.float64)
