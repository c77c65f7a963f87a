"""Test the gradients of meta-learning, on quadratic losses whose answers are known and on a loss of fourth order."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import meta_learning

SHAPES = {"W": (2, 3), "b": (4,)}
RATE = 0.3


class Quadratic:
    """The loss (theta - c)' A (theta - c) / 2 of all parameters together, whose Hessian is A."""

    def __init__(self, rng, fourth=0.0):
        size = sum(int(np.prod(shape)) for shape in SHAPES.values())
        B = rng.standard_normal((size, size))
        self.A, self.c, self.fourth = B + B.T, rng.standard_normal(size), fourth

    def loss(self, params):
        x = flat(params) - self.c
        return x @ self.A @ x / 2 + self.fourth * (x**4).sum() / 4

    def __call__(self, params):
        x = flat(params) - self.c
        return shaped(self.A @ x + self.fourth * x**3)


def flat(arrays):
    return np.concatenate([arrays[name].ravel() for name in SHAPES])


def shaped(vector):
    W, b = np.split(vector, [6])
    return {"W": W.reshape(SHAPES["W"]), "b": b}


@pytest.fixture
def params(rng):
    return {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}


def test_a_step_leaves_the_parameters_as_they_are(rng, params):
    before, grads = flat(params).copy(), {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    stepped = meta_learning.inner_step(params, grads, RATE)
    np.testing.assert_allclose(flat(stepped), before - RATE * flat(grads))
    np.testing.assert_array_equal(flat(params), before)


@pytest.mark.parametrize("epsilon", [1e-3, 1.0])
def test_differences_are_exact_for_a_quadratic(rng, params, epsilon):
    loss, v = Quadratic(rng), shaped(rng.standard_normal(10))
    Hv = meta_learning.hessian_vector_product(loss, params, v, epsilon)
    np.testing.assert_allclose(flat(Hv), loss.A @ flat(v), atol=1e-9)


def test_the_error_of_differences_falls_with_the_square_of_epsilon(rng, params):
    loss, v = Quadratic(rng, fourth=1.0), shaped(rng.standard_normal(10))
    exact = loss.A @ flat(v) + 3 * (flat(params) - loss.c) ** 2 * flat(v)
    errors = [flat(meta_learning.hessian_vector_product(loss, params, v, h)) - exact for h in (0.02, 0.01)]
    np.testing.assert_allclose(errors[0], 4 * errors[1], atol=1e-8)
    assert np.abs(errors[1]).max() > 1e-6


def test_maml_on_quadratics_by_hand(rng, params):
    inner, outer = Quadratic(rng), Quadratic(rng)
    v = outer.A @ (flat(params) - RATE * flat(inner(params)) - outer.c)
    first_order = meta_learning.first_order_gradient(inner, outer, params, RATE)
    np.testing.assert_allclose(flat(first_order), v)
    gradient = meta_learning.maml_gradient(inner, outer, params, RATE, 0.1)
    np.testing.assert_allclose(flat(gradient), (np.eye(10) - RATE * inner.A) @ v, rtol=1e-6)


def test_the_gradient_of_maml_is_that_of_the_loss_after_the_step(rng, params):
    inner, outer = Quadratic(rng, fourth=0.1), Quadratic(rng, fourth=0.1)

    def loss_and_grads(params):
        loss = outer.loss(meta_learning.inner_step(params, inner(params), 0.05))
        return loss, meta_learning.maml_gradient(inner, outer, params, 0.05, 1e-5)

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)


def test_reptile_adds_the_gradients_along_the_way(rng, params):
    first, second = Quadratic(rng), Quadratic(rng)
    along = meta_learning.inner_step(params, first(params), RATE)
    gradient = meta_learning.reptile_gradient([first, second], params, RATE)
    np.testing.assert_allclose(flat(gradient), flat(first(params)) + flat(second(along)))


def test_float32_stays(params):
    single = {name: array.astype(np.float32) for name, array in params.items()}
    for grads in (
        meta_learning.maml_gradient(lambda p: p, lambda p: p, single, RATE, 0.1),
        meta_learning.reptile_gradient([lambda p: p], single, RATE),
    ):
        assert all(array.dtype == np.float32 for array in grads.values())
