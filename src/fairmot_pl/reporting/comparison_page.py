"""The comparison as one HTML file that needs no network: the answer first, then table, pictures and differences."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fairmot_pl import __version__
from fairmot_pl.files import write_text
from fairmot_pl.reporting import page
from fairmot_pl.reporting.comparison import TEST_IN_WORDS, ComparisonTable
from fairmot_pl.reporting.comparison_curves import curves_figure
from fairmot_pl.reporting.comparison_plots import cost_figure, heat_figure, quality_figure, settings_figure
from fairmot_pl.reporting.costs import COSTS, costs_of
from fairmot_pl.reporting.explanation import Explanation
from fairmot_pl.reporting.figures import to_svg
from fairmot_pl.reporting.grouping import RunGroup, short_keys
from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.verdicts import Verdict
from fairmot_pl.reporting.wording import figure_text, is_fraction, sentence, signed_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_NAME = "comparison.html"


def write_comparison_page(
    folder: Path, table: ComparisonTable, *, title: str, explanation: Explanation | None = None
) -> Path:
    """Write `comparison.html`.

    Args:
        folder: where it goes.
        table: the runs; the first of its metrics is the one that counts.
        title: heading of the page.
        explanation: where there are two runs, what makes them differ.

    Returns:
        The path of the page.

    Raises:
        OSError: it cannot be written.
    """
    results = table.without_keys() if explanation else table
    groups, metric = table.grouping.groups, next(iter(table.metrics), "")
    logs, problems = _read_logs(groups)
    costs = [costs_of(group.runs, found) for group, found in zip(groups, logs, strict=True)]
    runs, failed = len(table.runs), sum(run.failed for run in table.runs)
    subtitle = f"{_count(runs, 'run')} of {_count(len(groups), 'setting')}" + (f", {failed} failed" if failed else "")
    body = [
        f"<header><h1>{escape(title)}</h1><p class='subtitle'>{escape(subtitle)}</p></header>",
        page.note_lines(answer(table, metric)),
        page.note(explanation.headline()) if explanation else "",
        *map(page.warning, [*map(sentence, table.notes()), *problems]),
        page.section("Results", _html_table(results), page.caption(_legend(table))),
        page.section(
            "What comes of each setting",
            _svg(settings_figure(groups, metric), f"{metric} of each setting, seeds as dots"),
            _svg(heat_figure(groups, table.keys, metric), f"Heat map of {metric} over two settings"),
        ),
        page.section(
            "Detection or association", _svg(quality_figure(groups), "DetA against AssA with lines of equal HOTA")
        ),
        _cost_section(groups, costs, metric),
        _explained(explanation) if explanation else "",
        page.section("Differences to the best", *_differences(table)),
        page.section(
            "Over time",
            _svg(
                curves_figure([group.name for group in groups], logs), "Curves of each setting with bands of its seeds"
            ),
            page.caption("Lines are means over seeds, bands reach from the lowest to the highest seed.")
            if table.grouping.has_seeds and any(logs)
            else "",
        ),
        page.section("What differs in the configurations", _configurations(table)),
        page.section("All runs", page.folded("Show every run", table.of_runs().table().text()))
        if table.grouping.has_seeds
        else "",
        f"<footer>Written by fairmot_pl {__version__}. This file needs nothing from outside.</footer>",
    ]
    path = folder / PAGE_NAME
    write_text(path, page.page(title, body))
    return path


def answer(table: ComparisonTable, metric: str) -> list[str]:
    """Which setting is the best, and which others might be as good, in sentences; nothing where there is no best."""
    groups = table.grouping.groups
    verdicts = table.verdicts.get(metric, [])
    of_kind = (
        {
            kind: [group.name for group, verdict in zip(groups, verdicts, strict=True) if verdict.kind == kind]
            for kind in ("best", "noise", "worse", "untested")
        }
        if verdicts
        else {}
    )
    if not of_kind or not of_kind["best"]:
        return []
    short = metric.removeprefix("val/")
    best = next(group for group, verdict in zip(groups, verdicts, strict=True) if verdict.kind == "best")
    unit, spread = " %" if is_fraction(metric) else "", best.deviation(metric)
    value = figure_text(metric, best.mean(metric))
    if spread is not None:
        value += f" ± {figure_text(metric, spread)}{unit} over {_count(len(best.values(metric)), 'seed')}"
    else:
        value += unit
    lines = [f"Best by {short}: {' and '.join(of_kind['best'])}, {value}."]
    if of_kind["noise"]:
        lines.append(f"Within noise of it: {_names(of_kind['noise'])}.")
    if of_kind["worse"]:
        lines.append(f"Worse by more than noise: {_names(of_kind['worse'])}.")
    return lines


def _names(names: Sequence[str]) -> str:
    shown = "; ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown}; and {len(names) - 6} more"


def _legend(table: ComparisonTable) -> str:
    kinds = {verdict.kind for found in table.verdicts.values() for verdict in found}
    parts = ["± is the standard deviation over seeds."] if table.grouping.has_seeds else []
    parts += ["Bold with a star: best."] if "best" in kinds else []
    parts += [f"With a tilde: within noise of the best, {TEST_IN_WORDS}."] if "noise" in kinds else []
    return " ".join(parts)


def _html_table(table: ComparisonTable) -> str:
    found = table.table()
    ends = {"best": " *", "noise": " ~"}
    rows = [
        [
            page.Cell(cell.text + ends.get(cell.mark, ""), "problem" if name == "problem" else cell.mark)
            for name, cell in zip(found.header, row, strict=True)
        ]
        for row in found.rows
    ]
    short = dict(zip(table.keys, short_keys(table.keys), strict=True))
    header = [short.get(name, name.removeprefix("val/")) for name in found.header]
    return page.table(header, rows, figures=found.figures)


def _differences(table: ComparisonTable) -> list[str]:
    """For each metric that was tested, how far every setting is from the best; the first one open to view."""
    parts: list[str] = []
    for metric in table.metrics:
        verdicts = table.verdicts[metric]
        rows = [
            [group.name, *_difference_cells(metric, verdict)]
            for group, verdict in zip(table.grouping.groups, verdicts, strict=True)
            if verdict.kind in ("noise", "worse")
        ]
        if rows:
            best = table.grouping.groups[[verdict.kind for verdict in verdicts].index("best")].name
            short = metric.removeprefix("val/")
            unit = ", percent points" if is_fraction(metric) else ""
            header = [f"{short} beside {best}", f"mean over sequences{unit}", "95 % interval", "p", "verdict"]
            found = page.table(header, rows)
            parts.append(page.unfolding(short, found) if parts else found)
    if parts:
        parts.append(page.caption("p is adjusted for all pairs of settings; the intervals are not."))
    return parts


def _difference_cells(metric: str, verdict: Verdict) -> list[str]:
    low, high = signed_text(metric, verdict.low), signed_text(metric, verdict.high)
    said = "within noise" if verdict.kind == "noise" else "worse"
    p = "< 0.001" if verdict.p < 0.001 else f"{verdict.p:.3f}"
    return [signed_text(metric, verdict.difference), f"{low} to {high}", p, said]


def _cost_section(groups: Sequence[RunGroup], costs: Sequence[dict[str, float]], metric: str) -> str:
    """The costs that differ as picture and table; those that are the same for every setting in a sentence."""
    shown = {
        name: [f"{found[name] / COSTS[name].scale:.4g}" if name in found else "-" for found in costs]
        for name in COSTS
        if any(name in found for found in costs)
    }
    if not shown:
        return ""
    differing = {name: texts for name, texts in shown.items() if len(set(texts)) > 1}
    alike = [f"{COSTS[name].axis}: {texts[0]}" for name, texts in shown.items() if name not in differing]
    parts = []
    if differing:
        short = metric.removeprefix("val/")
        header = ["Setting", *(COSTS[name].axis for name in differing), f"{short} %" if is_fraction(metric) else short]
        names, figures = [group.name for group in groups], [figure_text(metric, group.mean(metric)) for group in groups]
        parts.append(_svg(cost_figure(groups, costs, metric), f"{short} over what each setting costs"))
        parts.append(page.table(header, list(zip(names, *differing.values(), figures, strict=True))))
    if alike:
        parts.append(page.caption(f"The same for every setting: {'; '.join(alike)}."))
    return page.section("Cost", *parts)


def _explained(explanation: Explanation) -> str:
    parts = [page.facts([("A", explanation.names[0]), ("B", explanation.names[1])])]
    for title, found in explanation.tables():
        parts.append(f"<h3>{escape(title)}</h3>")
        rows = [[cell.text for cell in row] for row in found.rows]
        parts.append(page.table(found.header, rows, figures=found.figures))
    if explanation.changed_files:
        parts.append(page.folded("Changed in the source between the commits", "\n".join(explanation.changed_files)))
    return page.section("A and B", *parts, *map(page.note, explanation.remarks()))


def _configurations(table: ComparisonTable) -> str:
    """The keys that differ, each with its values and who has them."""
    rows = []
    for key in table.keys:
        values: dict[str, int] = {}
        for group in table.grouping.groups:
            text = group.settings.get(key, "not there")
            values[text] = values.get(text, 0) + len(group.runs)
        rows.append((key, "; ".join(f"{value} ({_count(count, 'run')})" for value, count in values.items())))
    return page.facts(rows)


def _read_logs(groups: Sequence[RunGroup]) -> tuple[list[list[MetricsLog]], list[str]]:
    """The logs of each group's runs and what to say about broken ones."""
    logs: list[list[MetricsLog]] = []
    problems = []
    for group in groups:
        logs.append([])
        for run in group.runs:
            try:
                if (log := run.log()) is not None:
                    logs[-1].append(log)
            except (OSError, ValueError) as error:
                problems.append(f"The curves of {run.name} are left out: {error}")
    return logs, problems


def _svg(figure: Figure | None, alt: str) -> str:
    return page.plot(to_svg(figure, alt=alt)) if figure is not None else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
