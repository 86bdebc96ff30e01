import numpy as np
import pytest

from fairmot_pl.tracking.pairs import Pairs, around, every, nearby


@pytest.mark.parametrize(("windows", "points"), [(40, 50), (1, 400), (400, 1), (257, 257)])
@pytest.mark.parametrize("grid", [True, False])
def test_nearby_finds_exactly_the_points_in_each_window(windows, points, grid):
    """On a grid of whole numbers, many points lie on borders and on one another."""
    rng = np.random.default_rng(windows)
    low, size, at = (rng.uniform(0, 30, (count, 2)) for count in (windows, windows, points))
    if grid:
        low, size, at = low.round(), size.round(), at.round()
    high = low + size / 3
    rows, columns = nearby(low, high, at)
    inside = ((low[:, None] <= at) & (at <= high[:, None])).all(axis=2)
    assert (np.diff(rows) >= 0).all()
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == list(map(tuple, np.argwhere(inside).tolist()))


@pytest.mark.parametrize(("height", "width"), [(2, 3), (1, 256), (16, 16), (0, 0), (0, 400), (400, 0)])
def test_where_there_are_few_every_pair_is_worth_a_look(height, width):
    rows, columns = every(height, width)
    assert list(zip(rows, columns, strict=True)) == [(row, column) for row in range(height) for column in range(width)]


def test_where_there_are_many_they_are_sorted_out():
    assert every(1, 257) is every(16, 17) is None


@pytest.mark.parametrize(("windows", "points"), [(0, 0), (0, 400), (400, 0)])
def test_nobody_is_near_nobody(windows, points):
    rows, columns = nearby(np.zeros((windows, 2)), np.ones((windows, 2)), np.zeros((points, 2)))
    assert rows.shape == columns.shape == (0,)


def test_a_window_reaches_to_all_sides_of_its_middle():
    points = np.array([[9.0, 20], [11, 22], [12, 20], [10, 17]])
    rows, columns = around(np.array([[10.0, 20]]), np.array([[1.0, 2]]), points)
    assert (rows.tolist(), sorted(columns.tolist())) == ([0, 0], [0, 1])


def test_a_window_may_be_endless():
    everywhere = np.full((300, 2), np.inf)
    rows, _ = nearby(-everywhere, everywhere, np.zeros((2, 2)))
    assert len(rows) == 600


def test_a_matrix_and_back():
    matrix = np.array([[0.1, np.inf, 0.3], [np.inf, np.inf, 0.2]])
    pairs = Pairs.of(matrix)
    assert pairs.rows.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(pairs.matrix(np.arange(2), np.arange(3)), matrix)
    np.testing.assert_array_equal(
        pairs.where(pairs.costs < 0.25).matrix(np.array([1, 4]), np.array([2, 5])), [[0.2, np.inf], [np.inf, np.inf]]
    )


def test_pairs_are_picked_by_mask_or_index_and_another_mask_is_refused():
    pairs = Pairs(np.array([0, 0, 2]), np.array([1, 2, 0]), np.array([0.1, 0.2, 0.3]))
    for which in (np.array([True, False, True]), np.array([0, 2])):
        assert [column.tolist() for column in pairs.where(which)] == [[0, 2], [1, 0], [0.1, 0.3]]
    assert pairs.where(np.ones(3, bool)) is pairs
    for length in (2, 4):
        with pytest.raises(IndexError, match=f"a mask of {length} for 3 pairs"):
            pairs.where(np.ones(length, bool))
