"""Figures: they show what was logged, and stand on their own."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from fairmot_pl.reporting.figures import new_figure, to_png, to_svg
from fairmot_pl.reporting.metrics_log import MetricsLog, read_metrics
from fairmot_pl.reporting.page import page
from fairmot_pl.reporting.tracking_plots import hota_figure, sequence_figure
from fairmot_pl.reporting.training_plots import MAX_POINTS, loss_figure, validation_figure


def log_of(**columns) -> MetricsLog:
    named = {name.replace("__", "/"): np.array(values, np.float64) for name, values in columns.items()}
    return MetricsLog(columns=named, broken={})


def titles(figure) -> list[str]:
    return [panel.get_title(loc="left") for panel in figure.axes]


def line(panel, label):
    return next(drawn for drawn in panel.get_lines() if drawn.get_label() == label)


def test_losses_raw_weighted_weights_and_rate(metrics_csv):
    figure = loss_figure(read_metrics(metrics_csv))
    assert titles(figure) == [
        "Loss of each task, before weighting",
        "What each task adds to the total",
        "Weight of each task in the total",
        "Learning rate",
    ]
    raw, weighted, weights, _ = figure.axes
    assert raw.get_yscale() == "log"
    assert [text.get_text() for text in raw.get_legend().get_texts()] == [
        "heatmap",
        "size",
        "offset",
        "detection",
        "reid",
    ]
    assert [text.get_text() for text in weighted.get_legend().get_texts()] == ["detection", "reid", "total"]
    assert set(line(weights, "detection").get_ydata()) == {1.5}
    assert all(panel.get_xlabel() == "step" for panel in figure.axes)
    assert all(panel.get_ylabel() for panel in figure.axes)


def test_the_weighted_loss_is_loss_times_weight():
    log = log_of(
        step=[0, 1, 2],
        train__loss__detection=[3, 2, 1],
        train__weight__detection=[0.5, np.nan, 2],
        train__loss__total=[-1, -2, -3],
    )
    weighted = loss_figure(log).axes[1]
    np.testing.assert_allclose(line(weighted, "detection").get_xydata(), [[0, 1.5], [2, 2]])
    np.testing.assert_allclose(line(weighted, "total").get_ydata(), [-1, -2, -3])


def test_a_loss_that_is_not_positive_gets_a_linear_axis():
    assert loss_figure(log_of(step=[0, 1], train__loss__reid=[1, 0])).axes[0].get_yscale() == "linear"


def test_a_long_run_is_thinned_and_smoothed():
    steps = np.arange(100_000)
    values = 1 + np.random.default_rng(0).random(len(steps))
    raw = loss_figure(log_of(step=steps, train__loss__reid=values)).axes[0]
    faint, bold = raw.get_lines()
    assert len(faint.get_ydata()) == len(bold.get_ydata()) == MAX_POINTS
    assert np.std(bold.get_ydata()) < 0.5 * np.std(faint.get_ydata())
    assert np.mean(bold.get_ydata()) == pytest.approx(values.mean(), abs=0.01)
    assert abs(bold.get_ydata()[0] - 1.5) < 0.1, "the running mean does not sag at the ends"


def test_validation_is_in_percent_over_epochs_counted_from_1(metrics_csv):
    figure = validation_figure(read_metrics(metrics_csv))
    assert titles(figure) == ["Validation, all sequences together", "Identity switches"]
    expected = [[epoch + 1, 6 * epoch] for epoch in (1, 3, 5, 7, 9)]  # files count them from 0
    np.testing.assert_allclose(line(figure.axes[0], "HOTA").get_xydata(), expected)
    np.testing.assert_allclose(figure.axes[1].get_lines()[0].get_xdata(), [2, 4, 6, 8, 10])
    assert [panel.get_xlabel() for panel in figure.axes] == ["epoch", "epoch"]
    assert [panel.get_ylabel() for panel in figure.axes] == ["percent", "count"]


def test_hota_over_the_thresholds(summary):
    figure = hota_figure(summary.curves)
    assert titles(figure) == ["HOTA and its parts", "HOTA of each sequence"]
    drawn = line(figure.axes[0], "HOTA")
    np.testing.assert_allclose(drawn.get_xdata(), np.arange(0.05, 0.96, 0.05))
    np.testing.assert_allclose(drawn.get_ydata(), 100 * np.array(summary.curves["OVERALL"]["HOTA"]))
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == list(summary.sequences)


def test_one_sequence_needs_one_panel_and_many_need_no_names(summary):
    curve = summary.curves["OVERALL"]
    assert titles(hota_figure({"only": curve})) == ["HOTA and its parts, only"]
    many = hota_figure({"OVERALL": curve, **{f"S{index}": curve for index in range(30)}})
    assert many.axes[1].get_legend() is None
    assert len(many.axes[1].get_lines()) == 30


def test_bars_of_each_sequence_also_below_zero_and_without_a_number():
    figure = sequence_figure(
        {"good": {"HOTA": 0.6, "MOTA": 0.7}, "bad": {"HOTA": 0.1, "MOTA": -0.4}, "none": {"HOTA": np.nan}}
    )
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["good", "bad", "none"]
    texts = [text.get_text() for text in panel.texts]
    assert texts == ["60.0", "10.0", "no number", "70.0", "-40.0", "no number"]
    assert panel.get_xlim()[0] == pytest.approx(-42)


@pytest.mark.parametrize(
    ("plot", "nothing"),
    [
        (loss_figure, log_of(step=[1, 2])),
        (loss_figure, log_of(step=[1], train__loss__reid=[np.nan])),
        (validation_figure, log_of(step=[1, 2], epoch=[0, 0])),
        (hota_figure, {}),
        (sequence_figure, {}),
        (sequence_figure, {"A": {"FP": 3}}),
    ],
)
def test_nothing_to_show_gives_no_figure(plot, nothing):
    assert plot(nothing) is None


def test_an_svg_stands_on_its_own_and_follows_the_page(summary):
    svg = to_svg(sequence_figure(summary.sequences), alt='Bars, "quoted" <b>')
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'Bars, "quoted" <b>'
    assert root[0].text == 'Bars, "quoted" <b>', "the title comes first"
    texts = ["".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "A<b>&$x$" in texts, "names are text, never formulas"
    assert "var(--plot-blue, #0072b2)" in svg
    assert "var(--plot-ink, " in svg
    assert not re.search(r"(href|src)=[\"'](?!#)|url\((?!#)|<script|<!DOCTYPE", svg)


@pytest.mark.parametrize(("inches", "share"), [(9.6, "1"), (6.4, "0.667"), (11.0, "1")])
def test_a_narrow_figure_takes_its_share_of_the_page_so_that_type_is_of_one_size(inches, share):
    figure, _ = new_figure(1, 1, width=inches)
    assert ElementTree.fromstring(to_svg(figure, alt="x")).get("style") == f"--share: {share}"
    assert "width: calc(100% * var(--share, 1))" in page("title", [])


def test_an_svg_is_the_same_each_time(summary):
    one, other = (to_svg(hota_figure(summary.curves), alt="HOTA") for _ in range(2))
    assert one == other


def test_a_png_can_be_decoded(summary):
    png = cv2.imdecode(np.frombuffer(to_png(hota_figure(summary.curves), dpi=50), np.uint8), cv2.IMREAD_COLOR)
    assert png.shape[1] == 480
    assert (png[0, 0] == 255).all()


def test_figures_leave_matplotlib_as_it_was(summary):
    import matplotlib

    before = dict(matplotlib.rcParams)
    to_svg(hota_figure(summary.curves), alt="HOTA")
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
