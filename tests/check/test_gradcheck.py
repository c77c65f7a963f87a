"""Test the gradient check: right layers pass, and each kind of mistake is found and named."""

import re

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import activations, attention, linear, lstm, pool, softmax


def random_arrays(rng, **shapes):
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def linear_inputs(rng, I=4, O=2):
    return random_arrays(rng, x=(5, 3, I), W=(I, O), b=(O,))


def lstm_inputs(rng, B=3, I=4, S=2):
    return random_arrays(rng, x=(B, I), h=(B, S), c=(B, S), W_x=(I, 4 * S), W_hh=(S, 4 * S), b=(4 * S,))


def attend_inputs(rng, N=2, B=4, L=5, D=3, S=6, A=7):
    return random_arrays(rng, a=(N, L, D), keys=(N, L, A), h=(B, S), W_h=(S, A), v=(A,))


def check_linear(rng, backward, **sizes):
    return gradcheck.check_layer(linear.linear_forward, backward, linear_inputs(rng, **sizes), rng)


def edited(position, change):
    """Return the backward pass of linear with one gradient changed by a function of (gradient, dy, cache)."""

    def backward(dy, cache):
        grads = list(linear.linear_backward(dy, cache))
        grads[position] = change(grads[position], dy, cache)
        return tuple(grads)

    return backward


def lines(report, word):
    """Return the lines of the verdict that begin with a word."""
    return [line for line in str(report).splitlines() if line.startswith(word)]


# Right gradients


def test_right_layers_pass(rng):
    report = check_linear(rng, linear.linear_backward)
    assert report.ok
    assert report.complaints == ()
    assert [array.name for array in report.arrays] == ["x", "W", "b"]
    assert [line.split(" (")[0] for line in str(report).splitlines()] == ["ok: dx", "ok: dW", "ok: db"]


def test_options_are_passed_along(rng):
    inputs, options = {"x": gradcheck.separated(rng, (2, 5, 4, 3))}, {"window": 3, "stride": 2, "padding": 1}
    assert gradcheck.check_layer(pool.max_pool_forward, pool.max_pool_backward, inputs, rng, options).ok


def test_inputs_are_restored(rng):
    inputs = linear_inputs(rng)
    before = {name: x.copy() for name, x in inputs.items()}
    gradcheck.check_layer(linear.linear_forward, linear.linear_backward, inputs, rng)
    for name, x in inputs.items():
        np.testing.assert_array_equal(x, before[name])


def test_numerical_gradient():
    x = np.array([[1.0, -2.0], [3.0, 0.5]])
    gradient = gradcheck.numerical_gradient(lambda: (x**3).sum(), x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-9)


TINY = gradcheck.TINY


@pytest.mark.parametrize(
    ("analytic", "numeric", "error"),
    [
        ([3.0, -4.0], [3.0, -4.0], 0),
        ([3.0, -4.0], [3.0, -2.0], 2 / 7),  # relative to the largest values
        ([[1.0], [-8.0]], [[1.0], [8.0]], 1),
        ([0.0, 0.0], [0.0, 5e-7], 1),
        ([0.0, 0.0], [0.0, 0.0], 0),
        ([0.9 * TINY], [-0.9 * TINY], 1.8 * TINY),  # absolute error
        ([0.5 * TINY, 0.0], [0.0, 0.0], 0.5 * TINY),
        ([1.1 * TINY], [0.0], 1),  # one of them is not tiny
        ([0.0], [-1.1 * TINY], 1),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0, 1.0], [1.0, np.nan], np.inf),
        ([np.nan], [np.nan], np.inf),
        ([np.inf], [1.0], np.inf),
        ([], [], 0),
        (np.empty((0, 3)), np.empty((0, 3)), 0),
    ],
)
def test_relative_error(analytic, numeric, error):
    with np.errstate(all="raise"):
        result = gradcheck.relative_error(np.array(analytic), np.array(numeric))
    assert type(result) is float
    assert result == pytest.approx(error, rel=1e-12, abs=0)


def test_the_report_has_the_relative_error(rng, monkeypatch):
    report = check_linear(rng, linear.linear_backward)
    monkeypatch.setattr(gradcheck, "relative_error", lambda analytic, numeric: 0.125)
    assert all(array.error < 1e-9 for array in report.arrays)
    assert {array.error for array in check_linear(rng, linear.linear_backward).arrays} == {0.125}


