"""Tests of layers.lstm: one step of the LSTM, and a sequence of steps."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import lstm


def random_inputs(rng, B=3, I=4, S=2):
    return {
        "x": rng.standard_normal((B, I)),
        "h": rng.standard_normal((B, S)),
        "c": rng.standard_normal((B, S)),
        "W_x": rng.standard_normal((I, 4 * S)),
        "W_hh": rng.standard_normal((S, 4 * S)),
        "b": rng.standard_normal(4 * S),
    }


def sigm(x):
    return 1 / (1 + math.exp(-x))


def slow_lstm(x, h, c, W_x, W_hh, b):
    """Compute equations 1 to 3 for one unit of one caption at a time."""
    (B, I), S = x.shape, h.shape[1]
    h_next, c_next = np.empty((B, S)), np.empty((B, S))
    for n, s in np.ndindex(B, S):

        def affine(gate, n=n, s=s):
            column = gate * S + s
            from_x = sum(x[n, k] * W_x[k, column] for k in range(I))
            return from_x + sum(h[n, k] * W_hh[k, column] for k in range(S)) + b[column]

        i, f, o, g = sigm(affine(0)), sigm(affine(1)), sigm(affine(2)), math.tanh(affine(3))
        c_next[n, s] = f * c[n, s] + i * g
        h_next[n, s] = o * math.tanh(c_next[n, s])
    return h_next, c_next


@pytest.mark.parametrize(("B", "I", "S"), [(3, 4, 2), (2, 3, 5), (1, 1, 1), (5, 3, 3)])
def test_gradients(rng, B, I, S):
    report = gradcheck.check_layer(lstm.lstm_forward, lstm.lstm_backward, random_inputs(rng, B, I, S), rng)
    assert report.ok, str(report)


@pytest.mark.parametrize(("B", "I", "S"), [(3, 4, 2), (2, 3, 5), (1, 1, 1)])
def test_forward_is_the_definition(rng, B, I, S):
    inputs = random_inputs(rng, B, I, S)
    h_next, c_next, _ = lstm.lstm_forward(**inputs)
    h_slow, c_slow = slow_lstm(**inputs)
    np.testing.assert_allclose(h_next, h_slow, rtol=0, atol=1e-14)
    np.testing.assert_allclose(c_next, c_slow, rtol=0, atol=1e-14)


def test_zero_weights_halve_the_cell_state(rng):
    """Check that all gates are 1/2 and the candidate is 0, so that c' = c / 2 and h' = tanh(c') / 2."""
    x, h, c, W_x, W_hh, b = random_inputs(rng).values()
    h_next, c_next, _ = lstm.lstm_forward(x, h, c, 0 * W_x, 0 * W_hh, 0 * b)
    np.testing.assert_array_equal(c_next, c / 2)
    np.testing.assert_allclose(h_next, np.tanh(c / 2) / 2, rtol=1e-15)


@pytest.mark.parametrize(
    ("open_gates", "h_next", "c_next"),
    [
        ("", 0, 0),
        ("f", 0, 0.7),
        ("fo", math.tanh(0.7), 0.7),
        ("ig", 0, 1),
        ("ifog", math.tanh(1.7), 1.7),
    ],
)
def test_gates_open_and_close(open_gates, h_next, c_next):
    """Check that biases of +-1000 open or close a gate without overflow. The columns are in the order i, f, o, g."""
    S, c = 2, np.full((1, 2), 0.7)
    b = np.repeat([1000.0 if gate in open_gates else (0.0 if gate == "g" else -1000.0) for gate in "ifog"], S)
    with np.errstate(all="raise"):
        h_out, c_out, cache = lstm.lstm_forward(
            np.ones((1, 3)), np.ones((1, S)), c, np.zeros((3, 4 * S)), np.zeros((S, 4 * S)), b
        )
        grads = lstm.lstm_backward(np.ones((1, S)), np.ones((1, S)), cache)
    np.testing.assert_allclose(c_out, np.full((1, S), c_next), rtol=0, atol=1e-15)
    np.testing.assert_allclose(h_out, np.full((1, S), h_next), rtol=0, atol=1e-15)
    assert all(np.isfinite(d).all() for d in grads)


def test_an_open_forget_gate_carries_the_gradient_undiminished():
    """Check that with f = 1 and o = 0 the gradient of c' reaches c unchanged, which is why the LSTM remembers."""
    S = 2
    b = np.repeat([-1000.0, 1000.0, -1000.0, 0.0], S)
    step = np.ones((1, 3)), np.ones((1, S)), np.ones((1, S)), np.ones((3, 4 * S)), np.ones((S, 4 * S)), b
    _, _, cache = lstm.lstm_forward(*step)
    dc_next = np.array([[3.0, -5.0]])
    _, _, dc, *_ = lstm.lstm_backward(np.ones((1, S)), dc_next, cache)
    np.testing.assert_array_equal(dc, dc_next)


def test_captions_are_independent(rng):
    inputs = random_inputs(rng)
    h_next, c_next, _ = lstm.lstm_forward(**inputs)
    single = {name: value[1:2] if name in ("x", "h", "c") else value for name, value in inputs.items()}
    h_single, c_single, _ = lstm.lstm_forward(**single)
    np.testing.assert_allclose(h_single, h_next[1:2], rtol=0, atol=1e-14)
    np.testing.assert_allclose(c_single, c_next[1:2], rtol=0, atol=1e-14)


def test_no_captions(rng):
    h_next, c_next, cache = lstm.lstm_forward(**random_inputs(rng, B=0))
    assert h_next.shape == c_next.shape == (0, 2)
    assert [d.shape for d in lstm.lstm_backward(h_next, c_next, cache)][:3] == [(0, 4), (0, 2), (0, 2)]


def test_float32(rng):
    helpers.check_float32(lstm.lstm_forward, lstm.lstm_backward, random_inputs(rng), rng)


# A sequence of steps. T, B, I and S differ, so that confused axes are noticed.


def sequence_inputs(rng, T=5, B=3, I=4, S=2):
    return {**random_inputs(rng, B, I, S), "x": rng.standard_normal((T, B, I))}


def check_sequence(inputs, rng, backward=lstm.lstm_sequence_backward):
    return gradcheck.check_layer(lstm.lstm_sequence_forward, backward, inputs, rng)


@pytest.mark.parametrize(("T", "B", "I", "S"), [(5, 3, 4, 2), (2, 4, 3, 5), (1, 3, 2, 4), (1, 1, 1, 1), (3, 3, 3, 3)])
def test_gradients_of_a_sequence(rng, T, B, I, S):
    report = check_sequence(sequence_inputs(rng, T, B, I, S), rng)
    assert report.ok, str(report)


def test_a_sequence_is_its_steps(rng):
    """Check the forward and backward pass against single steps; the gradients of the weights are summed."""
    inputs = sequence_inputs(rng, T=3)
    x, h, c, *weights = inputs.values()
    h_all, c_last, cache = lstm.lstm_sequence_forward(**inputs)
    h1, c1, cache1 = lstm.lstm_forward(x[0], h, c, *weights)
    h2, c2, cache2 = lstm.lstm_forward(x[1], h1, c1, *weights)
    h3, c3, cache3 = lstm.lstm_forward(x[2], h2, c2, *weights)
    np.testing.assert_array_equal(h_all, [h1, h2, h3])
    np.testing.assert_array_equal(c_last, c3)
    assert [type(step) for step in cache.steps] == 3 * [lstm.LSTMCache]

    dh_all, dc = rng.standard_normal(h_all.shape), rng.standard_normal(c.shape)
    dx3, dh2, dc2, *grads3 = lstm.lstm_backward(dh_all[2], dc, cache3)
    dx2, dh1, dc1, *grads2 = lstm.lstm_backward(dh_all[1] + dh2, dc2, cache2)
    dx1, dh0, dc0, *grads1 = lstm.lstm_backward(dh_all[0] + dh1, dc1, cache1)
    dx, dh, dc, *grads = lstm.lstm_sequence_backward(dh_all, dc, cache)
    for gradient, expected in ((dx, [dx1, dx2, dx3]), (dh, dh0), (dc, dc0)):
        np.testing.assert_array_equal(gradient, expected)
    for gradient, *step_gradients in zip(grads, grads1, grads2, grads3, strict=True):
        np.testing.assert_allclose(gradient, sum(step_gradients), rtol=0, atol=1e-13)


def test_a_sequence_calls_the_step_through_the_module(rng, monkeypatch):
    """Check that a learner's step can replace the library's."""
    calls = []
    for name in ("lstm_forward", "lstm_backward"):
        step = getattr(lstm, name)
        monkeypatch.setattr(lstm, name, lambda *args, name=name, step=step: calls.append(name) or step(*args))
    assert check_sequence(sequence_inputs(rng, T=2, B=1, I=1, S=1), rng).ok
    h_all, c, cache = lstm.lstm_sequence_forward(**sequence_inputs(rng, T=3))
    calls.clear()
    lstm.lstm_sequence_backward(h_all, c, cache)
    lstm.lstm_sequence_forward(**sequence_inputs(rng, T=4))
    assert calls == 3 * ["lstm_backward"] + 4 * ["lstm_forward"]


def test_gradients_of_the_steps_are_not_changed_in_place(rng, monkeypatch):
    """Check this because the backward pass of a step may return arrays that it still uses."""
    records, step = [], lstm.lstm_backward

    def backward(*args):
        grads = step(*args)
        records.append((grads, [d.copy() for d in grads]))
        return grads

    monkeypatch.setattr(lstm, "lstm_backward", backward)
    h_all, c, cache = lstm.lstm_sequence_forward(**sequence_inputs(rng))
    lstm.lstm_sequence_backward(h_all, c, cache)
    assert len(records) == 5
    for grads, copies in records:
        assert all(map(np.array_equal, grads, copies))


def test_the_past_does_not_depend_on_the_future(rng):
    inputs = sequence_inputs(rng)
    h_all, _, cache = lstm.lstm_sequence_forward(**inputs)
    h_changed, *_ = lstm.lstm_sequence_forward(**{**inputs, "x": inputs["x"] + (np.arange(5) == 3)[:, None, None]})
    np.testing.assert_array_equal(h_changed[:3], h_all[:3])
    assert (h_changed[3:] != h_all[3:]).all()
    dh_all = np.zeros_like(h_all)
    dh_all[2] = 1
    dx, *_ = lstm.lstm_sequence_backward(dh_all, np.zeros((3, 2)), cache)
    assert dx[:3].all() and not dx[3:].any()


def test_captions_of_a_sequence_are_independent(rng):
    inputs = sequence_inputs(rng)
    h_all, c_last, _ = lstm.lstm_sequence_forward(**inputs)
    single = {**inputs, "x": inputs["x"][:, 1:2], "h": inputs["h"][1:2], "c": inputs["c"][1:2]}
    h_single, c_single, _ = lstm.lstm_sequence_forward(**single)
    np.testing.assert_allclose(h_single, h_all[:, 1:2], rtol=0, atol=1e-14)
    np.testing.assert_allclose(c_single, c_last[1:2], rtol=0, atol=1e-14)


def test_float32_of_a_sequence(rng):
    helpers.check_float32(lstm.lstm_sequence_forward, lstm.lstm_sequence_backward, sequence_inputs(rng), rng)
