"""The page of a comparison: complete, self-contained, and whole where something is missing."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from fairmot_pl.reporting.comparison import comparison_table
from fairmot_pl.reporting.comparison_curves import curves_figure, seed_band
from fairmot_pl.reporting.comparison_page import write_comparison_page
from fairmot_pl.reporting.comparison_plots import (
    NAMED,
    cost_figure,
    heat_figure,
    looks,
    quality_figure,
    settings_figure,
)
from fairmot_pl.reporting.costs import costs_of
from fairmot_pl.reporting.explanation import explain
from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.run_records import find_runs, read_run
from reporting.made_up_runs import write_run, write_sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("made_up") / "sweep", seeds=2)


@pytest.fixture(scope="module")
def table(sweep):
    return comparison_table(find_runs([sweep]))


class Checker(HTMLParser):
    """Collects addresses and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.headings: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data"}]
        self._in_heading = tag == "h2"

    def handle_data(self, data):
        if self._in_heading:
            self.headings.append(data)
            self._in_heading = False


def parsed(path: Path) -> Checker:
    checker = Checker()
    checker.feed(path.read_text())
    return checker


def test_the_page_has_all_parts_and_needs_no_network(table, tmp_path):
    path = write_comparison_page(tmp_path, table, title="A <sweep>")
    found = parsed(path)
    assert found.headings == [
        "Results",
        "What comes of each setting",
        "Detection or association",
        "Cost",
        "Differences to the best",
        "Over time",
        "What differs in the configurations",
        "All runs",
    ]
    assert all(address.startswith(("data:", "#")) for address in found.addresses)
    text = path.read_text()
    assert not re.search(r"url\((?!#)|@import|<script", text)
    assert "<h1>A &lt;sweep&gt;</h1>" in text
    assert "Best by HOTA: weighting=" in text
    assert "Worse by more than noise: weighting=fixed, reid_dim=16; weighting=uncertainty, reid_dim=16." in text
    assert text.count("<svg") == 5


def test_costs_that_do_not_differ_take_no_rows(tmp_path):
    for weighting in ("fixed", "uncertainty"):
        write_run(tmp_path / "s" / weighting, weighting=weighting)
    page = write_comparison_page(tmp_path, comparison_table(find_runs([tmp_path / "s"])), title="t").read_text()
    section = page.partition("<h2>Cost</h2>")[2].partition("</section>")[0]
    assert "<table" not in section
    assert "<svg" not in section
    assert (
        "The same for every setting: parameters, millions: 1.064; frames a second, network and tracker: 29;" in section
    )


def test_costs_that_differ_are_a_table(table, tmp_path):
    page = write_comparison_page(tmp_path, table, title="t").read_text()
    section = page.partition("<h2>Cost</h2>")[2].partition("</section>")[0]
    assert section.count("<tr>") == 7  # six settings
    assert "The same for every setting" not in section


def test_two_runs_are_explained_on_the_page(tmp_path):
    runs = find_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", dim=128, hota=0.5)])
    page = write_comparison_page(tmp_path, comparison_table(runs), title="t", explanation=explain(*runs, ["val/HOTA"]))
    assert "A and B" in parsed(page).headings
    assert "They differ in 1 setting; HOTA goes from" in page.read_text()


def test_a_page_of_failures_is_a_page(tmp_path):
    for name in "abc":
        (tmp_path / "s" / name).mkdir(parents=True)
        (tmp_path / "s" / name / "error.txt").write_text("out of memory")
    page = write_comparison_page(tmp_path, comparison_table(find_runs([tmp_path / "s"])), title="t")
    assert "failed: out of memory" in page.read_text()
    assert parsed(page).headings == ["Results"]


