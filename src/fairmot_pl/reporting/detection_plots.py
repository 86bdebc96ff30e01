"""A figure of detection: precision over recall, and whom the network finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairmot_pl.evaluation.detection import BANDS
from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Mapping[str, Sequence[float]]

UNITS = {"height": "px high", "visibility": "visible"}
"""What stands behind the ends of a band."""


def detection_figure(curve: Curve, figures: Mapping[str, float]) -> Figure | None:
    """Precision and the score that is asked for over recall; AP of the bands. None where nothing was found.

    Args:
        curve: `recall`, `precision` and `score`, as `fairmot_pl.evaluation.detection.precision_recall` gives them.
        figures: overall figures; `AP50_height_*` and `AP50_visibility_*` are drawn where they are there.
    """
    if not any(value > 0 for value in curve.get("precision", ())):
        return None
    bands = {band_in_words(band.of, band.low, band.high): figures.get(f"AP50{band.suffix}") for band in BANDS[1:]}
    known = {words: value for words, value in bands.items() if value is not None}
    drawers: list[Callable[[Axes], None]] = [partial(_draw_curve, curve=curve)]
    if known:
        drawers.append(partial(_draw_bands, bands=known))
    with styled():
        figure, panels = new_figure(1, len(drawers), height=3.4)
        for panel, draw in zip(panels, drawers, strict=True):
            draw(panel)
    return figure


def average_precision(curve: Curve) -> float:
    """AP of a curve that gives precision, made monotonous, at COCO's 101 recalls: their mean."""
    return float(np.mean(curve["precision"]))


def band_in_words(of: str, low: float, high: float) -> str:
    """`50 to 100 px high`, `25 to 50 % visible` and so on."""
    if of == "visibility":
        low, high = 100 * low, 100 * min(high, 1)
    unit = ("% " if of == "visibility" else "") + UNITS[of]
    return f"{low:g} {unit} or more" if np.isinf(high) else f"{low:g} to {high:g} {unit}"


def _draw_curve(panel: Axes, *, curve: Curve) -> None:
    recall, precision, score = (100 * np.asarray(curve[name], np.float64) for name in ("recall", "precision", "score"))
    reached = precision > 0
    ends = [recall[reached][-1]]  # beyond the last recall that is reached there is nothing, not a slope to it
    panel.fill_between(recall[reached], precision[reached], color=COLOURS["blue"], alpha=0.12, linewidth=0)
    panel.plot(
        *(np.append(recall[reached], ends), np.append(precision[reached], 0)), color=COLOURS["blue"], label="precision"
    )
    panel.plot(recall[reached], score[reached], color=COLOURS["orange"], label="score needed", linestyle="--")
    panel.set_xlim(0, 100)
    panel.set_ylim(0, 102)
    title = f"Precision and recall at IoU 0.5: AP {100 * average_precision(curve):.1f} %"
    finish_panel(panel, title, "recall, percent", "percent")


def _draw_bands(panel: Axes, *, bands: Mapping[str, float]) -> None:
    places, lengths = np.arange(len(bands)), 100 * np.array(list(bands.values()))
    panel.barh(places, lengths, 0.66, color=COLOURS["blue"])
    for place, length in zip(places, lengths, strict=True):
        panel.annotate(
            *(f"{length:.1f}", (length, place), (4, 0)),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=MUTED,
        )
    panel.set_yticks(places, list(bands))
    panel.invert_yaxis()
    panel.set_xlim(0, 106)
    panel.grid(visible=False, axis="y")
    finish_panel(panel, "Whom it finds", "AP at IoU 0.5, percent", "", legend=False)
