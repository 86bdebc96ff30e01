from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fairmot_pl.tracking.assignment import assign

INF = np.inf


def best_by_trying_all(cost, limit):
    """Smallest sum of `cost - limit` over all partial one-to-one assignments, by recursion over the rows."""
    if not len(cost):
        return 0.0
    best = best_by_trying_all(cost[1:], limit)
    for column in np.flatnonzero(np.isfinite(cost[0])):
        rest = cost[1:].copy()
        rest[:, column] = INF
        best = min(best, cost[0, column] - limit + best_by_trying_all(rest, limit))
    return best


def value(cost, pairs, limit):
    return (cost[pairs[:, 0], pairs[:, 1]] - limit).sum()


@pytest.mark.parametrize(("rows", "columns"), list(product(range(6), repeat=2)))
def test_equals_the_optimum_found_by_trying_all(rows, columns):
    rng = np.random.default_rng(10 * rows + columns)
    for limit in (0.1, 0.4, 0.9):
        cost = rng.random((rows, columns))
        cost[rng.random(cost.shape) < 0.2] = INF
        pairs, free_rows, free_columns = assign(cost, limit)
        assert value(cost, pairs, limit) == pytest.approx(best_by_trying_all(cost, limit))
        assert (cost[pairs[:, 0], pairs[:, 1]] < limit).all()
        assert sorted([*pairs[:, 0], *free_rows]) == list(range(rows))
        assert sorted([*pairs[:, 1], *free_columns]) == list(range(columns))


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.7])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (25, 25)])
def test_equals_the_extended_square_problem(shape, limit):
    """What the reference's solver builds: a dummy partner at half the limit for every row and column."""
    rows, columns = shape
    cost = np.random.default_rng(rows).random(shape)
    square = np.full((rows + columns, rows + columns), limit / 2)
    square[rows:, columns:] = 0
    square[:rows, :columns] = cost
    first, second = linear_sum_assignment(square)
    real = (first < rows) & (second < columns)
    np.testing.assert_array_equal(assign(cost, limit)[0], np.stack([first[real], second[real]], axis=1))


def test_the_limit_takes_part_in_the_optimisation():
    # Filtering afterwards would solve for 0.3 + 0.5 < 0.05 + 0.9 and then drop the 0.5.
    cost = np.array([[0.05, 0.3], [0.5, 0.9]])
    pairs, free_rows, free_columns = assign(cost, 0.4)
    assert pairs.tolist() == [[0, 0]]
    assert free_rows.tolist() == [1]
    assert free_columns.tolist() == [1]


@pytest.mark.parametrize(
    "cost",
    [np.zeros((0, 3)), np.zeros((3, 0)), np.full((2, 3), INF), np.full((2, 3), 0.4)],
    ids=["no rows", "no columns", "all impossible", "all at the limit"],
)
def test_nothing_to_pair(cost):
    pairs, free_rows, free_columns = assign(cost, 0.4)
    assert pairs.shape == (0, 2)
    assert free_rows.tolist() == list(range(cost.shape[0]))
    assert free_columns.tolist() == list(range(cost.shape[1]))


def test_the_matrix_is_left_alone():
    cost = np.array([[0.1, INF]])
    before = cost.copy()
    assign(cost, 0.4)
    np.testing.assert_array_equal(cost, before)


def test_nan_is_an_error():
    with pytest.raises(ValueError, match="invalid numeric"):
        assign(np.array([[np.nan]]), 0.4)