@pytest.mark.parametrize("shape", [(1,), (2, 3), (3, 5, 7)])
@pytest.mark.parametrize("gap", [0.1, 3.0])
def test_separated(rng, shape, gap):
    values = gradcheck.separated(rng, shape, gap)
    assert values.shape == shape
    assert values.dtype == np.float64
    assert np.abs(values).min() >= gap / 4
    assert (np.diff(np.sort(values.ravel())) >= gap / 2).all()
    if values.size > 1:
        assert abs(np.sign(values).sum()) <= 1, "both signs, half and half"
        assert (np.diff(values.ravel()) < 0).any(), "shuffled"
        assert not np.isin(gradcheck.separated(rng, shape, gap), values).any(), "other values in the next call"


# Wrong numbers: the message names the array, the error and what the worst entry suggests

WRONG_NUMBERS = {
    "sign flipped": ("dx", edited(0, lambda dx, dy, cache: -dx), "the sign is flipped"),
    "2 times": ("dW", edited(1, lambda dW, dy, cache: 2 * dW), "2 times too large"),
    "half": ("db", edited(2, lambda db, dy, cache: db / 2), "2 times too small"),
    "third": ("dW", edited(1, lambda dW, dy, cache: dW / 3), "3 times too small"),
    "4 times": ("db", edited(2, lambda db, dy, cache: 4 * db), "4 times too large"),
    "zero": ("dW", edited(1, lambda dW, dy, cache: 0 * dW), "yours is zero: a term is missing"),
    "mean for sum": ("db", edited(2, lambda db, dy, cache: dy.mean(axis=(0, 1))), "of its size"),
    "only the first row": ("db", edited(2, lambda db, dy, cache: dy[0].sum(axis=0)), "of its size"),
    "one entry": ("dx", edited(0, lambda dx, dy, cache: dx + 1e-5 * (dx == dx[4, 2, 3])), "worst at dx[4, 2, 3]"),
    "NaN": ("dx", edited(0, lambda dx, dy, cache: np.where(dx == dx[1, 0, 2], np.nan, dx)), "dx[1, 0, 2]: yours nan"),
    "infinite": ("dW", edited(1, lambda dW, dy, cache: np.where(dW == dW[3, 1], np.inf, dW)), "dW[3, 1]: yours inf"),
}


@pytest.mark.parametrize(("name", "backward", "message"), WRONG_NUMBERS.values(), ids=WRONG_NUMBERS)
def test_wrong_numbers(rng, name, backward, message):
    with np.errstate(all="raise"):
        report = check_linear(rng, backward)
    assert not report.ok
    assert not report.complaints
    (wrong,) = lines(report, "WRONG")
    assert wrong == str(report).splitlines()[0], "what is wrong comes first"
    assert wrong.startswith(f"WRONG: {name} is off by ")
    assert message in wrong
    assert len(lines(report, "ok")) == 2


@pytest.mark.parametrize("factor", [1.5, -0.5, 7, 1 + 1e-5])
def test_other_ratios_give_no_hint(rng, factor):
    (wrong,) = lines(check_linear(rng, edited(1, lambda dW, dy, cache: factor * dW)), "WRONG")
    assert re.search(r"finite differences \S+$", wrong)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_errors_are_relative(rng, scale):
    """Check that small and large gradients have the same tolerance relative to the largest value."""

    def check(factor):
        def backward(dy, cache):
            return scale * factor * dy

        return gradcheck.check_layer(lambda x: (scale * x, None), backward, random_arrays(rng, x=(3, 4)), rng)

    assert check(1).ok
    assert not check(1 + 1e-6).ok


def test_transposed_square_matrix(rng):
    """Check a wrong gradient with the right shape."""
    report = check_linear(rng, edited(0, lambda dx, dy, cache: dy @ cache.W), I=3, O=3)
    assert not report.ok
    assert [array.name for array in report.arrays if not array.ok] == ["x"]


