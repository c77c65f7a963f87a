"""Tests of layers.losses: masked cross-entropy and the doubly stochastic attention penalty."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import losses

T, B, V, L = 5, 3, 7, 4
MASK = (np.arange(T)[:, None] < [5, 2, 4]).astype(float)  # captions of 5, 2 and 4 words
PENALTIES = [("sum", "one"), ("mean", "one"), ("sum", "T/L"), ("mean", "T/L")]
smoothings = pytest.mark.parametrize("smoothing", [0.0, 0.1])
penalties = pytest.mark.parametrize(("normalisation", "target"), PENALTIES)


def cross_entropy_arguments(rng, smoothing):
    inputs = {"logits": rng.standard_normal((T, B, V))}
    return inputs, {"targets": rng.integers(V, size=(T, B)), "mask": MASK, "smoothing": smoothing}


def distributions(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


# Cross-entropy


@smoothings
def test_cross_entropy_gradients(rng, smoothing):
    inputs, options = cross_entropy_arguments(rng, smoothing)
    report = gradcheck.check_layer(losses.cross_entropy_forward, losses.cross_entropy_backward, inputs, rng, options)
    assert report.ok, str(report)


@smoothings
def test_cross_entropy_is_the_definition(rng, smoothing):
    inputs, options = cross_entropy_arguments(rng, smoothing)
    logits, targets = inputs["logits"], options["targets"]
    expected = 0.0
    for t, b in np.ndindex(T, B):
        if MASK[t, b]:
            total = sum(math.exp(value) for value in logits[t, b])
            for k in range(V):
                q = (1 - smoothing) * (k == targets[t, b]) + smoothing / V
                expected -= q * math.log(math.exp(logits[t, b, k]) / total) / B
    loss, _ = losses.cross_entropy_forward(**inputs, **options)
    assert np.shape(loss) == ()
    assert loss == pytest.approx(expected, rel=1e-13)


def test_no_smoothing_is_the_default(rng):
    inputs, options = cross_entropy_arguments(rng, 0.0)
    loss, _ = losses.cross_entropy_forward(**inputs, **options)
    del options["smoothing"]
    assert losses.cross_entropy_forward(**inputs, **options)[0] == loss


@smoothings
def test_cross_entropy_at_equal_logits_is_ln_v_per_word(rng, smoothing):
    _, options = cross_entropy_arguments(rng, smoothing)
    loss, _ = losses.cross_entropy_forward(np.full((T, B, V), 2.5), **options)
    assert loss == pytest.approx(math.log(V) * MASK.sum() / B, rel=1e-14)


def test_cross_entropy_gradient_is_p_minus_q(rng):
    inputs, options = cross_entropy_arguments(rng, 0.0)
    _, cache = losses.cross_entropy_forward(**inputs, **options)
    p = np.exp(inputs["logits"])
    p /= p.sum(axis=-1, keepdims=True)
    q = np.eye(V)[options["targets"]]
    expected = (p - q) * MASK[..., None] / B
    np.testing.assert_allclose(losses.cross_entropy_backward(1.0, cache), expected, rtol=0, atol=1e-15)


@smoothings
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cross_entropy_of_large_logits(smoothing, dtype):
    """Check that a logit of -1000 beside one of 1000 costs 2000 nats, not infinity."""
    logits = np.array([1000, -1000, -1000, -1000], dtype).reshape(1, 1, 4)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        results = []
        for target in (0, 1):
            loss, cache = losses.cross_entropy_forward(logits, np.array([[target]]), np.ones((1, 1), dtype), smoothing)
            results.append((loss, losses.cross_entropy_backward(dtype(1), cache)[0, 0]))
    (loss_likely, dlogits_likely), (loss_unlikely, dlogits_unlikely) = results
    assert loss_likely == pytest.approx(smoothing * 3 / 4 * 2000, abs=1e-3)
    assert loss_unlikely == pytest.approx((1 - smoothing) * 2000 + smoothing * 3 / 4 * 2000, abs=1e-3)
    q = 1 - smoothing, smoothing / 4
    np.testing.assert_allclose(dlogits_likely, [1 - q[0] - q[1], -q[1], -q[1], -q[1]], rtol=0, atol=1e-6)
    np.testing.assert_allclose(dlogits_unlikely, [1 - q[1], -q[0] - q[1], -q[1], -q[1]], rtol=0, atol=1e-6)


@smoothings
def test_cross_entropy_ignores_padding(rng, smoothing):
    """Check that values at mask 0 change neither the loss nor the gradients, and that their gradient is 0."""
    inputs, options = cross_entropy_arguments(rng, smoothing)
    loss, cache = losses.cross_entropy_forward(**inputs, **options)
    dlogits = losses.cross_entropy_backward(0.7, cache)

    padding = MASK == 0
    logits = inputs["logits"].copy()
    logits[padding] = 1e4 * rng.standard_normal((padding.sum(), V))
    options["targets"] = np.where(padding, V - 1 - options["targets"], options["targets"])
    loss_other, cache_other = losses.cross_entropy_forward(logits, **options)
    assert loss_other == loss
    np.testing.assert_array_equal(losses.cross_entropy_backward(0.7, cache_other), dlogits)
    assert not dlogits[padding].any()
    assert dlogits[~padding].all()


def test_more_padding_changes_nothing(rng):
    """Check that the loss of a batch does not depend on the length of its longest caption."""
    inputs, options = cross_entropy_arguments(rng, 0.1)
    alpha = distributions(rng, T, B, L)
    longer = [np.concatenate([x, x[:2]]) for x in (inputs["logits"], options["targets"], alpha)]
    mask = np.concatenate([MASK, np.zeros((2, B))])
    loss, _ = losses.cross_entropy_forward(**inputs, **options)
    assert losses.cross_entropy_forward(longer[0], longer[1], mask, 0.1)[0] == pytest.approx(loss, rel=1e-14)
    for penalty in PENALTIES:
        expected, _ = losses.doubly_stochastic_forward(alpha, MASK, *penalty)
        assert losses.doubly_stochastic_forward(longer[2], mask, *penalty)[0] == pytest.approx(expected, rel=1e-14)


@smoothings
def test_word_log_probabilities(rng, smoothing):
    """Check that log p of each word does not depend on label smoothing and is 0 at padding."""
    inputs, options = cross_entropy_arguments(rng, smoothing)
    _, cache = losses.cross_entropy_forward(**inputs, **options)
    log_p = losses.word_log_probabilities(cache)
    assert log_p.shape == (T, B)
    for t, b in np.ndindex(T, B):
        row = [math.exp(value) for value in inputs["logits"][t, b]]
        expected = math.log(row[options["targets"][t, b]] / sum(row)) if MASK[t, b] else 0
        assert log_p[t, b] == pytest.approx(expected, abs=1e-14)


@smoothings
def test_cross_entropy_float32(rng, smoothing):
    inputs, options = cross_entropy_arguments(rng, smoothing)
    helpers.check_float32(losses.cross_entropy_forward, losses.cross_entropy_backward, inputs, rng, options)
    _, cache = losses.cross_entropy_forward(inputs["logits"].astype("f4"), options["targets"], MASK.astype("f4"))
    assert losses.word_log_probabilities(cache).dtype == np.float32
    assert losses.cross_entropy_backward(1.0, cache).dtype == np.float32


# The doubly stochastic attention penalty


@penalties
def test_penalty_gradients(rng, normalisation, target):
    report = gradcheck.check_layer(
        losses.doubly_stochastic_forward,
        losses.doubly_stochastic_backward,
        {"alpha": distributions(rng, T, B, L)},
        rng,
        {"mask": MASK, "normalisation": normalisation, "target": target},
    )
    assert report.ok, str(report)


@penalties
def test_penalty_is_the_definition(rng, normalisation, target):
    alpha = distributions(rng, T, B, L)
    expected = 0.0
    for b, i in np.ndindex(B, L):
        words = [t for t in range(T) if MASK[t, b]]
        target_sum = 1 if target == "one" else len(words) / L
        expected += (target_sum - sum(alpha[t, b, i] for t in words)) ** 2 / (B if normalisation == "sum" else B * L)
    penalty, _ = losses.doubly_stochastic_forward(alpha, MASK, normalisation, target)
    assert np.shape(penalty) == ()
    assert penalty == pytest.approx(expected, rel=1e-13)


def one_caption(*maps):
    return np.array(maps, float)[:, None], np.ones((len(maps), 1))


def test_penalty_of_the_slides():
    """Check the slides' example: 1 - sum is [.8 .1 .4 -.3], so the penalty is 0.64 + 0.01 + 0.16 + 0.09 = 0.9."""
    alpha, mask = one_caption([0.1, 0.4, 0.2, 0.3], [0.1, 0.1, 0.1, 0.7], [0.0, 0.4, 0.3, 0.3])
    penalty, cache = losses.doubly_stochastic_forward(alpha, mask)
    assert penalty == pytest.approx(0.9, abs=1e-15)
    assert losses.doubly_stochastic_forward(alpha, mask, "mean")[0] == pytest.approx(0.225, abs=1e-15)
    dalpha = losses.doubly_stochastic_backward(1.0, cache)
    np.testing.assert_allclose(dalpha, -2 * np.array([[[0.8, 0.1, 0.4, -0.3]]] * 3), rtol=0, atol=1e-15)


