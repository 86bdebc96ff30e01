"""How figures look and how they leave: one style, self-contained SVG text or PNG bytes.

Matplotlib is imported on first use, without pyplot and without a display; no global state is left behind.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from fairmot_pl.inference.palette import OKABE_ITO, hex_colour
from fairmot_pl.reporting import page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2933", "#616e7c", "#d3dae2"

COLOURS = {name: hex_colour(colour) for name, colour in OKABE_ITO.items() if name != "yellow"}
"""The palette on a page: yellow lines cannot be seen on white."""

_THEMED = {INK: "ink", MUTED: "muted", GRID: "grid"} | {colour: name for name, colour in COLOURS.items()}
"""Colours that a page may exchange through CSS variables `--plot-*`, to follow its light or dark."""

PAGE_WIDTH = 9.6
"""Inches of a figure that is as wide as the page; narrower ones take their share of it, so that type is of one size."""

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.parse_math": False,  # a sequence may be called anything
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.columnspacing": 1.1,
    "legend.handlelength": 1.1,
    "legend.handletextpad": 0.5,
    "svg.fonttype": "none",  # text stays text: small, searchable, in the font of the page
}


@contextmanager
def styled() -> Iterator[None]:
    """Within this block figures are made in the style of the project."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        yield


def new_figure(
    rows: int, columns: int, *, width: float = PAGE_WIDTH, height: float = 3.1, gap: float = 0.02
) -> tuple[Figure, list[Axes]]:
    """A figure of `rows` x `columns` panels; `height` inches each row, `gap` the share of it left between rows."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height * rows), layout=ConstrainedLayoutEngine(hspace=gap))
    panels = figure.subplots(rows, columns, squeeze=False)
    return figure, [panel for line in panels for panel in line]


def finish_panel(panel: Axes, title: str, across: str, up: str, *, legend: bool = True) -> None:
    """Title, axes with their units, and a legend of what was drawn."""
    entries = len(panel.get_legend_handles_labels()[0]) if legend else 0
    panel.set_title(title, pad=22)
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    if entries:  # in a row between title and panel, where no curve can run into it
        panel.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=entries, borderaxespad=0)


def to_svg(figure: Figure, *, alt: str) -> str:
    """The figure as one `<svg>` element with `alt` as its description; it needs nothing from outside.

    The colours of the style become CSS variables with themselves as fallback: the text also stands as a file.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": alt}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' id="[A-Za-z0-9]+_\d+"', "", svg)  # nobody refers to these, and several figures share a page
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found.group()), svg)
    label, share = escape(alt, quote=True), min(1.0, figure.get_figwidth() / PAGE_WIDTH)
    opening = f'<svg role="img" aria-label="{label}" style="--share: {share:.3g}"'
    return svg.replace("<svg", opening, 1).replace(">", f"><title>{label}</title>", 1)


def plotted(figure: Figure | None, alt: str) -> str:
    """The figure as a part of a page; nothing for none."""
    return page.plot(to_svg(figure, alt=alt)) if figure is not None else ""


def to_png(figure: Figure, *, dpi: int = 150) -> bytes:
    """The figure as a PNG image on white."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def _variable(colour: str) -> str:
    return f"var(--plot-{_THEMED[colour]}, {colour})" if colour in _THEMED else colour