def test_values_of_the_worst_entry(rng):
    """Check that the verdict prints both values, so that a learner can compute the entry by hand."""
    report = check_linear(rng, edited(1, lambda dW, dy, cache: dW + 10 * (dW == dW[2, 1])))
    (array,) = (array for array in report.arrays if not array.ok)
    assert array.index == (2, 1)
    assert array.analytic - array.numeric == pytest.approx(10, abs=1e-6)
    (wrong,) = lines(report, "WRONG")
    assert f"worst at dW[2, 1]: yours {array.analytic:.6g}, finite differences {array.numeric:.6g}" in wrong


def test_small_errors_count(rng):
    """Check that an error of 1e-6 of the largest value is wrong, and 1e-9 is rounding."""
    assert not check_linear(rng, edited(1, lambda dW, dy, cache: dW * (1 + 1e-6))).ok
    assert check_linear(rng, edited(1, lambda dW, dy, cache: dW * (1 + 1e-9))).ok


def test_softmax_without_its_second_term(rng):
    """Check that a missing term is found, which an upstream gradient of ones would miss."""

    def backward(dp, cache):
        return cache.p * dp

    report = gradcheck.check_layer(softmax.softmax_forward, backward, random_arrays(rng, x=(3, 4)), rng)
    assert not report.ok
    assert "WRONG: dx is off by" in str(report)


def test_lstm_with_swapped_gates(rng):
    """Check that all gradients are wrong if i and o are swapped."""

    def backward(dh_next, dc_next, cache):
        ifo = np.concatenate(np.split(cache.ifo.y, 3, axis=1)[::-1], axis=1)
        return lstm.lstm_backward(dh_next, dc_next, cache._replace(ifo=activations.SigmoidCache(ifo)))

    report = gradcheck.check_layer(lstm.lstm_forward, backward, lstm_inputs(rng), rng)
    assert len(lines(report, "WRONG")) == 6


def test_lstm_with_swapped_columns(rng):
    """Check that only the weights' gradients are wrong if the columns of the weights are swapped."""

    def backward(dh_next, dc_next, cache):
        *others, dW_x, dW_hh, db = lstm.lstm_backward(dh_next, dc_next, cache)
        order = np.r_[2:4, 0:2, 4:8]
        return (*others, *(np.ascontiguousarray(d[..., order]) for d in (dW_x, dW_hh, db)))

    report = gradcheck.check_layer(lstm.lstm_forward, backward, lstm_inputs(rng, S=2), rng)
    assert [line.split()[1] for line in lines(report, "WRONG")] == ["dW_x", "dW_hh", "db"]


@pytest.mark.parametrize(("keep_h", "keep_c"), [(0, 1), (1, 0)])
def test_lstm_without_an_upstream_gradient(rng, keep_h, keep_c):

    def backward(dh_next, dc_next, cache):
        return lstm.lstm_backward(keep_h * dh_next, keep_c * dc_next, cache)

    report = gradcheck.check_layer(lstm.lstm_forward, backward, lstm_inputs(rng), rng)
    assert len(lines(report, "WRONG")) == 6


def test_attention_without_dalpha(rng):
    """Check a backward pass without the gradient of the attention penalty. Only da does not depend on it."""

    def backward(dz, dalpha, cache):
        return attention.attend_backward(dz, 0 * dalpha, cache)

    report = gradcheck.check_layer(attention.attend_forward, backward, attend_inputs(rng), rng)
    assert not report.ok
    assert [array.name for array in report.arrays if array.ok] == ["a"]


# Other mistakes than wrong numbers


def change_dy(dy, cache):
    grads = linear.linear_backward(dy, cache)
    dy *= 2
    return grads


def change_x(dy, cache):
    grads = linear.linear_backward(dy, cache)
    cache.x[...] += 1
    return grads


