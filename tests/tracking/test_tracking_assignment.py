from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fairmot_pl.tracking.assignment import assign
from fairmot_pl.tracking.pairs import Pairs

INF = np.inf


def matches(cost, limit):
    """`(K, 2)` row and column of the matches in a matrix, by row."""
    found = assign(Pairs.of(cost), limit)
    return found[np.argsort(found[:, 0])]


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
        pairs = matches(cost, limit)
        assert value(cost, pairs, limit) == pytest.approx(best_by_trying_all(cost, limit))
        assert (cost[pairs[:, 0], pairs[:, 1]] < limit).all()
        assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs)


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
    np.testing.assert_array_equal(matches(cost, limit), np.stack([first[real], second[real]], axis=1))


def test_the_limit_takes_part_in_the_optimisation():
    # Filtering afterwards would solve for 0.3 + 0.5 < 0.05 + 0.9 and then drop the 0.5.
    cost = np.array([[0.05, 0.3], [0.5, 0.9]])
    assert matches(cost, 0.4).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "cost",
    [np.zeros((0, 3)), np.zeros((3, 0)), np.full((2, 3), INF), np.full((2, 3), 0.4)],
    ids=["no rows", "no columns", "all impossible", "all at the limit"],
)
def test_nothing_to_pair(cost):
    assert matches(cost, 0.4).shape == (0, 2)


def test_those_without_a_rival_and_those_with_are_solved_together():
    """A sparse crowd: most have one candidate, some share theirs; the optimum is that of the whole matrix."""
    rng = np.random.default_rng(3)
    cost = np.where(rng.random((120, 110)) < 0.015, rng.random((120, 110)), INF)
    np.fill_diagonal(cost, rng.uniform(0, 0.5, 110))
    gain = np.minimum(cost - 0.8, 0)
    first, second = linear_sum_assignment(gain)
    real = gain[first, second] < 0
    np.testing.assert_array_equal(matches(cost, 0.8), np.stack([first[real], second[real]], axis=1))


def test_the_order_of_pairs_does_not_matter():
    rng = np.random.default_rng(4)
    pairs = Pairs.of(rng.random((20, 15)))
    shuffled = pairs.where(rng.permutation(300))
    got, want = (assign(given, 0.6) for given in (shuffled, pairs))
    assert sorted(map(tuple, got.tolist())) == sorted(map(tuple, want.tolist()))