def test_runs_that_found_nobody_say_so_on_the_page(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path / f"seed-{seed}", hota=0.6, seed=seed)
        (tmp_path / f"seed-{seed}" / "metrics.json").write_text('{"val/HOTA": 0.0, "val/IDSW": 0.0}')
    page = write_comparison_page(tmp_path, comparison_table(find_runs([tmp_path])), title="none").read_text()
    assert (
        page.count("No run found anybody: val/HOTA is 0 in all; train longer, or lower tracker.score_threshold.") == 1
    )


def test_a_broken_log_costs_its_curves_alone(tmp_path):
    for dim in (32, 64):
        write_run(tmp_path / "s" / str(dim), dim=dim)
    (tmp_path / "s" / "32" / "metrics.csv").write_text("step,a\n1\n")
    page = write_comparison_page(tmp_path, comparison_table(find_runs([tmp_path / "s"])), title="t")
    assert "The curves of 32 are left out" in page.read_text()
    assert "Over time" in parsed(page).headings


def texts(figure) -> list[str]:
    figure.savefig(io.BytesIO(), format="svg")
    return [text.get_text() for text in figure.findobj(Text)]


def test_figures_have_units_and_name_every_setting(table):
    groups = table.grouping.groups
    shown = texts(settings_figure(groups))
    assert "HOTA, percent" in shown
    assert all(group.name in shown for group in groups)
    heat = texts(heat_figure(groups, table.keys))
    assert {"HOTA over reid_dim and weighting", "16", "64", "128", "fixed", "uncertainty"} <= set(heat)
    quality = texts(quality_figure(groups))
    assert {"DetA, percent", "AssA, percent"} <= set(quality)
    costs = [costs_of(group.runs, [run.log() for run in group.runs]) for group in groups]
    assert costs[0] == {"parameters": 1_016_000, "embedding_bytes": 64, "frames_per_second": 29.75}
    cost = texts(cost_figure(groups, costs))
    assert {"parameters, millions", "embedding, bytes", "HOTA, percent"} <= set(cost)


def test_a_heat_map_says_what_it_averages(tmp_path):
    for dim in (16, 64):
        for weighting in ("fixed", "uncertainty"):
            for rate in (0.1, 0.2):
                name = f"{dim}_{weighting}_{rate}"
                write_run(tmp_path / name, dim=dim, weighting=weighting, optimizer={"learning_rate": rate})
    found = comparison_table(find_runs([tmp_path]))
    assert any(
        text.endswith(", mean over the other settings")
        for text in texts(heat_figure(found.grouping.groups, found.keys))
    )


def test_without_two_axes_there_is_no_heat_map(tmp_path):
    for dim in (32, 64, 128):
        write_run(tmp_path / "s" / str(dim), dim=dim, name=f"dim{dim}")
    found = comparison_table(find_runs([tmp_path / "s"]))
    assert len(found.keys) == 2, "two keys, but one axis"
    assert heat_figure(found.grouping.groups, found.keys) is None


def test_nothing_to_show_is_no_figure(tmp_path):
    found = comparison_table([read_run(write_run(tmp_path / "a"))])
    assert settings_figure(found.grouping.groups) is None
    assert cost_figure(found.grouping.groups, [{}]) is None
    assert curves_figure(["a"], [[]]) is None


def test_a_band_holds_the_mean_of_its_seeds():
    logs = [
        MetricsLog(columns={"step": np.arange(n, dtype=float), "val": np.full(n, value)}, broken={})
        for n, value in ((10, 1.0), (8, 3.0))
    ]
    band = seed_band(logs, "val", "step")
    assert band.where.tolist() == list(range(8)), "where all seeds have been"
    assert (set(band.low), set(band.mean), set(band.high)) == ({1.0}, {2.0}, {3.0})
    assert seed_band(logs, "other", "step") is None


def test_looks_differ_in_more_than_colour():
    found = looks(NAMED)
    assert len({(look.marker, look.hollow) for look in found}) == NAMED
    assert len({look.colour for look in looks(NAMED + 3)[NAMED:]}) == 1