OTHER_MISTAKES = {
    "too few": (lambda dy, cache: linear.linear_backward(dy, cache)[:2], "returned 2 gradients for 3 arrays (x, W, b)"),
    "too many": (lambda dy, cache: (*linear.linear_backward(dy, cache), dy), "returned 4 gradients for 3 arrays"),
    "nothing": (lambda dy, cache: None, "returned 1 gradient for 3 arrays"),
    "None": (edited(1, lambda dW, dy, cache: None), "dW is of type NoneType, not an array"),
    "a list": (edited(2, lambda db, dy, cache: list(db)), "db is of type list, not an array"),
    "flat": (edited(0, lambda dx, dy, cache: dx.reshape(15, 4)), "dx has shape (15, 4), x has shape (5, 3, 4)"),
    "not summed": (edited(2, lambda db, dy, cache: dy), "db has shape (5, 3, 2), b has shape (2,)"),
    "transposed": (edited(1, lambda dW, dy, cache: dW.T), "dW has shape (2, 4), W has shape (4, 2)"),
    "float32": (edited(1, lambda dW, dy, cache: dW.astype(np.float32)), "dW is float32, W is float64"),
    "not contiguous": (edited(1, lambda dW, dy, cache: np.asfortranarray(dW)), "dW is not contiguous"),
    "changes dy": (change_dy, "upstream gradient 0 was changed"),
    "changes x": (change_x, "x was changed"),
}


@pytest.mark.parametrize(("backward", "message"), OTHER_MISTAKES.values(), ids=OTHER_MISTAKES)
def test_other_mistakes(rng, backward, message):
    report = check_linear(rng, backward)
    assert not report.ok
    (wrong,) = lines(report, "WRONG")
    assert wrong.startswith(f"WRONG: {message}")


def test_wrong_dtype_does_not_hide_the_numbers(rng):
    report = check_linear(rng, edited(1, lambda dW, dy, cache: 2 * dW.astype(np.float32)))
    assert "WRONG: dW is float32, W is float64" in str(report)
    assert "2 times too large" in str(report)


def test_view_of_the_upstream_gradient(rng):
    """Check that a view is refused, because a later in-place sum would change the upstream gradient."""

    def forward(x, y):
        return x + y, None

    def backward(dsum, cache):
        return dsum, dsum.copy()

    report = gradcheck.check_layer(forward, backward, random_arrays(rng, x=(3, 4), y=(3, 4)), rng)
    assert not report.ok
    assert lines(report, "WRONG") == [
        "WRONG: dx is a view of an input or of an upstream gradient, not an array of its own"
    ]


def test_upstream_gradient_changed_in_place(rng):
    """Check that the numbers are right, and only the change of the caller's array is a mistake."""

    def backward(dy, cache):
        dy *= cache.y > 0
        return dy

    report = gradcheck.check_layer(activations.relu_forward, backward, {"x": gradcheck.separated(rng, (3, 4))}, rng)
    assert not report.ok
    assert len(lines(report, "WRONG")) == 2
    assert "upstream gradient 0 was changed" in str(report)
    assert len(lines(report, "ok: dx")) == 1


def test_forward_that_works_in_place(rng):
    def forward(x):
        positive = x > 0
        x *= positive
        return x.copy(), activations.ReluCache(positive)

    inputs = {"x": gradcheck.separated(rng, (3, 4))}
    before = inputs["x"].copy()
    report = gradcheck.check_layer(forward, activations.relu_backward, inputs, rng)
    assert not report.ok
    assert lines(report, "WRONG") == ["WRONG: x was changed"]
    np.testing.assert_array_equal(inputs["x"], before)


def test_option_changed(rng):
    def forward(x, mask):
        return x * mask, mask

    def backward(dy, mask):
        dx = dy * mask
        mask[...] = 0
        return dx

    options = {"mask": np.ones((3, 4))}
    report = gradcheck.check_layer(forward, backward, random_arrays(rng, x=(3, 4)), rng, options)
    assert lines(report, "WRONG") == ["WRONG: mask was changed"]


# State between calls


def test_cache_in_the_module(rng):
    """Check that a cache in the module, or in `self` of a class, is wrong after a second call of forward."""
    state = {}

    def forward(x, W, b):
        y, state["cache"] = linear.linear_forward(x, W, b)
        return y, None

    report = gradcheck.check_layer(
        forward, lambda dy, cache: linear.linear_backward(dy, state["cache"]), linear_inputs(rng), rng
    )
    assert not report.ok
    assert lines(report, "WRONG") == [
        f"WRONG: d{name} differs after a second call of forward in between" for name in "xW"
    ]


def test_gradient_accumulated_between_calls(rng):
    state = {}

    def accumulate(db, dy, cache):
        state["db"] = state.get("db", 0) + db
        return state["db"]

    report = check_linear(rng, edited(2, accumulate))
    assert lines(report, "WRONG") == ["WRONG: db differs when backward is called twice with the same cache"]


