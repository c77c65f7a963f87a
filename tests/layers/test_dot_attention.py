"""Tests of layers.dot_attention: keys, score, context and the complete attention, with one head and several."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import attention, dot_attention

# G heads. All sizes differ, so that confused axes are noticed.
G, N, B, L, D, S, K = 3, 2, 8, 5, 9, 6, 7

# The arguments of each function, with their axes.
SHAPES = {
    "keys": {"a": "NLD", "W_k": "GDK"},
    "score": {"keys": "GNLK", "h": "BS", "W_q": "GSK"},
    "context": {"alpha": "GBL", "a": "NLD", "W_v": "GDK"},
    "attend": {"a": "NLD", "keys": "GNLK", "h": "BS", "W_q": "GSK", "W_v": "GDK"},
}
functions = pytest.mark.parametrize("name", SHAPES)


def pair(name):
    return getattr(dot_attention, f"{name}_forward"), getattr(dot_attention, f"{name}_backward")


def random_inputs(rng, name, **sizes):
    sizes = {"G": G, "N": N, "B": B, "L": L, "D": D, "S": S, "K": K, **sizes}
    return {array: rng.standard_normal([sizes[s] for s in shape]) for array, shape in SHAPES[name].items()}


@functions
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"G": 1},
        {"B": 2},  # one caption per image
        {"N": 1, "B": 4},
        {"N": 3, "B": 3, "L": 1},
        {"G": 1, "N": 1, "B": 1, "L": 2, "D": 1, "S": 1, "K": 1},
        {"G": 3, "N": 3, "B": 3, "L": 3, "D": 3, "S": 3, "K": 3},  # only the values show a missing transpose
    ],
    ids=str,
)
def test_gradients(rng, name, sizes):
    report = gradcheck.check_layer(*pair(name), random_inputs(rng, name, **sizes), rng)
    assert report.ok, str(report)


def test_values_and_keys_of_different_size(rng):
    inputs = random_inputs(rng, "attend")
    inputs["W_v"] = rng.standard_normal((G, D, 2))
    report = gradcheck.check_layer(*pair("attend"), inputs, rng)
    assert report.ok, str(report)


def slow_attend(a, keys, h, W_q, W_v):
    """Compute the attention for one caption and one head at a time.

    Returns:
        z: (B, heads K).
        alpha: (heads, B, L).
    """
    heads, images, locations, K = keys.shape
    z, alpha = np.empty((len(h), heads, W_v.shape[2])), np.empty((heads, len(h), locations))
    for g, b in np.ndindex(heads, len(h)):
        n = b // (len(h) // images)
        query = [sum(h[b, s] * W_q[g, s, k] for s in range(h.shape[1])) for k in range(K)]
        e = [sum(query[k] * keys[g, n, i, k] for k in range(K)) / math.sqrt(K) for i in range(locations)]
        total = sum(math.exp(score) for score in e)
        alpha[g, b] = [math.exp(score) / total for score in e]
        values = [a[n, i] @ W_v[g] for i in range(locations)]
        z[b, g] = sum(alpha[g, b, i] * values[i] for i in range(locations))
    return z.reshape(len(h), -1), alpha


@pytest.mark.parametrize("heads", [1, G])
def test_attend_is_the_definition(rng, heads):
    inputs = random_inputs(rng, "attend", G=heads)
    z, alpha, cache = dot_attention.attend_forward(**inputs)
    z_slow, alpha_slow = slow_attend(**inputs)
    np.testing.assert_allclose(cache.softmax.p, alpha_slow, rtol=0, atol=1e-14)
    np.testing.assert_allclose(alpha, alpha_slow.mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(z, z_slow, rtol=0, atol=1e-13)
    assert z.shape == (B, heads * K) and alpha.shape == (B, L)


def test_keys_are_the_definition(rng):
    a, W_k = random_inputs(rng, "keys").values()
    keys, _ = dot_attention.keys_forward(a, W_k)
    for g, n in np.ndindex(G, N):
        np.testing.assert_allclose(keys[g, n], a[n] @ W_k[g], rtol=0, atol=1e-14)


def test_one_head_by_hand():
    """Check scores ln 3 and 0, which give alpha 3/4 and 1/4. The keys differ by 2 ln 3 in one of four components."""
    a, keys = np.array([[[4.0, 0], [0, 8]]]), np.zeros((1, 1, 2, 4))
    keys[0, 0, 0, 0] = 2 * np.log(3)
    W_v = np.array([[[1.0, 0, 0, 0], [0, 1, 0, 0]]])
    z, alpha, _ = dot_attention.attend_forward(a, keys, np.ones((1, 1)), np.ones((1, 1, 4)), W_v)
    np.testing.assert_allclose(alpha, [[0.75, 0.25]], rtol=0, atol=1e-15)
    np.testing.assert_allclose(z, [[3, 2, 0, 0]], rtol=0, atol=1e-14)


def test_two_heads_by_hand():
    """Check two heads that attend to different locations: their mean is uniform, and z concatenates their contexts."""
    a, ln3 = np.array([[[4.0], [8]]]), np.log(3)
    keys = np.array([[ln3, 0], [0, ln3]]).reshape(2, 1, 2, 1)
    W_q, W_v = np.ones((2, 1, 1)), np.array([1.0, 10]).reshape(2, 1, 1)
    z, alpha, cache = dot_attention.attend_forward(a, keys, np.ones((1, 1)), W_q, W_v)
    np.testing.assert_allclose(z, [[5, 70]], rtol=0, atol=1e-13)
    np.testing.assert_allclose(alpha, [[0.5, 0.5]], rtol=0, atol=1e-15)
    np.testing.assert_allclose(cache.softmax.p, [[[0.75, 0.25]], [[0.25, 0.75]]], rtol=0, atol=1e-15)

    # If only the first half of z has a gradient, nothing reaches the second head.
    gradients = dot_attention.attend_backward(np.array([[1.0, 0]]), np.zeros((1, 2)), cache)
    expected = [0.75, 0.25], [-0.75, 0.75, 0, 0], [-0.75 * ln3], [-0.75 * ln3, 0], [5, 0]
    for gradient, values in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient.ravel(), values, rtol=0, atol=1e-14)

    # The gradient of the mean is split equally between the two heads.
    _, dkeys, *_ = dot_attention.attend_backward(np.zeros((1, 2)), np.array([[2.0, 0]]), cache)
    np.testing.assert_allclose(dkeys.ravel(), [0.1875, -0.1875, 0.1875, -0.1875], rtol=0, atol=1e-15)


@pytest.mark.parametrize("zero", ["W_q", "keys", "h"])
def test_equal_scores_give_the_mean_value(rng, zero):
    inputs = random_inputs(rng, "attend")
    inputs[zero] = np.zeros_like(inputs[zero])
    z, alpha, _ = dot_attention.attend_forward(**inputs)
    np.testing.assert_allclose(alpha, np.full((B, L), 1 / L), rtol=1e-15)
    mean = np.repeat(inputs["a"].mean(axis=1), B // N, axis=0)
    np.testing.assert_allclose(z, np.concatenate([mean @ W for W in inputs["W_v"]], axis=1), rtol=0, atol=1e-13)


def test_a_bias_of_the_keys_would_change_nothing(rng):
    inputs = random_inputs(rng, "attend")
    z, alpha, _ = dot_attention.attend_forward(**inputs)
    inputs["keys"] = inputs["keys"] + rng.standard_normal((G, 1, 1, K))
    z_biased, alpha_biased, _ = dot_attention.attend_forward(**inputs)
    np.testing.assert_allclose(alpha_biased, alpha, rtol=0, atol=1e-13)
    np.testing.assert_allclose(z_biased, z, rtol=0, atol=1e-12)


def test_scores_do_not_grow_with_the_size_of_a_head(rng):
    """Check that keys and queries of variance 1 give scores of variance 1."""
    for size in (4, 400):
        keys, h = rng.standard_normal((1, 50, 20, size)), rng.standard_normal((100, size))
        e, _ = dot_attention.score_forward(keys, h, np.eye(size)[None])
        assert abs(e.std() - 1) < 0.2


def test_heads_are_independent(rng):
    """Check that several heads equal as many attentions with one head: z is concatenated, alpha averaged."""
    inputs = random_inputs(rng, "attend")
    z, alpha, _ = dot_attention.attend_forward(**inputs)
    head_arrays = {name: inputs[name] for name in ("keys", "W_q", "W_v")}
    separate = [
        dot_attention.attend_forward(**{**inputs, **{name: x[g : g + 1] for name, x in head_arrays.items()}})
        for g in range(G)
    ]
    np.testing.assert_allclose(z, np.concatenate([z_g for z_g, *_ in separate], axis=1), rtol=0, atol=1e-13)
    np.testing.assert_allclose(alpha, np.mean([alpha_g for _, alpha_g, _ in separate], axis=0), rtol=0, atol=1e-15)


def test_context_equals_that_of_the_mlp_score(rng):
    """Check that with one head and the annotations as values, the same alpha gives the same z."""
    inputs = random_inputs(rng, "attend", G=1)
    z, alpha, _ = dot_attention.attend_forward(**{**inputs, "W_v": np.eye(D)[None]})
    np.testing.assert_allclose(z, attention.context_forward(alpha, inputs["a"])[0], rtol=0, atol=1e-14)


def test_it_equals_torchs(rng):
    torch = pytest.importorskip("torch")
    inputs = random_inputs(rng, "attend")
    dz = rng.standard_normal((B, G * K))
    tensors = {name: torch.tensor(x, requires_grad=True) for name, x in inputs.items()}
    query = torch.einsum("bs,gsk->bgk", tensors["h"], tensors["W_q"]).reshape(N, B // N, G, K).swapaxes(1, 2)
    values = torch.einsum("nld,gdk->nglk", tensors["a"], tensors["W_v"])
    z_torch = torch.nn.functional.scaled_dot_product_attention(query, tensors["keys"].swapaxes(0, 1), values)
    z_torch = z_torch.swapaxes(1, 2).reshape(B, G * K)
    z_torch.backward(torch.tensor(dz))

    z, alpha, cache = dot_attention.attend_forward(**inputs)
    np.testing.assert_allclose(z, z_torch.detach().numpy(), rtol=0, atol=1e-12)
    grads = dot_attention.attend_backward(dz, np.zeros_like(alpha), cache)
    for (name, x), gradient in zip(tensors.items(), grads, strict=True):
        np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("name", ["score", "context", "attend"])
def test_captions_of_one_image_can_share_its_arrays(rng, name):
    """Check that outputs equal those with one copy per caption, and gradients the sums over the copies."""
    forward, backward = pair(name)
    shared, axis = random_inputs(rng, name), {array: axes.find("N") for array, axes in SHAPES[name].items()}
    copied = {array: np.repeat(x, B // N, axis=axis[array]) if axis[array] >= 0 else x for array, x in shared.items()}
    *outputs, cache = forward(**shared)
    *outputs_copied, cache_copied = forward(**copied)
    upstream = [rng.standard_normal(output.shape) for output in outputs]
    for output, output_copied in zip(outputs, outputs_copied, strict=True):
        np.testing.assert_allclose(output, output_copied, rtol=0, atol=1e-12)
    grads, grads_copied = backward(*upstream, cache), backward(*upstream, cache_copied)
    for array, d, d_copied in zip(shared, grads, grads_copied, strict=True):
        if axis[array] >= 0:
            shape = (*d.shape[: axis[array]], N, B // N, *d.shape[axis[array] + 1 :])
            d_copied = d_copied.reshape(shape).sum(axis=axis[array] + 1)
        np.testing.assert_allclose(d, d_copied, rtol=0, atol=1e-11, err_msg=array)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_scores(rng, dtype):
    """Check that scores in the thousands neither overflow nor give NaN."""
    a, keys, h, W_q, W_v = (x.astype(dtype) for x in random_inputs(rng, "attend").values())
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        z, alpha, cache = dot_attention.attend_forward(a, 1000 * keys, h, W_q, W_v)
        grads = dot_attention.attend_backward(np.ones_like(z), np.ones_like(alpha), cache)
    assert all(np.isfinite(d).all() for d in (z, *grads))
    np.testing.assert_allclose(alpha.sum(axis=1), 1, rtol=1e-5)


def test_no_captions(rng):
    z, alpha, cache = dot_attention.attend_forward(**random_inputs(rng, "attend", B=0))
    assert z.shape == (0, G * K) and alpha.shape == (0, L)
    shapes = [d.shape for d in dot_attention.attend_backward(z, alpha, cache)]
    assert shapes == [(N, L, D), (G, N, L, K), (0, S), (G, S, K), (G, D, K)]


@functions
def test_float32(rng, name):
    helpers.check_float32(*pair(name), random_inputs(rng, name), rng)
