"""Figures of several settings side by side; None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.inference.palette import hex_colour, ink_on
from fairmot_pl.reporting.costs import COSTS
from fairmot_pl.reporting.figures import COLOURS, GRID, INK, MUTED, finish_panel, new_figure, styled
from fairmot_pl.reporting.grouping import SEED, RunGroup, natural, short_keys
from fairmot_pl.reporting.wording import figure_text, is_fraction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]

NAMED = 12
"""More settings than this cannot be told apart by colour and marker; the others are grey and have no names."""


class Look(NamedTuple):
    """How a setting is drawn; colour never speaks alone."""

    colour: str
    marker: str
    dashes: str
    hollow: bool = False

    @property
    def marks(self) -> dict[str, Any]:
        """Marker as keywords of a plot."""
        return {"marker": self.marker, "markerfacecolor": "white" if self.hollow else self.colour}


def looks(count: int) -> list[Look]:
    """One look a setting; beyond `NAMED` they are alike."""
    names = list(COLOURS.values())
    apart = [
        Look(names[place % 6], "os^Dvp"[place % 6], ("-", "--")[place // 6], place >= 6)
        for place in range(min(count, NAMED))
    ]
    return apart + [Look(MUTED, ".", ":")] * (count - len(apart))


def settings_figure(groups: Sequence[RunGroup], metric: str = "val/HOTA") -> Figure | None:
    """A row a setting: each seed as a dot, their mean and one standard deviation."""
    shown = [(group, group.values(metric)) for group in groups if len(group.values(metric))]
    if len(shown) < 2:
        return None
    scale, unit = _unit(metric)
    with styled():
        figure, (panel,) = new_figure(1, 1, height=1.1 + 0.3 * len(shown))
        for row, ((group, values), look) in enumerate(zip(shown, looks(len(shown)), strict=True)):
            mean, deviation = scale * float(values.mean()), group.deviation(metric)
            if len(values) > 1:
                panel.plot(scale * values, np.full(len(values), row), ".", color=look.colour, alpha=0.6, markersize=7)
            error = scale * deviation if deviation is not None else 0
            panel.errorbar(mean, row, xerr=error, color=look.colour, markersize=8, capsize=4, **look.marks)
            text = figure_text(metric, float(values.mean()))
            panel.annotate(text, (mean, row), (0, 9), textcoords="offset points", ha="center", fontsize=8, color=INK)
        panel.set_yticks(range(len(shown)), [_cut(group.name) for group, _ in shown])
        panel.set_ylim(len(shown) - 0.5, -0.6)
        panel.grid(visible=False, axis="y")
        finish_panel(panel, f"{_short(metric)} of each setting", f"{_short(metric)}{unit}", "", legend=False)
    return figure


def heat_figure(groups: Sequence[RunGroup], keys: Sequence[str], metric: str = "val/HOTA") -> Figure | None:
    """The metric over the two settings with most values, averaged over all others."""
    axes = _two_axes(groups, keys)
    if axes is None:
        return None
    (across, columns), (up, rows) = axes
    cells: dict[tuple[str, str], list[float]] = {}
    settings: dict[tuple[str, str], int] = {}
    for group in groups:
        if across in group.settings and up in group.settings:
            place = group.settings[up], group.settings[across]
            cells.setdefault(place, []).extend(group.values(metric).tolist())
            settings[place] = settings.get(place, 0) + 1
    others = ", mean over the other settings" if max(settings.values(), default=1) > 1 else ""
    table = np.array([[np.mean(cells.get((row, column)) or [np.nan]) for column in columns] for row in rows])
    if np.isfinite(table).sum() < 3:
        return None
    scale, unit = _unit(metric)
    with styled():
        figure, (panel,) = new_figure(1, 1, height=1.5 + 0.4 * len(rows))
        mesh = panel.pcolormesh(scale * table, cmap="cividis", edgecolors="white", linewidth=2)
        for (row, column), value in np.ndenumerate(table):
            text = figure_text(metric, value) if np.isfinite(value) else "no figure"
            ink = hex_colour(ink_on(_rgb(mesh, scale * value))) if np.isfinite(value) else MUTED
            panel.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink, fontsize=10)
        panel.set_xticks(np.arange(len(columns)) + 0.5, [_cut(name, 18) for name in columns])
        panel.set_yticks(np.arange(len(rows)) + 0.5, [_cut(name, 18) for name in rows])
        panel.invert_yaxis()
        panel.grid(visible=False)
        panel.tick_params(length=0)
        bar = figure.colorbar(mesh, ax=panel, label=f"{_short(metric)}{unit}")
        bar.outline.set_visible(False)
        short_across, short_up = short_keys([across, up])
        finish_panel(
            panel, f"{_short(metric)} over {short_across} and {short_up}{others}", short_across, short_up, legend=False
        )
    return figure


def quality_figure(groups: Sequence[RunGroup]) -> Figure | None:
    """DetA against AssA with lines of equal HOTA: is a setting better at finding people or at knowing them?"""
    shown = [group for group in groups if len(group.values("val/DetA")) and len(group.values("val/AssA"))]
    if not shown:
        return None
    with styled():
        figure, (panel,) = new_figure(1, 1, height=4.6 + 0.08 * len(shown))
        for group, look in zip(shown, looks(len(shown)), strict=True):
            _draw_cross(panel, group, ("val/DetA", "val/AssA"), (100, 100), look)
        _draw_contours(panel)
        finish_panel(
            panel, "Detection and association, with lines of equal HOTA", "DetA, percent", "AssA, percent", legend=False
        )
        legend_below(figure, panel)
    return figure


def cost_figure(
    groups: Sequence[RunGroup], costs: Sequence[Mapping[str, float]], metric: str = "val/HOTA"
) -> Figure | None:
    """The metric over what each setting costs, one panel for each cost that differs."""
    kinds = [name for name in COSTS if len({found[name] for found in costs if name in found}) > 1]
    if not kinds or not any(len(group.values(metric)) for group in groups):
        return None
    scale, unit = _unit(metric)
    with styled():
        figure, panels = new_figure(1, len(kinds), height=3.4 + 0.08 * len(groups))
        for panel, name in zip(panels, kinds, strict=True):
            for group, found, look in zip(groups, costs, looks(len(groups)), strict=True):
                values = group.values(metric)
                if name in found and len(values):
                    where = found[name] / COSTS[name].scale, float(scale * values.mean())
                    error = scale * (group.deviation(metric) or 0) or None
                    _draw_point(panel, where, (None, error), look, group.name)
            panel.locator_params(axis="x", nbins=4)
            finish_panel(panel, COSTS[name].title, COSTS[name].axis, f"{_short(metric)}{unit}", legend=False)
        legend_below(figure, panels[0])
    return figure


def _draw_cross(
    panel: Axes, group: RunGroup, metrics: tuple[str, str], scales: tuple[float, float], look: Look
) -> None:
    """Mean and standard deviations of two metrics."""
    where = [float(scale * group.values(metric).mean()) for metric, scale in zip(metrics, scales, strict=True)]
    errors = [scale * (group.deviation(metric) or 0) or None for metric, scale in zip(metrics, scales, strict=True)]
    _draw_point(panel, (where[0], where[1]), (errors[0], errors[1]), look, group.name)


def _draw_point(
    panel: Axes, where: tuple[float, float], errors: tuple[float | None, float | None], look: Look, name: str
) -> None:
    """A marker with its errors across and up."""
    panel.errorbar(
        where[0],
        where[1],
        xerr=errors[0],
        yerr=errors[1],
        color=look.colour,
        markersize=9,
        **look.marks,
        linewidth=1.2,
        linestyle="none",
        label=_cut(name),
    )


def _draw_contours(panel: Axes) -> None:
    """Lines of equal HOTA, as the root of DetA times AssA, over the part of the plane that is shown."""
    spans = [panel.get_xlim(), panel.get_ylim()]
    wide = max(high - low for low, high in [*spans, (0.0, 4.0)]) * 1.1
    limits = [np.clip([(low + high - wide) / 2, (low + high + wide) / 2], -0.5, 100.5) for low, high in spans]
    across, up = np.meshgrid(*(np.linspace(max(low, 0), high, 60) for low, high in limits))
    hota = np.sqrt(across * up)
    step = next(step for step in (0.2, 0.5, 1, 2, 5, 10, 20) if np.ptp(hota) / step <= 9)
    lines = panel.contour(
        *(across, up, hota), np.arange(0, 100.1, step), colors=GRID, linewidths=1.1, linestyles="solid", zorder=0
    )
    panel.clabel(lines, fmt="%g", fontsize=8, colors=MUTED)
    panel.grid(visible=False)
    panel.set_xlim(*limits[0])
    panel.set_ylim(*limits[1])


def _two_axes(groups: Sequence[RunGroup], keys: Sequence[str]) -> list[tuple[str, list[str]]] | None:
    """The two keys with most values, most first, and these values in order; None with fewer than two such keys."""
    values = {
        key: sorted({group.settings[key] for group in groups if key in group.settings}, key=natural)
        for key in keys
        if key != SEED
    }
    usable = sorted((key for key in values if len(values[key]) > 1), key=lambda key: -len(values[key]))[:2]
    pairs = (
        {(group.settings.get(usable[0]), group.settings.get(usable[1])) for group in groups} if len(usable) > 1 else ()
    )
    if len(usable) < 2 or len(pairs) <= max(len(values[key]) for key in usable):  # two names of one axis
        return None
    return [(key, values[key]) for key in usable]


def legend_below(figure: Figure, panel: Axes) -> None:
    """One legend for all panels, below them, of what one of them shows; settings that look alike are not named."""
    handles, labels = panel.get_legend_handles_labels()
    handles, labels = handles[:NAMED], labels[:NAMED]
    columns = max(1, min(4, len(labels), 165 // (10 + max(map(len, labels), default=1))))
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, fontsize=8.5)


def _rgb(mesh: Any, value: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in mesh.cmap(mesh.norm(value))[:3])
    return red, green, blue


def _unit(metric: str) -> tuple[float, str]:
    return (100.0, ", percent") if is_fraction(metric) else (1.0, "")


def _short(metric: str) -> str:
    return metric.removeprefix("val/")


def _cut(text: str, length: int = 44) -> str:
    """A name that leaves room for the picture."""
    return text if len(text) <= length else text[: length - 1] + "…"
