"""Test the Viterbi algorithm against all assignments."""

import itertools

import numpy as np
import pytest

from numpy_sat.decoding.viterbi import viterbi


def value(scores, a, beta):
    return sum(scores[t, a[t]] for t in range(len(a))) + beta * sum(a[t] == a[t + 1] for t in range(len(a) - 1))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 50.0])
def test_no_assignment_is_better(rng, beta):
    for T, R in ((1, 3), (4, 3), (5, 2), (3, 1)):
        scores = rng.standard_normal((T, R))
        best = max(value(scores, a, beta) for a in itertools.product(range(R), repeat=T))
        assert value(scores, viterbi(scores, beta), beta) == pytest.approx(best, abs=1e-12)


def test_beta_lengthens_phrases(rng):
    scores = rng.standard_normal((30, 4))
    changes = [np.count_nonzero(np.diff(viterbi(scores, beta))) for beta in (0, 1, 3, 100)]
    assert changes == sorted(changes, reverse=True) and changes[0] > changes[-1] == 0
    np.testing.assert_array_equal(viterbi(scores, 0.0), scores.argmax(axis=1))
