"""Figures of a data sheet: who is in the data, how large, how long in view, how fast; None where nobody is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.statistics import DataSheet
from fairmot_pl.reporting.figures import COLOURS, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]

SIDES = {"train": ("blue", "training"), "val": ("orange", "validation")}
"""Colour and name of each side."""

MAX_BARS = 40
"""Sequences, or image sizes, that are drawn; a picture of more cannot be read."""

_BINS = 40


def people_figure(sheets: Mapping[str, DataSheet]) -> Figure | None:
    """Distributions over images, boxes, tracks and steps: people, height, width, visibility, length, motion."""
    if not any(len(each.boxes) for sheet in sheets.values() for each in sheet.sequences):
        return None
    heights = {side: sheet.box_side(3) for side, sheet in sheets.items()}
    widths = {side: sheet.box_side(2) for side, sheet in sheets.items()}
    lengths = {side: sheet.joined("track_lengths") for side, sheet in sheets.items()}
    motion = {side: 100 * sheet.joined("motion") for side, sheet in sheets.items()}
    people = {side: sheet.joined("people_per_image") for side, sheet in sheets.items()}
    visible = {side: 100 * sheet.joined("visibility") for side, sheet in sheets.items()}
    with styled():
        figure, panels = new_figure(3, 2, height=3.0, gap=0.07)
        _draw(panels[0], people, "People in an image", "people", "images, percent", whole=True)
        _draw(panels[1], visible, "Visible share of a box", "percent", "boxes, percent", ends=(0.0, 100.0))
        _draw(panels[2], heights, "Height of boxes", "pixels of the image, log scale", "boxes, percent", log=True)
        _draw(panels[3], widths, "Width of boxes", "pixels of the image, log scale", "boxes, percent", log=True)
        _draw(panels[4], lengths, "How long people are in view", "frames", "tracks, percent", whole=True)
        _draw(panels[5], motion, "Motion of box centres", "percent of its height a frame", "steps, percent")
    return figure


def sequences_figure(sheets: Mapping[str, DataSheet]) -> Figure | None:
    """Bars: identities of each video, and how many images have which size."""
    bars = {side: {each.name: each.identities for each in sheet.sequences} for side, sheet in sheets.items()}
    sizes = {
        side: {f"{width} x {height}": count for (height, width), count in sheet.image_sizes.items()}
        for side, sheet in sheets.items()
    }
    if not any(sizes.values()):
        return None
    rows = max(len(_names(bars)), len(_names(sizes)))
    with styled():
        figure, panels = new_figure(1, 2, height=1.3 + 0.26 * rows)
        _draw_bars(panels[0], bars, rows, "Identities of each sequence", "identities")
        _draw_bars(panels[1], sizes, rows, "Size of images, width x height", "images")
    return figure


def _draw(
    panel: Axes,
    values: Mapping[str, Float],
    title: str,
    across: str,
    up: str,
    *,
    log: bool = False,
    whole: bool = False,
    ends: tuple[float, float] | None = None,
) -> None:
    """Outlined histograms of both sides over common bins, in percent of each side."""
    edges = _edges(np.concatenate([np.zeros(0), *values.values()]), log=log, whole=whole, ends=ends)
    if edges is None:
        panel.text(0.5, 0.5, "nothing to show", transform=panel.transAxes, ha="center", va="center")
    else:
        for side, found in values.items():
            colour, name = SIDES[side]
            if len(found):
                counts = np.histogram(found.clip(edges[0], edges[-1]), edges)[0]
                panel.stairs(100 * counts / len(found), edges, color=COLOURS[colour], alpha=0.18, fill=True)
                panel.stairs(
                    100 * counts / len(found),
                    edges,
                    color=COLOURS[colour],
                    label=name,
                    linewidth=1.8,
                    linestyle="-" if side == "train" else "--",
                )
        if log:
            from matplotlib.ticker import LogLocator

            panel.set_xscale("log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter("")
        panel.set_ylim(bottom=0)
        panel.locator_params(axis="y", nbins=5)
    finish_panel(panel, title, across, up)


def _edges(values: Float, *, log: bool, whole: bool, ends: tuple[float, float] | None) -> Float | None:
    """Edges of bins; the last one takes what lies beyond 99.5 percent of the values."""
    if not len(values):
        return None
    if log:
        low, high = max(float(values.min()), 1.0), float(values.max()) * 1.01
        return np.asarray(np.geomspace(low, max(high, 1.2 * low), _BINS + 1), np.float64)
    low, high = ends or (0.0, float(np.quantile(values, 0.995)))
    if whole:
        step = max(1, int(np.ceil((high + 1) / _BINS)))
        return np.asarray(np.arange(0, int(high) + 1 + step, step) - 0.5, np.float64)
    return np.asarray(np.linspace(low, max(high, low + 1e-6), _BINS + 1), np.float64)


def _names(bars: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Names of both sides, the most frequent first where they are too many to draw."""
    total: dict[str, int] = {}
    for found in bars.values():
        for name, count in found.items():
            total[name] = total.get(name, 0) + count
    if len(total) <= MAX_BARS:
        return list(total)
    return sorted(total, key=lambda name: -total[name])[:MAX_BARS]


def _draw_bars(panel: Axes, bars: Mapping[str, Mapping[str, int]], rows: int, title: str, across: str) -> None:
    """Horizontal bars from the top, in a panel that has room for `rows` of them."""
    names = _names(bars)
    sides = [side for side, found in bars.items() if any(found.values())]
    thickness = 0.8 / max(1, len(sides))
    for place, side in enumerate(sides):
        colour, label = SIDES[side]
        where = np.arange(len(names)) + (place - (len(sides) - 1) / 2) * thickness
        lengths = np.array([bars[side].get(name, 0) for name in names], np.float64)
        panel.barh(where, lengths, 0.9 * thickness, color=COLOURS[colour], label=label)
        for spot, length in zip(where, lengths, strict=True):
            if length:
                panel.annotate(
                    f"{length:,.0f}", (length, spot), (3, 0), textcoords="offset points", va="center", fontsize=7.5
                )
    panel.set_yticks(range(len(names)), names, fontsize=8)
    panel.set_ylim(rows - 0.4, -0.6)
    panel.set_xlim(0, 1.12 * max([1, *(count for found in bars.values() for count in found.values())]))
    panel.locator_params(axis="x", integer=True, nbins=7)
    panel.grid(visible=False, axis="y")
    finish_panel(panel, title, across, "")