def test_gradient_in_a_buffer_of_the_module(rng):
    """Check a backward pass whose next call overwrites the gradient of the first call."""
    state = {}

    def overwrite(dW, dy, cache):
        buffer = state.setdefault("dW", np.empty_like(dW))
        buffer[...] = dW
        return buffer

    report = check_linear(rng, edited(1, overwrite))
    assert lines(report, "WRONG") == ["WRONG: dW was changed by a later call"]


def test_output_in_a_buffer_of_the_module(rng):
    buffer = np.empty((5, 3, 2))

    def forward(x, W, b):
        y, cache = linear.linear_forward(x, W, b)
        buffer[...] = y
        return buffer, cache

    report = gradcheck.check_layer(forward, linear.linear_backward, linear_inputs(rng), rng)
    assert lines(report, "WRONG") == ["WRONG: an output of forward was changed by a later call"]


def test_cache_used_up(rng):
    def forward(x, W, b):
        y, cache = linear.linear_forward(x, W, b)
        return y, [cache, 1]

    def backward(dy, cache):
        grads = linear.linear_backward(cache[1] * dy, cache[0])
        cache[1] = 2
        return grads

    report = gradcheck.check_layer(forward, backward, linear_inputs(rng), rng)
    assert not report.ok
    assert len(lines(report, "WRONG")) == 3
    assert "WRONG: dx differs when backward is called twice with the same cache" in str(report)


def test_forward_with_its_own_random_numbers(rng):
    noise = np.random.default_rng(1)

    def forward(x, W, b):
        y, cache = linear.linear_forward(x, W, b)
        return y + noise.standard_normal(y.shape), cache

    report = gradcheck.check_layer(forward, linear.linear_backward, linear_inputs(rng), rng)
    assert "WRONG: the second call of forward gave another result" in str(report)


# Kinks and zeros


@pytest.mark.parametrize("distance", [0.0, 1e-9, -1e-7, 2e-6, -5e-6, 9e-6])
def test_relu_at_its_kink_is_undecided(rng, distance):
    x = gradcheck.separated(rng, (3, 4))
    x[1, 2] = distance
    report = gradcheck.check_layer(activations.relu_forward, activations.relu_backward, {"x": x}, rng)
    assert not report.ok
    assert str(report).startswith("UNDECIDED: dx at dx[1, 2]: ")
    assert "move them apart" in str(report)


def test_a_distant_kink_does_not_matter(rng):
    x = gradcheck.separated(rng, (3, 4))
    x[1, 2] = 1e-3
    assert gradcheck.check_layer(activations.relu_forward, activations.relu_backward, {"x": x}, rng).ok


@pytest.mark.parametrize("distance", [0.0, 3e-6])
def test_equal_maxima_are_undecided(rng, distance):
    x = gradcheck.separated(rng, (2, 4, 4, 3))
    x[0, 0, 0, 0] = x.max() + 1
    x[0, 1, 1, 0] = x[0, 0, 0, 0] - distance
    options = {"window": 2, "stride": 2}
    report = gradcheck.check_layer(pool.max_pool_forward, pool.max_pool_backward, {"x": x}, rng, options)
    assert not report.ok
    assert re.match(r"UNDECIDED: dx at dx\[0, (0, 0|1, 1), 0\]", str(report))


@pytest.mark.parametrize("factor", [-1, 0, 2])
def test_a_strongly_curved_function_has_no_kink(rng, factor):
    """Check that a wrong gradient of such a function is wrong, not undecided."""

    def forward(x):
        return np.sin(20 * x), x

    def backward(dy, x):
        return factor * 20 * np.cos(20 * x) * dy

    report = gradcheck.check_layer(forward, backward, random_arrays(rng, x=(3, 4)), rng)
    assert not report.arrays[0].kink
    assert str(report).startswith("WRONG: dx")


def bias_before_softmax(x, b):
    """Compute a softmax of scores plus a common bias, which does not change the result."""
    p, cache = softmax.softmax_forward(x + b)
    return p, cache


