"""Drawings: colours that stay, boxes that may lie anywhere, trails that do not grow."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from fairmot_pl.inference.drawing import Trails, draw_heatmap, draw_tracks
from fairmot_pl.inference.palette import OKABE_ITO, hex_colour, identity_colour, ink_on
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import Tracks


def tracks_of(boxes, ids=None) -> Tracks:
    count = len(boxes)
    return Tracks(
        ids=np.arange(1, count + 1) if ids is None else np.array(ids),
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        scores=np.ones(count),
        classes=np.zeros(count),
    )


def grey(height=120, width=160):
    return np.full((height, width, 3), 90, np.uint8)


def test_a_box_is_drawn_in_the_colour_of_its_identity_and_the_image_stays():
    image = grey()
    drawn = draw_tracks(image, tracks_of([[40, 50, 80, 110]], ids=[9]))
    assert (image == 90).all()
    np.testing.assert_array_equal(drawn[80, 40], identity_colour(9))
    np.testing.assert_array_equal(drawn[80, 80], identity_colour(9))
    np.testing.assert_array_equal(drawn[80, 60], (90, 90, 90))
    assert (drawn[30:50, 38:60] != 90).any(), "the label stands above the box"


def test_the_colour_of_an_identity_does_not_depend_on_its_neighbours():
    alone = draw_tracks(grey(), tracks_of([[40, 50, 80, 110]], ids=[5]))
    together = draw_tracks(grey(), tracks_of([[100, 50, 150, 110], [40, 50, 80, 110]], ids=[3, 5]))
    np.testing.assert_array_equal(alone[:, :90], together[:, :90])


@pytest.mark.parametrize(
    "box",
    [
        [-50, -50, 20, 30],
        [150, 100, 400, 300],
        [-1000, -1000, 5000, 5000],
        [-300, -300, -200, -200],
        [500, 500, 600, 600],
        [1e12, 1e12, 2e12, 2e12],
        [-3e38, -3e38, 3e38, 3e38],
        [30, 30, 30, 30],
        [60, 60, 20, 20],
    ],
)
def test_boxes_outside_the_image_are_no_trouble(box):
    trails = Trails()
    tracks = tracks_of([box], ids=[123456789])
    trails.update(tracks)
    trails.update(tracks_of([[10, 10, 20, 20]], ids=[123456789]))
    drawn = draw_tracks(grey(), tracks, trails=trails)
    assert drawn.shape == (120, 160, 3)
    assert drawn.dtype == np.uint8


def test_boxes_that_are_not_finite_are_skipped():
    drawn = draw_tracks(grey(), tracks_of([[np.nan, 0, 10, 10], [0, 0, np.inf, 10]]))
    np.testing.assert_array_equal(drawn, grey())


def test_no_tracks_leave_the_image_as_it_is():
    np.testing.assert_array_equal(draw_tracks(grey(), tracks_of([])), grey())


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (2160, 3840)])
def test_any_image_size_works(size):
    assert draw_tracks(grey(*size), tracks_of([[0, 0, 50, 60]])).shape == (*size, 3)


def test_lines_grow_with_the_image():
    def line_width(scale):
        drawn = draw_tracks(grey(300 * scale, 300 * scale), tracks_of([np.array([50, 100, 200, 250]) * scale]))
        return (drawn[200 * scale, : 100 * scale] != 90).any(axis=1).sum()

    assert line_width(1) < line_width(3) < line_width(6)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((3, 4, 5), np.uint8)]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="image has shape"):
        draw_tracks(image, tracks_of([]))
    with pytest.raises(ValueError, match="image has shape"):
        draw_heatmap(image, np.zeros((2, 2)))


def test_trails_keep_the_last_foot_points():
    trails = Trails(length=3)
    for step in range(5):
        trails.update(tracks_of([[step, 0, step + 10, 20 + step]], ids=[7]))
    np.testing.assert_array_equal(trails.points(7), [[7, 22], [8, 23], [9, 24]])
    assert trails.points(8).shape == (0, 2)


def test_trails_forget_what_is_gone():
    trails = Trails(length=3)
    trails.update(tracks_of([[0, 0, 10, 20]], ids=[1]))
    for remaining in (1, 1, 0, 0):
        trails.update(tracks_of([]))
        assert len(trails) == len(trails.points(1)) == remaining


def test_trails_stay_bounded_over_many_identities():
    trails = Trails(length=10)
    for step in range(2000):
        trails.update(tracks_of([[0, 0, 10, 20], [5, 5, 9, 9]], ids=[2 * step, 2 * step + 1]))
    assert len(trails) == 20


def test_a_trail_is_drawn_behind_its_track():
    trails = Trails()
    for step in range(10):
        now = tracks_of([[10 * step, 20, 10 * step + 20, 100]], ids=[2])
        trails.update(now)
    drawn = draw_tracks(grey(), now, trails=trails)
    assert (drawn[97:104, 20:80] != 90).any()
    assert (draw_tracks(grey(), now)[97:104, 20:80] == 90).all()


def test_trails_need_a_length():
    with pytest.raises(ValueError, match="a trail of 0 points"):
        Trails(length=0)


def test_the_heatmap_is_hot_where_its_peak_is():
    heat = np.zeros((30, 40), np.float32)
    heat[10, 25] = 1
    change = np.abs(draw_heatmap(grey(), heat).astype(int) - 90).sum(axis=2)
    assert np.unravel_index(change.argmax(), change.shape) == pytest.approx((41.5, 101.5), abs=1)
    assert (change[:30] == 0).all()


def test_the_heatmap_of_the_network_input_falls_on_the_image():
    letterbox = Letterbox((1080, 1920), (608, 1088))
    foot = np.array([[1200.0, 400.0, 1200.0, 400.0]])
    cell = (letterbox.to_input(foot)[0, :2] / 4).astype(int)
    heat = np.zeros((152, 272), np.float32)
    heat[cell[1], cell[0]] = 1
    change = np.abs(draw_heatmap(grey(1080, 1920), heat, letterbox=letterbox).astype(int) - 90).sum(axis=2)
    rows, columns = np.nonzero(change > 0.5 * change.max())
    assert abs(rows.mean() - 400) < 4 / letterbox.ratio / 2 + 1
    assert abs(columns.mean() - 1200) < 4 / letterbox.ratio / 2 + 1


@pytest.mark.parametrize(
    ("heat", "message"),
    [
        (np.zeros((1, 4, 4)), r"heatmap has shape \(1, 4, 4\); \(h, w\)"),
        (np.zeros((0, 4)), r"heatmap has shape \(0, 4\)"),
        (np.full((4, 4), -3.0), r"heatmap reaches from -3 to -3; \[0, 1\] is needed: apply the sigmoid"),
        (np.full((4, 4), 1.5), "heatmap reaches from 1.5 to 1.5"),
    ],
)
def test_a_senseless_heatmap_is_refused(heat, message):
    with pytest.raises(ValueError, match=message):
        draw_heatmap(grey(), heat)


def test_the_first_21_identities_can_be_told_apart():
    colours = np.array([identity_colour(identity) for identity in range(21)], np.float32)
    lab = cv2.cvtColor(colours[None] / 255, cv2.COLOR_RGB2Lab)[0]
    distances = [np.linalg.norm(one - other) for one, other in itertools.combinations(lab, 2)]
    assert min(distances) > 12, "CIE 1976 difference; about 2 is just noticeable"
    assert identity_colour(21) == identity_colour(0)


@pytest.mark.parametrize("identity", range(21))
def test_labels_can_be_read_on_their_colour(identity):
    def luminance(colour):
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(colour) / 255
        ]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    colour = identity_colour(identity)
    light, dark = sorted((luminance(colour), luminance(ink_on(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4.5, "WCAG AA"


def test_hex_colour():
    assert hex_colour(OKABE_ITO["blue"]) == "#0072b2"
