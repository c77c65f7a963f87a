"""Test the Hungarian algorithm against all assignments, and against SciPy where it is installed."""

import itertools

import numpy as np
import pytest

from numpy_sat.layers import assignment


def value(cost, a):
    return cost[np.arange(len(cost)), list(a)].sum()


def best_value(cost):
    R, C = cost.shape
    return min(value(cost, a) for a in itertools.permutations(range(C), R))


def test_by_hand():
    # Column 0 is the cheapest for every row. Row 2 loses most without it: 3 against 1 and 2 for the next column.
    cost = np.array([[1.0, 2, 3], [2, 4, 6], [3, 6, 9]])
    np.testing.assert_array_equal(assignment.assign(cost), [2, 1, 0])
    # With a column of its own at cost 2, row 2 leaves column 0 to row 1.
    np.testing.assert_array_equal(assignment.assign(np.c_[cost, [9.0, 9, 2]]), [1, 0, 3])
    np.testing.assert_array_equal(assignment.assign(np.array([[5.0, -1]])), [1])
    assert assignment.assign(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_assignment_is_better(rng, dtype):
    shapes = [(R, C) for C in range(1, 6) for R in range(1, C + 1)]
    for R, C in 6 * shapes:
        for cost in (rng.standard_normal((R, C)), rng.integers(-2, 3, (R, C))):  # the second has ties
            cost = cost.astype(dtype)
            before, a = cost.copy(), assignment.assign(cost)
            assert len(set(a)) == R and 0 <= a.min() and a.max() < C
            assert value(cost, a) == pytest.approx(best_value(cost), abs=1e-5)
            np.testing.assert_array_equal(cost, before)


def test_a_hidden_permutation_is_found(rng):
    for n in (20, 60):
        permutation, u, v = rng.permutation(n), rng.standard_normal(n), rng.standard_normal(n)
        cost = u[:, None] + v + rng.random((n, n))  # potentials change no assignment, only their sums
        cost[np.arange(n), permutation] = (u[:, None] + v)[np.arange(n), permutation]
        np.testing.assert_array_equal(assignment.assign(cost), permutation)


def test_as_scipy(rng):
    optimize = pytest.importorskip("scipy.optimize")
    for shape in ((7, 7), (12, 30), (40, 40)):
        cost = rng.standard_normal(shape)
        np.testing.assert_array_equal(assignment.assign(cost), optimize.linear_sum_assignment(cost)[1])


def test_too_few_columns_are_refused():
    with pytest.raises(ValueError, match="3 rows cannot all have a column of their own among 2; transpose the costs"):
        assignment.assign(np.zeros((3, 2)))


def test_the_search_ends_for_numbers_that_are_not_finite():
    for number in (np.nan, np.inf, -np.inf):
        with np.errstate(invalid="ignore"):
            assert assignment.assign(np.full((4, 4), number)).shape == (4,)
