"""Pictures of a benchmark: how figures grow, and where the time goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairmot_pl.benchmarking.results import shown_time
from fairmot_pl.reporting.figures import COLOURS, INK, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Values over places."""

    label: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves with common axes.

    Args:
        title: what grows.
        across: name and unit of the places.
        up: name and unit of the values.
        curves: at least one.
        log: whether both axes are logarithmic.
    """

    title: str
    across: str
    up: str
    curves: list[Curve]
    log: bool = False


COLUMNS = 2
FEW = 4
"""So many measured places and more are not each marked on an axis."""
SMALL_SHARE = 0.06
"""Parts of a bar below this share are not named in it."""


def growth_figure(panels: Sequence[Panel]) -> Figure:
    """A panel each, two in a row."""
    with styled():
        figure, places = new_figure(-(-len(panels) // COLUMNS), COLUMNS, width=11.0, height=3.4, gap=0.06)
        for place, panel in zip(places, panels, strict=False):
            for curve, colour in zip(panel.curves, COLOURS.values(), strict=False):
                place.plot(curve.x, curve.y, marker="o", markersize=3.5, color=colour, label=curve.label)
            finish_panel(place, panel.title, panel.across, panel.up, legend=False)
            if panel.log:
                _logarithmic(place)
            else:
                place.set_ylim(bottom=0)
                measured = sorted({x for curve in panel.curves for x in curve.x})
                if len(measured) < FEW:  # 1 and 2 processes: there are none between
                    place.set_xticks(measured, [f"{x:g}" for x in measured])
            if len(panel.curves) > 1:
                place.legend(loc="best", fontsize=8)
        for place in places[len(panels) :]:
            place.set_axis_off()
    return figure


def _plain(value: float, place: int | None = None) -> str:
    """A number without an exponent, thousands apart."""
    return f"{value:,.0f}".replace(",", " ") if value >= 1 else f"{value:g}"


def _logarithmic(place: Axes) -> None:
    """Both axes logarithmic, with plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    place.set_xscale("log")
    place.set_yscale("log")
    for axis in (place.xaxis, place.yaxis):
        few = axis is place.yaxis and place.get_ylim()[1] < 100 * place.get_ylim()[0]
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())


def shares_figure(bars: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """A stacked bar a row, in shares of its sum; parts keep their colour over all bars.

    Args:
        bars: name of the bar to seconds by part; its sum stands beside the name.
        title: over the whole.
    """
    names = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    palette = colormaps["tab20"]
    colours = {name: palette(index % palette.N) for index, name in enumerate(names)}
    with styled():
        figure, (place,) = new_figure(1, 1, width=11.0, height=1.9 + 0.75 * len(bars))
        for row, bar in enumerate(bars.values()):
            total, left = sum(bar.values()), 0.0
            for name, seconds in bar.items():
                share = 100 * seconds / total
                place.barh(row, share, left=left, height=0.62, color=colours[name], edgecolor="white", linewidth=0.8)
                if share > 100 * SMALL_SHARE:
                    text = f"{name}\n{share:.0f} %"
                    place.text(left + share / 2, row, text, ha="center", va="center", fontsize=8, color=INK)
                left += share
        place.set_yticks(range(len(bars)), [f"{name}\n{shown_time(sum(bar.values()))}" for name, bar in bars.items()])
        place.invert_yaxis()
        place.set_xlim(0, 100)
        place.grid(visible=False)
        finish_panel(place, title, "percent of the time", "", legend=False)
        handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8)
    return figure
