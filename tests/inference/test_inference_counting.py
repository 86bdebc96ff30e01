"""Counting over lines and in areas, with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.inference.counting.areas import Line, Zone, areas_in, check_areas
from fairmot_pl.inference.counting.counter import Counter, Event
from fairmot_pl.inference.counting.drawing import draw_counts
from fairmot_pl.structures import Tracks

DOOR = Line("door", (0, 100), (200, 100))
"""Seen from left to right, `in` is down the image."""
HALL = Zone("hall", ((50, 50), (150, 50), (150, 150), (50, 150)))


def standing(places, height=40) -> Tracks:
    """Tracks whose foot points are given: id -> (x, y)."""
    return Tracks(
        ids=list(places),
        boxes=np.array([[x - 5, y - height, x + 5, y] for x, y in places.values()]).reshape(-1, 4),
        scores=np.ones(len(places)),
        classes=np.zeros(len(places)),
    )


def walk(area, path, identity=3):
    """Counts after one track walked along some points, None where it was not seen; and what happened."""
    counter = Counter([area])
    events = [event for point in path for event in counter.update(standing({} if point is None else {identity: point}))]
    return counter.counts[area.name], [event.kind for event in events]


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ([(50, 80), (50, 90), (50, 110)], ["in"]),
        ([(50, 120), (50, 80)], ["out"]),
        ([(50, 80), (50, 120), (50, 80), (50, 120)], ["in", "out", "in"]),
        ([(50, 80), (50, 99), (50, 101), (50, 99), (50, 101), (50, 80)], []),  # trembles on the line
        ([(50, 80), (50, 101), (50, 99), (50, 101), (50, 103), (50, 130)], ["in"]),
        ([(50, 80), (50, 100), (50, 120)], ["in"]),  # stops on it
        ([(50, 80), (50, 100), (50, 100), (50, 80)], []),
        ([(50, 80), None, None, (50, 120)], ["in"]),  # not seen while it crosses
        ([(250, 80), (250, 120)], []),  # past the end of the line
        ([(50, 80), (250, 80), (250, 120), (50, 120)], []),  # round the end
        ([(50, 80), (250, 80), (250, 120), (50, 120), (50, 80)], ["out"]),
        ([(50, 130), (50, 101), (50, 100.5)], []),
        ([(50, 101), (50, 120), (50, 90)], ["out"]),  # begins nearly on it
        ([(50, 120)], []),
    ],
)
def test_over_a_line(path, kinds):
    counts, happened = walk(DOOR, path)
    assert happened == kinds
    assert counts == {"in": kinds.count("in"), "out": kinds.count("out")}


def test_the_direction_of_a_line_says_which_way_is_in():
    assert walk(Line("door", (200, 100), (0, 100)), [(50, 80), (50, 120)])[0] == {"in": 0, "out": 1}
    upright = Line("gate", (100, 0), (100, 200))  # downwards: its right-hand side is on the left of the image
    assert walk(upright, [(120, 50), (80, 50)])[0] == {"in": 1, "out": 0}


@pytest.mark.parametrize(
    ("path", "kinds", "inside"),
    [
        ([(20, 100), (60, 100), (100, 100)], ["entered"], 1),
        ([(20, 100), (100, 100), (190, 100)], ["entered", "left"], 0),
        ([(100, 100), (100, 110)], [], 1),  # was there from the start
        ([(100, 100), (190, 100)], ["left"], 0),
        ([(20, 100), (49, 100), (51, 100), (49, 100), (51, 100)], [], 0),
        ([(20, 100), (100, 100), None], ["entered"], 0),  # nobody is seen now
        ([(20, 100), (190, 100)], [], 0),  # through it between two frames
    ],
)
def test_in_an_area(path, kinds, inside):
    counts, happened = walk(HALL, path)
    assert happened == kinds
    assert counts == {"entered": kinds.count("entered"), "left": kinds.count("left"), "inside": inside}


def test_everyone_counts_for_themselves():
    counter = Counter([DOOR, HALL])
    counter.update(standing({1: (100, 80), 2: (100, 120), 5: (100, 30)}))
    events = counter.update(standing({1: (100, 120), 2: (100, 80), 5: (100, 40)}))
    assert events == [Event("door", "in", 1, (100, 120)), Event("door", "out", 2, (100, 80))]
    assert counter.counts == {"door": {"in": 1, "out": 1}, "hall": {"entered": 0, "left": 0, "inside": 2}}


def test_a_crowd_of_known_numbers():
    """40 people cross at random places and times, some walk back; the answer is counted beside."""
    random = np.random.default_rng(4)
    starts, turns = random.integers(0, 30, 40), random.random(40) < 0.3
    columns = random.uniform(10, 190, 40)
    counter = Counter([DOOR])
    for frame in range(120):
        seen = {}
        for person in range(40):
            step = frame - starts[person]
            away = 4 * step if not turns[person] or step < 25 else 4 * (50 - step)
            if 0 <= step < 50 and away > -60:
                seen[person + 1] = (columns[person] + random.normal(0, 0.3), 50 + away + random.normal(0, 0.3))
        counter.update(standing(seen))
    assert counter.counts["door"] == {"in": 40, "out": int(turns.sum())}


def test_absent_tracks_are_forgotten():
    counter = Counter([DOOR, HALL], remembered=10)
    for frame in range(200):
        counter.update(standing({frame: (50, 80), frame + 1: (60, 80)}))
    assert all(len(tally.walkers) <= 21 for tally in counter._tallies)


def test_a_large_body_needs_a_large_step_and_a_small_area_a_small_one():
    counter = Counter([DOOR])
    for y in (80, 104, 80, 104):
        assert not counter.update(standing({1: (50, y)}, height=100)), "a twentieth of the height is five pixels"
    assert walk(Zone("mat", ((98, 98), (102, 98), (102, 102), (98, 102))), [(90, 100), (100, 100)])[1] == ["entered"]


def test_pixels_and_fractions():
    line, zone = areas_in({"door": [0.1, 0.5, 0.9, 0.5], "hall": [[10, 20], [60, 20], [60, 70]]}, (100, 200))
    assert line == Line("door", (20, 50), (180, 50))
    assert zone == Zone("hall", ((10, 20), (60, 20), (60, 70)))
    assert areas_in(None, (10, 10)) == areas_in({}, (10, 10)) == []


@pytest.mark.parametrize(
    "given", [5, "here", [1, 2, 3], [1, 2, 3, "4"], [[1, 2], [3, 4]], [[1, 2], [3, 4], [5]], [1, 2, 3, True], None, {}]
)
def test_what_is_no_area_is_refused(given):
    with pytest.raises(ValueError, match=r"count\.door is .*; expected a line \[x1, y1, x2, y2\], or a polygon"):
        check_areas({"door": given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0, 0, 1.5, 0], "less than 2 pixels large; numbers are pixels, or fractions"),
        ([50, 50, 50, 50], "less than 2 pixels large"),
        ([[10, 10], [20, 20], [30, 30]], "less than 2 pixels large"),
        ([300, 10, 400, 10], r"outside of the image \(200x100 pixels\)"),
        ([-30, 10, -10, 10], "outside of the image"),
    ],
)
def test_areas_that_do_not_fit_the_image_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        areas_in({"door": given}, (100, 200))


def test_lines_areas_and_counts_are_drawn():
    canvas = np.full((200, 200, 3), 90, np.uint8)
    draw_counts(canvas, [DOOR, HALL], {"door": {"in": 3, "out": 0}, "hall": {"entered": 1, "left": 0, "inside": 1}})
    assert canvas[100, 5].min() > 200, "the line"
    assert canvas[107, 100].min() > 200, "the arrow goes down, to the right of the line"
    assert 90 < canvas[130, 130, 0] < 160, "the veil"
    assert (canvas[180, 180] == 90).all()
