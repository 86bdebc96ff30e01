import numpy as np
import pytest

from fairmot_pl.inference.truth_scene import Looks, TruthScene
from fairmot_pl.mot_format import MotTable


def rows(*people):
    """`(frame, id, left, top, width, height, visibility)`."""
    return MotTable.from_rows(np.array([[*person[:6], 1, 1, person[6]] for person in people], float))


def test_who_stands_in_front_of_whom():
    back, front, apart = (2, 5, 100, 0, 40, 100, 1), (2, 3, 110, 20, 40, 100, 1), (2, 9, 400, 0, 40, 100, 1)
    frame = TruthScene(rows(apart, back, front, (1, 5, 0, 0, 9, 9, 1)), np.array([5, 9])).at(2)
    assert frame.ids.tolist() == [9, 5, 3]
    assert frame.hider.tolist() == [-1, 3, -1]
    assert frame.visible == pytest.approx([1, 1 - 0.75 * 0.8, 1])
    assert frame.counted.tolist() == [True, True, False]
    assert frame.row_of(3) == 2
    assert frame.row_of(4) is None
    assert frame.least_visible(9) == 0
    assert frame.least_visible(3) == 1  # who is hidden behind 3
    assert frame.least_visible(77) is None


def test_less_can_be_seen_where_the_annotation_says_so():
    people = (1, 1, 0, 0, 40, 100, 0.3), (1, 2, 200, 0, 40, 100, 0.9), (1, 3, 220, 1, 40, 100, 1)
    frame = TruthScene(rows(*people), np.array([1, 2, 3])).at(1)
    assert frame.visible == pytest.approx([0.3, 1 - 0.5 * 0.99, 1])
    assert frame.hider.tolist() == [-1, 3, -1]


def test_nobody_and_nothing():
    frame = TruthScene(rows((1, 1, 0, 0, 40, 100, 1)), np.array([1])).at(7)
    assert len(frame.ids) == len(frame.visible) == len(frame.hider) == 0
    assert len(frame.seats(np.zeros((3, 4)))) == 0
    assert TruthScene(rows((1, 1, 0, 0, 40, 100, 1)), np.array([1])).at(1).seats(np.zeros((0, 4))).tolist() == [-1]


def test_everybody_sits_on_one_detection():
    frame = TruthScene(rows((1, 1, 0, 0, 40, 100, 1), (1, 2, 100, 0, 40, 100, 1)), np.array([1, 2])).at(1)
    found = np.array([[101, 0, 141, 100], [0, 0, 40, 55], [1, 0, 41, 100], [100, 0, 120, 40]], float)
    assert frame.seats(found).tolist() == [2, 0]


def test_the_margin_is_the_mean_over_single_views():
    rng = np.random.default_rng(0)
    views = {person: rng.normal(person, 1, (5, 16)) for person in (1, 2)}
    looks = Looks()
    assert looks.margin(1, 2) is None
    for person, seen in views.items():
        seen /= np.linalg.norm(seen, axis=1, keepdims=True)
        for view in seen:
            looks.add(person, view.astype(np.float32))
    across = (views[1] @ views[2].T).mean()
    own = [(of @ of.T)[~np.eye(5, dtype=bool)].mean() for of in views.values()]
    assert looks.margin(1, 2) == pytest.approx(np.mean(own) - across, abs=1e-6)
    assert looks.margin(1, 3) is None
