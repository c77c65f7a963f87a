"""Tests of layers.attention: score, context, the complete attention, and the gate."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import attention

N, B, L, D, S, A = 2, 6, 5, 8, 4, 7

# The arguments of each function, with their axes.
SHAPES = {
    "score": {"keys": "NLA", "h": "BS", "W_h": "SA", "v": "A"},
    "context": {"alpha": "BL", "a": "NLD"},
    "attend": {"a": "NLD", "keys": "NLA", "h": "BS", "W_h": "SA", "v": "A"},
    "gate": {"z": "BD", "h": "BS", "w_beta": "S", "b_beta": "1"},
}
functions = pytest.mark.parametrize("name", SHAPES)


def pair(name):
    return getattr(attention, f"{name}_forward"), getattr(attention, f"{name}_backward")


def random_inputs(rng, name, **sizes):
    sizes = {"N": N, "B": B, "L": L, "D": D, "S": S, "A": A, "1": 1, **sizes}
    return {array: rng.standard_normal([sizes[s] for s in shape]) for array, shape in SHAPES[name].items()}


@functions
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"B": 2},  # one caption per image
        {"N": 1, "B": 3},
        {"N": 3, "B": 3, "L": 1},
        {"N": 1, "B": 1, "L": 2, "D": 1, "S": 1, "A": 1},
        {"S": 4, "A": 4, "D": 4, "L": 4, "B": 4},  # all matrices square: only the values show a missing transpose
    ],
    ids=str,
)
def test_gradients(rng, name, sizes):
    report = gradcheck.check_layer(*pair(name), random_inputs(rng, name, **sizes), rng)
    assert report.ok, str(report)


def slow_scores(keys, h, W_h, v):
    """Compute equation 4 for one location of one caption at a time."""
    e = np.empty((B, L))
    for b, i in np.ndindex(B, L):
        key = keys[b // (B // N), i]
        e[b, i] = sum(v[k] * math.tanh(key[k] + sum(h[b, s] * W_h[s, k] for s in range(S))) for k in range(A))
    return e


def slow_softmax(row):
    total = sum(math.exp(value) for value in row)
    return [math.exp(value) / total for value in row]


def slow_context(alpha, a):
    """Compute equation 6 of soft attention for one caption at a time."""
    return np.array([sum(alpha[b, i] * a[b // (B // N), i] for i in range(L)) for b in range(B)])


def test_score_is_the_definition(rng):
    inputs = random_inputs(rng, "score")
    e, _ = attention.score_forward(**inputs)
    np.testing.assert_allclose(e, slow_scores(**inputs), rtol=0, atol=1e-13)


def test_context_is_the_definition(rng):
    inputs = random_inputs(rng, "context")
    z, _ = attention.context_forward(**inputs)
    np.testing.assert_allclose(z, slow_context(**inputs), rtol=0, atol=1e-14)


def test_attend_is_the_definition(rng):
    inputs = random_inputs(rng, "attend")
    z, alpha, _ = attention.attend_forward(**inputs)
    a = inputs.pop("a")
    alpha_slow = np.array([slow_softmax(row) for row in slow_scores(**inputs)])
    np.testing.assert_allclose(alpha, alpha_slow, rtol=0, atol=1e-14)
    np.testing.assert_allclose(z, slow_context(alpha_slow, a), rtol=0, atol=1e-13)


def test_gate_is_the_definition(rng):
    z, h, w_beta, b_beta = random_inputs(rng, "gate").values()
    gated, _ = attention.gate_forward(z, h, w_beta, b_beta)
    for b in range(B):
        beta = 1 / (1 + math.exp(-(sum(h[b, s] * w_beta[s] for s in range(S)) + b_beta[0])))
        np.testing.assert_allclose(gated[b], beta * z[b], rtol=0, atol=1e-15)


@pytest.mark.parametrize("zero", ["v", "keys and h"])
def test_equal_scores_give_the_mean_annotation(rng, zero):
    inputs = random_inputs(rng, "attend")
    for array in zero.split(" and "):
        inputs[array] = np.zeros_like(inputs[array])
    z, alpha, _ = attention.attend_forward(**inputs)
    np.testing.assert_allclose(alpha, np.full((B, L), 1 / L), rtol=1e-15)
    np.testing.assert_allclose(z, np.repeat(inputs["a"].mean(axis=1), B // N, axis=0), rtol=0, atol=1e-15)


def test_all_attention_on_one_location_reads_its_annotation(rng):
    a = rng.standard_normal((N, L, D))
    locations = np.array([0, 4, 1, 2, 2, 3])
    z, _ = attention.context_forward(np.eye(L)[locations], a)
    np.testing.assert_array_equal(z, a[np.repeat(np.arange(N), B // N), locations])


def test_alpha_is_a_distribution(rng):
    _, alpha, _ = attention.attend_forward(**random_inputs(rng, "attend"))
    assert (alpha > 0).all()
    np.testing.assert_allclose(alpha.sum(axis=1), 1, rtol=1e-14)


@functions
def test_captions_of_one_image_can_share_its_arrays(rng, name):
    """Check that outputs equal those with one copy per caption, and gradients the sums over the copies."""
    forward, backward = pair(name)
    shared = random_inputs(rng, name)
    copied = {
        array: np.repeat(x, B // N, axis=0) if SHAPES[name][array][0] == "N" else x for array, x in shared.items()
    }
    *outputs, cache = forward(**shared)
    *outputs_copied, cache_copied = forward(**copied)
    upstream = [rng.standard_normal(output.shape) for output in outputs]
    for output, output_copied in zip(outputs, outputs_copied, strict=True):
        np.testing.assert_allclose(output, output_copied, rtol=0, atol=1e-13)
    grads, grads_copied = backward(*upstream, cache), backward(*upstream, cache_copied)
    for array, d, d_copied in zip(shared, grads, grads_copied, strict=True):
        if SHAPES[name][array][0] == "N":
            d_copied = d_copied.reshape(N, B // N, *d.shape[1:]).sum(axis=1)
        np.testing.assert_allclose(d, d_copied, rtol=0, atol=1e-12, err_msg=array)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_scores(rng, dtype):
    """Check that scores and gate inputs of +-1000 neither overflow nor give NaN."""
    a, keys, h, W_h, v = (x.astype(dtype) for x in random_inputs(rng, "attend").values())
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        z, alpha, cache = attention.attend_forward(a, 10 * keys, h, W_h, 1000 * v)
        grads = attention.attend_backward(np.ones_like(z), np.ones_like(alpha), cache)
        gated, gate_cache = attention.gate_forward(z, h, np.zeros(S, dtype), np.array([-1000], dtype))
        grads += attention.gate_backward(np.ones_like(z), gate_cache)
    assert all(np.isfinite(d).all() for d in grads)
    np.testing.assert_allclose(alpha.sum(axis=1), 1, rtol=1e-5)
    assert not gated.any()


@functions
def test_float32(rng, name):
    helpers.check_float32(*pair(name), random_inputs(rng, name), rng)
