"""The figures of detection, re-ID and time say what they were given."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation.detection import TruthBoxes, detection_figures, detection_record, precision_recall
from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.similarity import BINS, EDGES
from fairmot_pl.reporting.detection_plots import average_precision, band_in_words, detection_figure
from fairmot_pl.reporting.embedding_plots import MAX_PEOPLE, looks_figure, most_seen, similarity_figure
from fairmot_pl.reporting.stage_times import (
    MAX_STAGES,
    PhaseTimes,
    slowest_line,
    stage_figure,
    times_as_json,
    times_from_json,
)


def title(panel) -> str:
    return panel.get_title(loc="left")


def legend(panel) -> list[str]:
    return [text.get_text() for text in panel.get_legend().get_texts()]


@pytest.fixture
def record():
    """Four people, of whom three are found, with two false alarms in between."""
    boxes = np.array([[0, 0, 10, 60], [50, 0, 60, 150], [100, 0, 110, 60], [150, 0, 160, 60]], np.float64)
    truth = TruthBoxes(
        frames=np.ones(4, np.int64), boxes=boxes, ignored=np.zeros(4, bool), visibility=np.array([1, 1, 1, 0.9])
    )
    found = np.concatenate([boxes[:3], boxes[:2] + 500])
    return detection_record(truth, np.ones(5, np.int64), found, np.array([0.9, 0.7, 0.5, 0.8, 0.6], np.float32))


def test_the_curve_of_detection_ends_in_its_ap(record):
    figures, curve = detection_figures(record), precision_recall(record)
    assert average_precision(curve) == pytest.approx(figures["AP50"], abs=1e-12)
    left, right = detection_figure(curve, figures).axes
    assert title(left) == f"Precision and recall at IoU 0.5: AP {100 * figures['AP50']:.1f} %"
    drawn = left.get_lines()[0].get_xydata()
    np.testing.assert_allclose(drawn[0], [0, 100])
    np.testing.assert_allclose(drawn[-2:], [[75, 60], [75, 0]], err_msg="three of four, then nothing")
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["50 to 100 px high", "100 to 200 px high", "75 to 100 % visible"]
    assert [text.get_text() for text in right.texts][1] == f"{100 * figures['AP50_height_100-200']:.1f}"


@pytest.mark.parametrize(
    ("band", "words"),
    [
        (("height", 200, np.inf), "200 px high or more"),
        (("height", 0, 50), "0 to 50 px high"),
        (("visibility", 0.25, 0.5), "25 to 50 % visible"),
        (("visibility", 0.75, np.inf), "75 to 100 % visible"),
    ],
)
def test_bands_in_words(band, words):
    assert band_in_words(*band) == words


def test_nothing_found_is_no_curve():
    assert detection_figure({"recall": [0.0, 1.0], "precision": [0.0, 0.0], "score": [0.0, 0.0]}, {}) is None
    assert detection_figure({}, {}) is None


def test_histograms_have_the_area_of_all_pairs():
    counts = np.zeros((len(GAPS), 2, BINS), np.int64)
    counts[0, 0, 75:], counts[0, 1, 20:70] = 2, 3
    counts[2, :, 40] = 7
    counts[3, 0, 40] = 7  # nobody else at this gap
    panels = similarity_figure(counts, GAPS).axes
    assert [title(panel) for panel in panels] == ["1 frame apart: 0 % in common", "30 frames apart: 100 % in common"]
    assert legend(panels[0]) == ["two people", "one person"]
    for patch in panels[0].patches:
        values, edges, _ = patch.get_data()
        assert values.sum() == pytest.approx(100)
        np.testing.assert_array_equal(edges, EDGES)
    assert panels[0].get_xlabel() == "cosine similarity of two boxes"
    assert panels[0].get_ylabel() == "pairs, percent"


def test_a_hill_that_leaves_its_panel_says_how_high_it_is():
    counts = np.zeros((1, 2, BINS), np.int64)
    counts[0, 0, -1], counts[0, 1, :50] = 100, 2
    (panel,) = similarity_figure(counts, [1]).axes
    assert panel.get_ylim()[1] < 100
    assert [text.get_text() for text in panel.texts] == ["up to 100 %"]


def test_no_pairs_are_no_histogram():
    assert similarity_figure(np.zeros((len(GAPS), 2, BINS), np.int64), GAPS) is None


def made_map(boxes: list[tuple[int, int, int]]) -> EmbeddingMap:
    """Of (sequence, identity, how many)."""
    people = np.concatenate([np.tile([sequence, identity], (count, 1)) for sequence, identity, count in boxes])
    points = np.random.default_rng(0).normal(size=(len(people), 2))
    names = tuple(f"S{index}" for index in range(1 + max(sequence for sequence, _, _ in boxes)))
    return EmbeddingMap(
        points=points, sequences=people[:, 0], identities=people[:, 1], names=names, shares=np.array([0.61, 0.2])
    )


def test_one_person_one_colour_and_everybody_is_drawn():
    looks = made_map([(0, 7, 9), (1, 7, 5), (1, 8, 1)])
    by_person, by_sequence = looks_figure(looks).axes
    assert legend(by_person) == ["S0, id 7", "S1, id 7", "others"]
    assert legend(by_sequence) == ["S0", "S1"]
    drawn = {line.get_label(): line.get_xydata() for line in by_person.get_lines()}
    np.testing.assert_array_equal(drawn["S1, id 7"], looks.points[(looks.sequences == 1) & (looks.identities == 7)])
    assert sum(map(len, drawn.values())) == len(looks.points)
    assert len({(line.get_color(), line.get_marker()) for line in by_person.get_lines()}) == 3
    assert by_person.get_xlabel() == "first component, 61% of the variance"


def test_a_crowd_is_grey_but_for_those_seen_most():
    looks = made_map([(0, identity, 5 + identity) for identity in range(40)])
    (panel,) = looks_figure(looks).axes
    assert len(legend(panel)) == MAX_PEOPLE + 1
    assert most_seen(looks) == [(0, identity) for identity in range(40 - MAX_PEOPLE, 40)]


def test_stages_slowest_first_and_the_quick_ones_together():
    part = PhaseTimes(count=4, seconds={f"s{index}": float(index) for index in range(1, MAX_STAGES + 3)})
    slowest = part.slowest()
    assert list(slowest)[:2] == ["s10", "s9"]
    assert list(slowest)[-1] == "3 others"
    assert sum(slowest.values()) == part.total == 55
    assert PhaseTimes(count=1, seconds={"a": 1.0, "b": 2.0}).slowest() == {"b": 2.0, "a": 1.0}


def test_bars_are_milliseconds_a_step_or_a_frame():
    times = {
        "training": PhaseTimes(count=10, seconds={"backward": 3.0, "waiting for data": 1.0}),
        "validation": PhaseTimes(count=100, seconds={"network": 1.0}),
    }
    training, validation = stage_figure(times).axes
    assert [bar.get_width() for bar in training.patches] == pytest.approx([300, 100])
    assert [bar.get_width() for bar in validation.patches] == pytest.approx([10])
    assert training.get_xlabel() == "milliseconds a step"
    assert validation.get_xlabel() == "milliseconds a frame"
    assert "validation: 10 ms a frame, of which network takes 100%" in slowest_line(times)
    assert times_from_json(times_as_json(times)) == times


@pytest.mark.parametrize("times", [{}, {"training": PhaseTimes(count=0, seconds={"backward": 1.0})}])
def test_nothing_measured_is_no_figure(times):
    assert stage_figure(times) is None
    assert slowest_line(times) == ""
