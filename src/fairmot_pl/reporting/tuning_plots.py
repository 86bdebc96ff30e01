"""Pictures of a search: how it went, and where in the space it was good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled
from fairmot_pl.tuning.search import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 8
"""Cells a side of the map of two settings."""

PREFERRED = (("score_threshold", "appearance_limit"), ("score_threshold", "first_iou_limit"))
"""Pairs that are worth a map: what is taken seriously against what is taken for the same person."""

Folds = Sequence[Sequence[Trial]]


def history_figure(folds: Folds, objective: str) -> Figure:
    """The objective of every trial, and the best so far, one colour a fold."""
    with styled():
        figure, (panel,) = new_figure(1, 1, height=3.4)
        for index, (trials, colour) in enumerate(zip(folds, _colours(len(folds)), strict=True), start=1):
            values = 100 * np.array([trial.objective for trial in trials])
            label = f"fold {index}" if len(folds) <= len(COLOURS) else None
            panel.scatter(range(len(values)), values, s=9, color=colour, alpha=0.5, linewidths=0)
            panel.plot(np.maximum.accumulate(values), color=colour, label=label)
            panel.axhline(values[0], color=colour, linewidth=0.8, linestyle=":")
        finish_panel(panel, "Trials, the best so far, and the start (dotted)", "trial", f"{objective}, percent")
    return figure


def plane_figure(folds: Folds, objective: str) -> Figure | None:
    """The best objective met in each cell of two settings, against the start of its fold."""
    names = numeric_settings(folds)
    pair = next((pair for pair in PREFERRED if set(pair) <= set(names)), tuple(names[:2]))
    if len(pair) < 2:
        return None
    across, up = (_values(folds, name) for name in pair)
    gains = _gains(folds)
    edges = [np.linspace(values.min(), values.max() + 1e-9, BINS + 1) for values in (across, up)]
    cells = np.full((BINS, BINS), np.nan)
    columns, rows = (np.digitize(values, edge) - 1 for values, edge in zip((across, up), edges, strict=True))
    for row, column, gain in zip(rows.clip(0, BINS - 1), columns.clip(0, BINS - 1), gains, strict=True):
        cells[row, column] = np.fmax(cells[row, column], gain)
    with styled():
        figure, (panel,) = new_figure(1, 1, width=6.4, height=4.6)
        shown = panel.pcolormesh(*edges, cells, cmap="cividis")
        panel.grid(visible=False)
        panel.scatter(across[:1], up[:1], marker="x", color=COLOURS["vermillion"], s=50, label="start")
        best = int(np.argmax(gains))
        panel.scatter(
            across[best : best + 1], up[best : best + 1], marker="*", color=COLOURS["vermillion"], s=70, label="best"
        )
        figure.colorbar(shown, ax=panel, label=f"best gain in {objective}, points")
        finish_panel(panel, f"{pair[0]} and {pair[1]} (x start, * best)", pair[0], pair[1], legend=False)
    return figure


def slice_figure(folds: Folds, objective: str) -> Figure | None:
    """Gain over the start of its fold against each setting."""
    names = numeric_settings(folds)
    if not names:
        return None
    gains = _gains(folds)
    colours = np.repeat(_colours(len(folds)), [len(trials) for trials in folds])
    columns = min(3, len(names))
    with styled():
        figure, panels = new_figure(-(-len(names) // columns), columns, height=2.6, gap=0.06)
        for panel, name in zip(panels, names, strict=False):
            values = _values(folds, name)
            panel.scatter(values, gains, s=9, c=colours.tolist(), alpha=0.6, linewidths=0)
            panel.axvline(values[0], color=MUTED, linewidth=0.8, linestyle=":")
            finish_panel(panel, name, "", f"{objective}, points", legend=False)
        for panel in panels[len(names) :]:
            panel.set_axis_off()
    return figure


def numeric_settings(folds: Folds) -> list[str]:
    """Searched settings that are numbers and were not always the same."""
    first = folds[0][0].parameters
    numbers = [name for name, value in first.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    return [name for name in numbers if np.ptp(_values(folds, name)) > 0]


def _values(folds: Folds, name: str) -> NDArray[np.float64]:
    return np.array([trial.parameters[name] for trials in folds for trial in trials], np.float64)


def _gains(folds: Folds) -> NDArray[np.float64]:
    """Points gained over the start of the same fold, which other folds are not to be compared with."""
    return np.array([100 * (trial.objective - trials[0].objective) for trials in folds for trial in trials])


def _colours(count: int) -> list[str]:
    palette = list(COLOURS.values())
    return [palette[index % len(palette)] for index in range(count)]
