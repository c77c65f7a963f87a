"""Test multi-head self-attention: gradients, its definition, the mask, and float32."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import self_attention

# All sizes differ: N 2, P 5, G 3 heads, K 4, S 12.
SHAPES = {
    "project": {"x": "NPS", "W": "SGK"},
    "attend": {"q": "NPGK", "k": "NPGK", "v": "NPGK"},
    "self_attention": {"x": "NPS", "W_q": "SGK", "W_k": "SGK", "W_v": "SGK", "W_o": "SS", "b_o": "S"},
}
functions = pytest.mark.parametrize("name", SHAPES)


def pair(name):
    return getattr(self_attention, f"{name}_forward"), getattr(self_attention, f"{name}_backward")


def random_inputs(rng, name, **sizes):
    sizes = {"N": 2, "P": 5, "G": 3, "K": 4, **sizes}
    sizes["S"] = sizes["G"] * sizes["K"]
    return {array: rng.standard_normal([sizes[s] for s in shape]) for array, shape in SHAPES[name].items()}


def random_mask(rng, masks, P):
    """Draw a mask in which every position sees itself."""
    sees = rng.random((masks, P, P)) < 0.5
    return np.where(sees | np.eye(P, dtype=bool), 0.0, self_attention.HIDDEN)


def options_of(rng, name, inputs, masks=1):
    """Return the further arguments of a function."""
    if name == "project":
        return {}
    return {"mask": random_mask(rng, masks, next(iter(inputs.values())).shape[1])}


@functions
@pytest.mark.parametrize(
    "sizes",
    [{}, {"G": 1}, {"N": 1, "P": 1}, {"N": 3, "G": 3, "P": 3, "K": 3}, {"K": 1}],
    ids=str,
)
def test_gradients(rng, name, sizes):
    inputs = random_inputs(rng, name, **sizes)
    report = gradcheck.check_layer(*pair(name), inputs, rng, options_of(rng, name, inputs))
    assert report.ok, str(report)


@pytest.mark.parametrize("name", ["attend", "self_attention"])
def test_gradients_with_a_mask_for_each_sequence(rng, name):
    inputs = random_inputs(rng, name)
    report = gradcheck.check_layer(*pair(name), inputs, rng, options_of(rng, name, inputs, masks=2))
    assert report.ok, str(report)


@pytest.mark.parametrize("masks", [1, 2])
def test_only_the_last_positions_ask(rng, masks):
    """Check gradients and results if the first two positions give keys and values only."""
    inputs, options = random_inputs(rng, "self_attention"), {"mask": random_mask(rng, masks, 5)}
    y, _ = self_attention.self_attention_forward(**inputs, **options)
    options["mask"] = options["mask"][:, 2:]
    last, _ = self_attention.self_attention_forward(**inputs, **options)
    np.testing.assert_allclose(last, y[:, 2:], rtol=0, atol=1e-13)
    report = gradcheck.check_layer(*pair("self_attention"), inputs, rng, options)
    assert report.ok, str(report)
    inputs = {array: x if array == "x" else x / x.shape[0] ** 0.5 for array, x in inputs.items()}
    helpers.check_float32(*pair("self_attention"), inputs, rng, options)


def test_attend_is_the_definition(rng):
    q, k, v = random_inputs(rng, "attend").values()
    mask = random_mask(rng, 2, 5)
    o, cache = self_attention.attend_forward(q, k, v, mask)
    for n, i, g in np.ndindex(2, 5, 3):
        visible = [j for j in range(5) if mask[n, i, j] == 0]
        scores = [math.exp(q[n, i, g] @ k[n, j, g] / 2) for j in visible]
        weights = [score / sum(scores) for score in scores]
        np.testing.assert_allclose(
            o[n, i, g], sum(w * v[n, j, g] for w, j in zip(weights, visible, strict=True)), rtol=0, atol=1e-14
        )
        np.testing.assert_allclose(cache.p[n, g, i, visible], weights, rtol=0, atol=1e-15)
        assert cache.p[n, g, i].sum() == pytest.approx(1)


def test_two_positions_by_hand():
    """Check the second of two positions, whose scores ln 3 and 0 give the weights 3/4 and 1/4."""
    q, k, v = (np.array(x).reshape(1, 2, 1, 1) for x in ([0, 1.0], [math.log(3), 0], [4.0, 8]))
    o, _ = self_attention.attend_forward(q, k, v, np.array([[[0, self_attention.HIDDEN], [0, 0]]]))
    np.testing.assert_allclose(o.ravel(), [4, 5], rtol=0, atol=1e-14)


def test_self_attention_is_attend_between_projections(rng):
    x, W_q, W_k, W_v, W_o, b_o = random_inputs(rng, "self_attention").values()
    mask = random_mask(rng, 1, 5)
    y, _ = self_attention.self_attention_forward(x, mask, W_q, W_k, W_v, W_o, b_o)
    q, k, v = (np.einsum("nps,sgk->npgk", x, W) for W in (W_q, W_k, W_v))
    o, _ = self_attention.attend_forward(q, k, v, mask)
    np.testing.assert_allclose(y, o.reshape(2, 5, 12) @ W_o + b_o, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_hidden_position_changes_no_bit(rng, dtype):
    inputs = {name: x.astype(dtype) for name, x in random_inputs(rng, "self_attention", P=20, K=LANES).items()}
    mask = np.where(np.tri(20, dtype=bool), 0, self_attention.HIDDEN).astype(dtype)[None]
    y, _ = self_attention.self_attention_forward(**inputs, mask=mask)
    inputs["x"] = inputs["x"].copy()
    inputs["x"][:, 13] *= -7
    other, _ = self_attention.self_attention_forward(**inputs, mask=mask)
    np.testing.assert_array_equal(other[:, :13], y[:, :13])
    assert (other[:, 13] != y[:, 13]).any()


def test_a_row_that_sees_nothing_is_the_mean(rng):
    q, k, v = random_inputs(rng, "attend").values()
    o, _ = self_attention.attend_forward(0 * q, k, v, np.full((1, 5, 5), self_attention.HIDDEN))
    np.testing.assert_allclose(o, np.broadcast_to(v.mean(axis=1, keepdims=True), v.shape), rtol=0, atol=1e-14)


@pytest.mark.parametrize("masks", [1, 2])
@pytest.mark.parametrize("sizes", [{}, {"P": LANES + 3, "K": LANES}, {"P": 7 * LANES, "G": 2, "K": 2 * LANES}], ids=str)
def test_float32(rng, sizes, masks):
    for name in SHAPES:
        inputs = random_inputs(rng, name, **sizes)
        if "W_q" in inputs:  # scores of the size that training has
            inputs = {array: x if array == "x" else x / x.shape[0] ** 0.5 for array, x in inputs.items()}
        helpers.check_float32(*pair(name), inputs, rng, options_of(rng, name, inputs, masks))