def test_zero_gradient_is_compared_absolutely_and_listed(rng):
    def backward(dp, cache):
        dx = softmax.softmax_backward(dp, cache)
        return dx, dx.sum(keepdims=True).reshape(1)

    report = gradcheck.check_layer(bias_before_softmax, backward, random_arrays(rng, x=(3, 4), b=(1,)), rng)
    assert report.ok
    assert [array.absolute for array in report.arrays] == [False, True]
    assert "ok: db is zero, as it should be (largest value " in str(report)


def test_gradient_that_should_be_zero(rng):
    def backward(dp, cache):
        return softmax.softmax_backward(dp, cache), dp.sum(keepdims=True).reshape(1)

    report = gradcheck.check_layer(bias_before_softmax, backward, random_arrays(rng, x=(3, 4), b=(1,)), rng)
    (wrong,) = lines(report, "WRONG")
    assert wrong.startswith("WRONG: db is off by")


@pytest.mark.parametrize("value", [1.5e-9, 1.0])
def test_gradient_of_an_unused_input(rng, value):
    """Check that even 1.5e-9 is wrong where finite differences are exactly 0, and that it does not count as a kink."""

    def backward(dy, cache):
        return dy.copy(), np.full(2, value)

    report = gradcheck.check_layer(lambda x, b: (x.copy(), None), backward, random_arrays(rng, x=(3, 4), b=(2,)), rng)
    (wrong,) = lines(report, "WRONG")
    assert wrong.startswith("WRONG: db is off by")
    assert wrong.endswith(f"yours {value:.6g}, finite differences 0")


# Whole models


def model(params):
    """Return the mean square of a linear map and its gradients."""
    x = np.arange(6.0).reshape(2, 3) / 5
    y, cache = linear.linear_forward(x, params["W"], params["b"])
    _, dW, db = linear.linear_backward(2 * y / y.size, cache)
    return (y * y).mean(), {"W": dW, "b": db}


def edited_model(change):
    def loss_and_grads(params):
        loss, grads = model(params)
        change(params, grads)
        return loss, grads

    return loss_and_grads


def test_right_model_passes(rng):
    report = gradcheck.check_loss(model, random_arrays(rng, W=(3, 4), b=(4,)))
    assert report.ok, str(report)
    assert [array.name for array in report.arrays] == ["W", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda params, grads: grads.pop("b"), "no gradient for b"),
        (lambda params, grads: grads.update(v=np.ones(3)), "a gradient for v, which is not a parameter"),
        (lambda params, grads: grads.update(b=None), "db is of type NoneType, not an array"),
        (lambda params, grads: grads.update(b=np.ones(3)), "db has shape (3,), b has shape (4,)"),
        (lambda params, grads: grads.update(b=params["b"]), "db is a view of an input"),
        (lambda params, grads: grads.update(W=-grads["W"]), "dW is off by"),
        (lambda params, grads: params["b"].__iadd__(1), "b was changed"),
    ],
)
def test_wrong_model(rng, change, message):
    report = gradcheck.check_loss(edited_model(change), random_arrays(rng, W=(3, 4), b=(4,)))
    assert not report.ok
    (wrong,) = lines(report, "WRONG")
    assert wrong.startswith(f"WRONG: {message}")


def test_a_loss_of_its_own(rng):
    """Check that finite differences use the function of the loss alone, and that another loss is refused."""
    params, calls = random_arrays(rng, W=(3, 4), b=(4,)), []

    def loss_and_grads(params):
        calls.append(params)
        return model(params)

    assert gradcheck.check_loss(loss_and_grads, params, loss=lambda params: model(params)[0]).ok and len(calls) == 1
    report = gradcheck.check_loss(loss_and_grads, params, loss=lambda params: 1 + model(params)[0])
    assert report.complaints == ("the second computation of the loss gave another result",)


def test_gradients_may_live_in_a_workspace(rng):
    """Check a model that overwrites its gradients in each call. The gradients of the first call count."""
    workspace = {"W": np.empty((3, 4)), "b": np.empty(4)}

    def loss_and_grads(params):
        loss, grads = model(params)
        for name, d in grads.items():
            workspace[name][...] = d
        return loss, workspace

    report = gradcheck.check_loss(loss_and_grads, random_arrays(rng, W=(3, 4), b=(4,)))
    assert report.ok, str(report)
