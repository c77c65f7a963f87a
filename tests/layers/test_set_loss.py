"""Test the loss of a set of tags against all assignments, and its gradient."""

import itertools
import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import set_loss, softmax

K, N, V = 4, 3, 6
HIDDEN = np.array([[1.0, 1, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0]])  # 3, 3 and 1 places


@pytest.fixture
def tags(rng):
    return np.stack([rng.permutation(V)[:K] for _ in range(N)], axis=1)


def smallest_gap(logits, tags):
    """Return how much more the second best assignment costs than the best, at least."""
    gaps = []
    for n in range(N):
        places = np.flatnonzero(HIDDEN[:, n])
        costs = sorted(costs_of(logits, tags, n, places).values())
        gaps += [costs[1] - costs[0]] if len(costs) > 1 else []
    return min(gaps)


def costs_of(logits, tags, n, places):
    p, _ = softmax.softmax_forward(logits[places, n])
    return {
        order: sum(1 - p[k, tags[place, n]] for k, place in enumerate(order))
        for order in itertools.permutations(places)
    }


def test_by_hand():
    p = np.array([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4]])
    # the tags in the order 0, 1 cost 0.4 + 0.9, in the order 1, 0 they cost 0.7 + 0.5
    loss, _ = set_loss.set_loss_forward(np.log(p)[:, None], np.array([[0], [1]]), np.ones((2, 1)))
    assert loss == pytest.approx(-math.log(0.3) - math.log(0.5))
    # the cost is 1 - p, not - log p: 0.25 + 0.98 is less than 0.75 + 0.6, but 0.75 * 0.02 is less than 0.25 * 0.4
    p = np.array([[0.75, 0.25, 1e-9], [0.4, 0.02, 0.58]])
    loss, _ = set_loss.set_loss_forward(np.log(p)[:, None], np.array([[1], [0]]), np.ones((2, 1)))
    assert loss == pytest.approx(-math.log(0.75) - math.log(0.02))


def test_every_image_gets_its_best_assignment(rng, tags):
    for _ in range(10):
        logits = 2 * rng.standard_normal((K, N, V))
        targets = set_loss.match(logits, tags, HIDDEN)
        np.testing.assert_array_equal(targets[HIDDEN == 0], tags[HIDDEN == 0])
        for n in range(N):
            places = np.flatnonzero(HIDDEN[:, n])
            costs = costs_of(logits, tags, n, places)
            np.testing.assert_array_equal(targets[places, n], tags[list(min(costs, key=costs.get)), n])


def test_the_order_of_tags_does_not_matter(rng, tags):
    logits, hidden = rng.standard_normal((K, N, V)), np.ones((K, N))
    loss, cache = set_loss.set_loss_forward(logits, tags, hidden)
    other_loss, other_cache = set_loss.set_loss_forward(logits, tags[::-1], hidden)
    assert loss == other_loss
    gradient = set_loss.set_loss_backward(1.0, cache)
    np.testing.assert_array_equal(gradient, set_loss.set_loss_backward(1.0, other_cache))


def test_gradients(rng, tags):
    logits = rng.standard_normal((K, N, V))
    assert smallest_gap(logits, tags) > 1e-3  # at a tie the loss has a jump
    report = gradcheck.check_layer(
        set_loss.set_loss_forward, set_loss.set_loss_backward, {"logits": logits}, rng, {"tags": tags, "hidden": HIDDEN}
    )
    assert report.ok, str(report)


def test_float32_has_the_same_targets(rng, tags):
    logits = 2 * rng.standard_normal((K, N, V))
    loss, cache = set_loss.set_loss_forward(logits, tags, HIDDEN)
    loss_32, cache_32 = set_loss.set_loss_forward(logits.astype(np.float32), tags, HIDDEN.astype(np.float32))
    gradient = set_loss.set_loss_backward(1.0, cache_32)
    assert loss_32 == pytest.approx(loss, rel=1e-5) and gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, set_loss.set_loss_backward(1.0, cache), atol=1e-6)