def test_largest_penalty_of_the_slides():
    penalty, _ = losses.doubly_stochastic_forward(*one_caption([0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]))
    assert penalty == 7


@pytest.mark.parametrize(("words", "locations"), [(3, 4), (4, 4), (1, 6), (12, 196), (9, 2)])
def test_bounds_of_the_penalty(rng, words, locations):
    """Check the largest penalty, with all attention on one location, and the smallest, with uniform attention."""

    def penalty(maps):
        return losses.doubly_stochastic_forward(*one_caption(*maps))[0]

    largest, smallest = (words - 1) ** 2 + (locations - 1), (locations - words) ** 2 / locations
    assert penalty([np.eye(locations)[0]] * words) == pytest.approx(largest)
    assert penalty(np.full((words, locations), 1 / locations)) == pytest.approx(smallest, abs=1e-12)
    for _ in range(20):
        assert smallest - 1e-9 <= penalty(distributions(rng, words, locations)) <= largest + 1e-9


def test_uniform_attention_reaches_the_target_t_over_l():
    uniform = np.full((T, B, L), 1 / L)
    assert losses.doubly_stochastic_forward(uniform, MASK, target="T/L")[0] == pytest.approx(0, abs=1e-28)


@penalties
def test_penalty_ignores_padding(rng, normalisation, target):
    alpha = distributions(rng, T, B, L)
    penalty, cache = losses.doubly_stochastic_forward(alpha, MASK, normalisation, target)
    dalpha = losses.doubly_stochastic_backward(0.7, cache)
    padding = MASK == 0
    alpha[padding] = 1e4 * rng.standard_normal((padding.sum(), L))
    penalty_other, cache_other = losses.doubly_stochastic_forward(alpha, MASK, normalisation, target)
    assert penalty_other == penalty
    np.testing.assert_array_equal(losses.doubly_stochastic_backward(0.7, cache_other), dalpha)
    assert not dalpha[padding].any()
    assert dalpha[~padding].all()


def test_the_default_is_that_of_the_paper(rng):
    alpha = distributions(rng, T, B, L)
    penalty, _ = losses.doubly_stochastic_forward(alpha, MASK, "sum", "one")
    assert losses.doubly_stochastic_forward(alpha, MASK)[0] == penalty


@pytest.mark.parametrize(("normalisation", "target"), [("max", "one"), ("sum", "T")])
def test_unknown_option(normalisation, target):
    with pytest.raises(ValueError, match=f"normalisation is sum or mean, target one or T/L, not '{normalisation}'"):
        losses.doubly_stochastic_forward(np.ones((T, B, L)), MASK, normalisation, target)


@penalties
def test_penalty_float32(rng, normalisation, target):
    inputs = {"alpha": distributions(rng, T, B, L)}
    options = {"mask": MASK, "normalisation": normalisation, "target": target}
    forward, backward = losses.doubly_stochastic_forward, losses.doubly_stochastic_backward
    helpers.check_float32(forward, backward, inputs, rng, options)
    _, cache = losses.doubly_stochastic_forward(inputs["alpha"].astype("f4"), MASK.astype("f4"), normalisation, target)
    assert losses.doubly_stochastic_backward(1.0, cache).dtype == np.float32
