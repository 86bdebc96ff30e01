"""The report of a search of tracker settings: what it gained, what of that holds, and where it looked."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fairmot_pl import __version__
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.files import write_text
from fairmot_pl.reporting import page
from fairmot_pl.reporting.figures import to_svg
from fairmot_pl.reporting.tuning_plots import history_figure, plane_figure, slice_figure
from fairmot_pl.reporting.wording import figure_text
from fairmot_pl.tuning.outcome import TuningOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = {
    "history": "Objective over trials",
    "plane": "Objective over the two settings that matter most",
    "slices": "Objective over each setting",
}
"""What each of `search_figures` shows."""

SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN")


def write_tuning_report(
    path: Path, outcome: TuningOutcome, *, title: str, notes: Sequence[str], command: str, tracker_text: str
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        outcome: what came of the search.
        title: heading.
        notes: remarks shown at the top.
        command: how to use the tracker.
        tracker_text: its settings as YAML.
    """
    points = 100 * outcome.held_out_gain
    tiles = [
        ("held-out gain", f"{points:+.1f}", "points"),
        ("gain on what was searched", f"{100 * outcome.seen_gain:+.1f}", "points"),
        (f"start: {outcome.objective}", f"{100 * outcome.objective.value(outcome.start.overall):.1f}", "%"),
        ("trials", str(sum(len(fold.trials) for fold in outcome.folds)), ""),
    ]
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>Search of tracker settings for {outcome.objective}"
        "</p></header>",
        page.tiles(tiles),
        page.note(verdict(outcome)) if outcome.holds else page.warning(verdict(outcome)),
        *map(page.note, notes),
        page.section("Figures", _figures(outcome)),
        page.section("Folds", _folds(outcome)),
        page.section("Trials", *_pictures(outcome)),
        page.section("The tracker", page.folded("tracker.yaml", tracker_text), page.folded("use it", command)),
        f"<footer>Written by fairmot_pl {__version__}. This file needs nothing from outside.</footer>",
    ]
    write_text(path, page.page(title, body))


def verdict(outcome: TuningOutcome) -> str:
    """What to make of it, in one or two sentences."""
    gain, seen = 100 * outcome.held_out_gain, 100 * outcome.seen_gain
    figures = f"{outcome.objective}: {gain:+.1f} points on held-out sequences, {seen:+.1f} on those searched on"
    if outcome.holds:
        return f"{figures}. Count on the first figure for other videos."
    return (
        f"{figures}. Tuning did not help where it had not looked: keep the tracker that the search started from. "
        "More sequences, fewer settings or narrower ranges would make a search more trustworthy."
    )


def figures_text(outcome: TuningOutcome) -> str:
    """The figures as aligned plain text."""
    cells = _rows(outcome)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )


def trial_rows(outcome: TuningOutcome) -> tuple[list[str], list[list[str | float]]]:
    """Columns, and a row for every trial of every fold: where, what was tried, what came of it."""
    first = outcome.folds[0].trials[0]
    names, metrics = list(first.parameters), list(first.figures)
    rows: list[list[str | float]] = []
    for index, fold in enumerate(outcome.folds, start=1):
        for trial in fold.trials:
            settings = [trial.parameters[name] for name in names]
            rows.append([index, trial.number, trial.objective, *settings, *(trial.figures[m] for m in metrics)])
    return ["fold", "trial", "objective", *names, *metrics], rows


def trials_csv(outcome: TuningOutcome) -> str:
    """Every trial of every fold, in full precision."""
    stream = io.StringIO()
    columns, rows = trial_rows(outcome)
    csv.writer(stream, lineterminator="\n").writerows([columns, *rows])
    return stream.getvalue()


def search_figures(outcome: TuningOutcome) -> dict[str, Figure]:
    """How the search went, over trials and over the settings; those that there is something to show of."""
    folds, objective = [fold.trials for fold in outcome.folds], str(outcome.objective)
    drawn = {
        "history": history_figure(folds, objective),
        "plane": plane_figure(folds, objective),
        "slices": slice_figure(folds, objective),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _rows(outcome: TuningOutcome) -> list[list[str]]:
    def row(name: str, summary: Summary) -> list[str]:
        return [name, *(figure_text(metric, summary.overall[metric]) for metric in SHOWN)]

    return [
        ["all sequences", *SHOWN],
        row("start", outcome.start),
        row("tuned, held out", outcome.cross_validated),
        row("tuned, seen", outcome.best),
    ]


def _figures(outcome: TuningOutcome) -> str:
    header, *rows = _rows(outcome)
    value = outcome.objective.value
    by_sequence = [
        [
            name,
            *(f"{100 * value(summary.sequences[name]):.1f}" for summary in (outcome.start, outcome.cross_validated)),
            f"{100 * (value(outcome.cross_validated.sequences[name]) - value(outcome.start.sequences[name])):+.1f}",
        ]
        for name in outcome.start.sequences
    ]
    return (
        page.table(header, rows)
        + page.caption("Held out: each sequence tracked as the search that has not seen it says. HOTA to IDF1 in %.")
        + page.table([str(outcome.objective), "start", "tuned, held out", "gain"], by_sequence)
    )


def _folds(outcome: TuningOutcome) -> str:
    rows = []
    for index, fold in enumerate(outcome.folds, start=1):
        start = fold.trials[0].objective
        figures = [start, fold.best.objective, fold.start_held_out, fold.best_held_out]
        gain = 100 * (fold.best_held_out - fold.start_held_out)
        rows.append(
            [
                f"{index}, without {', '.join(fold.held_out)}",
                str(len(fold.trials)),
                *(f"{100 * figure:.1f}" for figure in figures),
                f"{gain:+.1f}",
            ]
        )
    return page.table(["fold", "trials", "start", "best", "start, held out", "best, held out", "held-out gain"], rows)


def _pictures(outcome: TuningOutcome) -> list[str]:
    return [page.plot(to_svg(figure, alt=PICTURES[name])) for name, figure in search_figures(outcome).items()]
