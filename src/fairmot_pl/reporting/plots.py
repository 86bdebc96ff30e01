"""The figures of a run. Each function returns a matplotlib `Figure`, or None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.figures import COLOURS, GRID, MUTED, new_figure, styled
from fairmot_pl.reporting.metrics_log import MetricsLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]

TASKS = {
    "heatmap": "vermillion",
    "size": "orange",
    "offset": "sky",
    "detection": "blue",
    "reid": "green",
    "total": "purple",
}
"""Losses and their colours."""

METRICS = {
    "HOTA": "blue",
    "DetA": "orange",
    "AssA": "green",
    "LocA": "purple",
    "MOTA": "vermillion",
    "IDF1": "sky",
}
"""Tracking metrics and their colours."""

MAX_POINTS = 500
"""More points than this cannot be told apart; neighbours are averaged."""


def loss_figure(log: MetricsLog) -> Figure | None:
    """Raw losses, what each task adds to the total, the weights behind it, and the learning rate, over steps."""
    raw = [task for task in TASKS if f"train/loss/{task}" in log]
    if not raw:
        return None
    weighted = _weighted_losses(log)
    weights = {task: log.series(f"train/weight/{task}") for task in ("detection", "reid")}
    rates = log.names("lr")
    with styled():
        drawn = ["raw"]
        drawn += ["weighted"] * bool(weighted)
        drawn += ["weights"] * any(len(values) for _, values in weights.values())
        drawn += ["rate"] * bool(rates)
        figure, panels = new_figure(-(-len(drawn) // 2), min(2, len(drawn)))
        panel = dict(zip(drawn, panels, strict=False))
        for unused in panels[len(drawn) :]:
            unused.set_visible(False)
        _draw_losses(
            panel["raw"], {task: log.series(f"train/loss/{task}") for task in raw if task != "total"}
        )
        _finish(panel["raw"], "Loss of each task, before weighting", "step", "loss (log scale)")
        _log_scale_if_positive(panel["raw"])
        if "weighted" in panel:
            _draw_losses(panel["weighted"], weighted)
            _finish(panel["weighted"], "What each task adds to the total", "step", "weighted loss")
        if "weights" in panel:
            for task, (steps, values) in weights.items():
                panel["weights"].plot(*_thin(steps, values), color=COLOURS[TASKS[task]], label=task)
            _finish(panel["weights"], "Weight of each task in the total", "step", "weight")
        if "rate" in panel:
            for name, colour in zip(rates, COLOURS.values(), strict=False):
                panel["rate"].plot(*log.series(name), color=colour, label=name, drawstyle="steps-post")
            _finish(panel["rate"], "Learning rate", "step", "learning rate", legend=len(rates) > 1)
    return figure


def validation_figure(log: MetricsLog) -> Figure | None:
    """Tracking metrics in percent and identity switches, over epochs."""
    present = [name for name in METRICS if name != "LocA" and f"val/{name}" in log]
    if not present:
        return None
    switches = "val/IDSW" in log
    over = "epoch" if "epoch" in log else "step"
    with styled():
        figure, panels = new_figure(1, 1 + switches)
        for name in present:
            where, values = log.series(f"val/{name}", over)
            panels[0].plot(
                where, 100 * values, color=COLOURS[METRICS[name]], label=name, marker="o", markersize=3.5
            )
        _finish(panels[0], "Validation, all sequences together", over, "percent")
        if switches:
            where, values = log.series("val/IDSW", over)
            panels[1].plot(where, values, color=COLOURS["vermillion"], marker="o", markersize=3.5)
            panels[1].set_ylim(bottom=0)
            _finish(panels[1], "Identity switches", over, "count", legend=False)
        for panel in panels:
            panel.xaxis.get_major_locator().set_params(integer=True)
    return figure


def hota_figure(
    curves: Mapping[str, Mapping[str, Sequence[float]]], *, overall: str = "OVERALL"
) -> Figure | None:
    """HOTA and its parts over the localisation threshold: overall, and HOTA of each sequence."""
    if not curves:
        return None
    combined = overall if overall in curves else next(iter(curves))
    others = [name for name in curves if name != combined]
    with styled():
        figure, panels = new_figure(1, 1 + bool(others), height=3.4)
        for name in ("HOTA", "DetA", "AssA", "LocA"):
            if name in curves[combined]:
                _draw_alpha(panels[0], curves[combined], name, COLOURS[METRICS[name]], name)
        _finish_alpha(panels[0], f"HOTA and its parts, {combined}", "percent")
        if others:
            named = len(others) <= len(COLOURS)
            for index, name in enumerate(others):
                colour = list(COLOURS.values())[index] if named else MUTED
                _draw_alpha(panels[1], curves[name], "HOTA", colour, name if named else None)
            _finish_alpha(panels[1], "HOTA of each sequence", "HOTA, percent", legend=named)
    return figure


def sequence_figure(
    sequences: Mapping[str, Mapping[str, Any]], *, metrics: Sequence[str] = ("HOTA", "MOTA", "IDF1")
) -> Figure | None:
    """Bars of the main metrics for each sequence: is the mean the work of one video?"""
    metrics = [name for name in metrics if any(name in scores for scores in sequences.values())]
    if not sequences or not metrics:
        return None
    thickness = 0.8 / len(metrics)
    rows = np.arange(len(sequences))
    with styled():
        figure, (panel,) = new_figure(1, 1, height=1.1 + 0.2 * len(metrics) * len(sequences))
        lowest = 0.0
        for index, name in enumerate(metrics):
            values = np.array([100 * float(scores.get(name, np.nan)) for scores in sequences.values()])
            places = rows + (index - (len(metrics) - 1) / 2) * thickness
            panel.barh(
                places, np.nan_to_num(values), 0.9 * thickness, color=COLOURS[METRICS[name]], label=name
            )
            lowest = min(lowest, float(np.nanmin(values, initial=0.0)))
            for place, value in zip(places, values, strict=True):
                text = f"{value:.1f}" if np.isfinite(value) else "none"
                panel.annotate(
                    text, (max(0.0, np.nan_to_num(value)), place), (4, 0), textcoords="offset points", va="center",
                    fontsize=8, color=MUTED,
                )  # fmt: skip
        panel.set_yticks(rows, list(sequences))
        panel.invert_yaxis()
        panel.set_xlim(max(lowest * 1.05, -100), 106)
        panel.grid(visible=False, axis="y")
        panel.axvline(0, color=MUTED, linewidth=0.8)
        _finish(panel, "Each sequence", "percent", "", legend=False)
        figure.legend(loc="outside upper right", ncols=len(metrics))
    return figure


def _weighted_losses(log: MetricsLog) -> dict[str, tuple[Float, Float]]:
    """Loss times weight where both were logged in one row, and the total; empty without weights."""
    found = {}
    for task in ("detection", "reid"):
        steps, losses = log.series(f"train/loss/{task}")
        weight_steps, weights = log.series(f"train/weight/{task}")
        common, of_losses, of_weights = np.intersect1d(steps, weight_steps, return_indices=True)
        if len(common):
            found[task] = (common, losses[of_losses] * weights[of_weights])
    if found and "train/loss/total" in log:
        found["total"] = log.series("train/loss/total")
    return found


def _draw_losses(panel: Axes, losses: Mapping[str, tuple[Float, Float]]) -> None:
    """A thin line of the values and, where they are many, a bold one through their running mean."""
    for task, series in losses.items():
        steps, values = _thin(*series)
        colour = COLOURS[TASKS[task]]
        window = len(values) // 25
        if window < 3:
            panel.plot(steps, values, color=colour, label=task)
            continue
        panel.plot(steps, values, color=colour, linewidth=0.8, alpha=0.35)
        panel.plot(steps, _running_mean(values, window), color=colour, label=task)


def _draw_alpha(
    panel: Axes, curve: Mapping[str, Sequence[float]], name: str, colour: str, label: str | None
) -> None:
    panel.plot(curve["alpha"], 100 * np.asarray(curve[name], np.float64), color=colour, label=label)


def _finish_alpha(panel: Axes, title: str, unit: str, *, legend: bool = True) -> None:
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 102)
    _finish(panel, title, "localisation threshold α (IoU)", unit, legend=legend)


def _finish(panel: Axes, title: str, across: str, up: str, *, legend: bool = True) -> None:
    panel.set_title(title)
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    if legend:
        panel.legend()


def _log_scale_if_positive(panel: Axes) -> None:
    lowest = min(float(np.min(line.get_ydata())) for line in panel.get_lines())
    if lowest > 0:
        panel.set_yscale("log")
        panel.grid(visible=True, which="minor", color=GRID, linewidth=0.3)
    else:
        panel.set_ylabel("loss")


def _thin(steps: Float, values: Float) -> tuple[Float, Float]:
    """At most `MAX_POINTS` points: neighbours are averaged."""
    if len(values) <= MAX_POINTS:
        return steps, values
    edges = np.linspace(0, len(values), MAX_POINTS + 1).astype(np.int64)
    counts = np.diff(edges)
    return np.add.reduceat(steps, edges[:-1]) / counts, np.add.reduceat(values, edges[:-1]) / counts


def _running_mean(values: Float, window: int) -> Float:
    """Centred mean over `window` points, over fewer near the ends."""
    weights = np.ones(window)
    total = np.convolve(values, weights, mode="same")
    return np.asarray(total / np.convolve(np.ones_like(values), weights, mode="same"), np.float64)
