"""Figures of an evaluation; None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.summary import OVERALL
from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]
Curve = Mapping[str, Sequence[float]]

METRICS = {
    "HOTA": "blue",
    "DetA": "orange",
    "AssA": "green",
    "LocA": "purple",
    "MOTA": "vermillion",
    "IDF1": "sky",
}
"""Tracking metrics and their colours."""


def hota_figure(curves: Mapping[str, Curve]) -> Figure | None:
    """HOTA and its parts over the localisation threshold: overall, and HOTA of each sequence."""
    if not curves:
        return None
    combined = OVERALL if OVERALL in curves else next(iter(curves))
    others = [name for name in curves if name != combined]
    with styled():
        figure, panels = new_figure(1, 1 + bool(others), height=3.4)
        for name in ("HOTA", "DetA", "AssA", "LocA"):
            if name in curves[combined]:
                _draw_alpha(panels[0], curves[combined], name, COLOURS[METRICS[name]], name)
        _finish_alpha(
            panels[0],
            "HOTA and its parts" if combined == OVERALL else f"HOTA and its parts, {combined}",
            "percent",
        )
        if others:
            _draw_sequences(panels[1], {name: curves[name] for name in others})
            _finish_alpha(panels[1], "HOTA of each sequence", "HOTA, percent", legend=False)
    return figure


def sequence_figure(
    sequences: Mapping[str, Mapping[str, Any]], *, metrics: Sequence[str] = ("HOTA", "MOTA", "IDF1")
) -> Figure | None:
    """Bars of the main metrics for each sequence: is the mean the work of one video?"""
    metrics = [name for name in metrics if any(name in scores for scores in sequences.values())]
    if not sequences or not metrics:
        return None
    rows = np.arange(len(sequences))
    thickness = 0.8 / len(metrics)
    lowest = 0.0
    with styled():
        figure, (panel,) = new_figure(1, 1, height=1.0 + 0.16 * len(metrics) * len(sequences))
        for index, name in enumerate(metrics):
            values = np.array([100 * float(scores.get(name, np.nan)) for scores in sequences.values()])
            _draw_bars(panel, name, values, rows + (index - (len(metrics) - 1) / 2) * thickness, 0.9 * thickness)
            lowest = min(lowest, float(np.nanmin(values, initial=0.0)))
        panel.set_yticks(rows, list(sequences))
        panel.invert_yaxis()
        panel.set_xlim(max(1.05 * lowest, -100), 106)
        panel.grid(visible=False, axis="y")
        panel.axvline(0, color=MUTED, linewidth=0.8)
        finish_panel(panel, "Each sequence", "percent", "")
    return figure


def _draw_bars(panel: Axes, name: str, values: Float, places: NDArray[np.floating], thickness: float) -> None:
    """Horizontal bars with their values beside them; a value that is no number says so."""
    lengths = np.nan_to_num(values)
    panel.barh(places, lengths, thickness, color=COLOURS[METRICS[name]], label=name)
    for place, length, value in zip(places, lengths, values, strict=True):
        text = f"{value:.1f}" if np.isfinite(value) else "no number"
        spot = (max(0.0, length), place)
        panel.annotate(text, spot, (4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED)


def _draw_alpha(
    panel: Axes,
    curve: Curve,
    name: str,
    colour: str,
    label: str | None,
    dashes: str = "-",
) -> None:
    values = 100 * np.asarray(curve[name], np.float64)
    panel.plot(curve["alpha"], values, color=colour, label=label, linestyle=dashes)


def _draw_sequences(panel: Axes, curves: Mapping[str, Curve]) -> None:
    """One line a sequence; too many for the palette are all grey and have no names."""
    looks = [(colour, dashes) for dashes in ("-", "--") for colour in COLOURS.values()]
    labelled = len(curves) <= len(looks)
    for index, (name, curve) in enumerate(curves.items()):
        colour, dashes = looks[index] if labelled else (MUTED, "-")
        _draw_alpha(panel, curve, "HOTA", colour, name if labelled else None, dashes)
    if labelled:
        panel.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)


def _finish_alpha(panel: Axes, title: str, unit: str, *, legend: bool = True) -> None:
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 102)
    finish_panel(panel, title, "localisation threshold (IoU)", unit, legend=legend)
