"""Tests of layers.policy: the policy gradient, and that its mean over samples is the gradient of the expected score."""

from itertools import product

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import losses, policy, softmax

T, B, V = 4, 6, 5
MASK = (np.arange(T)[:, None] < [4, 1, 3, 2, 4, 3]) * 1.0
BASELINES = pytest.mark.parametrize("b", [0.0, 3.0])


def random_arguments(rng):
    """Return the logits and the other arguments of policy_forward."""
    words, weights = rng.integers(V, size=(T, B)), rng.standard_normal(B)
    return {"logits": rng.standard_normal((T, B, V))}, {"words": words, "mask": MASK, "weights": weights}


def test_gradients(rng):
    inputs, options = random_arguments(rng)
    report = gradcheck.check_layer(policy.policy_forward, policy.policy_backward, inputs, rng, options)
    assert report.ok, str(report)


def test_the_loss_is_the_definition(rng):
    inputs, options = random_arguments(rng)
    p, _ = softmax.softmax_forward(inputs["logits"])
    expected = 0.0
    for t, b in np.ndindex(T, B):
        expected -= options["weights"][b] * MASK[t, b] * np.log(p[t, b, options["words"][t, b]]) / B
    loss, cache = policy.policy_forward(**inputs, **options)
    assert loss == pytest.approx(expected, rel=1e-13) and np.shape(loss) == ()
    np.testing.assert_array_equal(cache.likelihood.mask, MASK)  # word_log_probabilities reads it, too


def test_weight_1_gives_the_gradient_of_cross_entropy(rng):
    inputs, options = random_arguments(rng)
    _, cache = policy.policy_forward(**inputs, **{**options, "weights": np.ones(B)})
    _, cache_cross_entropy = losses.cross_entropy_forward(inputs["logits"], options["words"], MASK)
    np.testing.assert_allclose(
        policy.policy_backward(0.7, cache), losses.cross_entropy_backward(0.7, cache_cross_entropy)
    )


@BASELINES
def test_the_mean_over_samples_is_the_gradient_of_the_expected_score(rng, b):
    """Check all captions of two words, weighted by their probabilities, for any b."""
    captions = np.array(list(product(range(V), repeat=2))).T
    logits, r = rng.standard_normal((2, V)), rng.standard_normal((V, V))
    p, cache = softmax.softmax_forward(logits)
    exact = softmax.softmax_backward(np.stack([r @ p[1], r.T @ p[0]]), cache)  # of sum_kl p_k p_l r_kl
    probabilities = p[0][captions[0]] * p[1][captions[1]]
    weights = captions.shape[1] * probabilities * (r[captions[0], captions[1]] - b)
    repeated = np.repeat(logits[:, None], captions.shape[1], axis=1)
    _, cache = policy.policy_forward(repeated, captions, np.ones(captions.shape), weights)
    np.testing.assert_allclose(policy.policy_backward(-1.0, cache).sum(axis=1), exact, atol=1e-14)


def test_the_advantage_is_over_the_greedy_caption_of_the_same_image():
    advantages = policy.advantage(np.array([3.0, 1.0, 0.5, 2.0, 4.0, 2.5]), np.array([1.0, 2.0]))
    assert advantages.tolist() == [2, 0, -0.5, 0, 2, 0.5]
    assert policy.advantage(np.array([3.0, 1.0]), np.array([1.0, 2.0])).tolist() == [2, -1]


def test_the_advantage_over_the_others_of_the_same_image():
    advantages = policy.advantage_over_others(np.array([3.0, 1.0, 0.5, 2.0, 4.0, 3.0]), 3)
    assert advantages.tolist() == [2.25, -0.75, -1.5, -1.5, 1.5, 0]
    assert policy.advantage_over_others(np.array([3.0, 1.0, 2.0, 2.0]), 2).tolist() == [2, -2, 0, 0]


def test_the_other_samples_as_baseline_do_not_change_the_mean_gradient(rng):
    """Check the mean over all pairs of samples of an image against sum_y p(y) r(y) d log p(y)."""
    p, r, slopes = rng.dirichlet(np.ones(4)), rng.standard_normal(4), rng.standard_normal((4, 5))
    slopes -= p @ slopes  # d log p: its mean is 0
    pairs = [(y, other) for y in range(4) for other in range(4)]
    advantages = policy.advantage_over_others(r[np.array(pairs)].ravel(), 2).reshape(-1, 2)
    gradients = [
        p[y] * p[other] * (advantage_y * slopes[y] + advantage_other * slopes[other]) / 2
        for (y, other), (advantage_y, advantage_other) in zip(pairs, advantages, strict=True)
    ]
    np.testing.assert_allclose(np.sum(gradients, axis=0), (p * r) @ slopes, rtol=0, atol=1e-14)


def test_float32_is_close_to_float64(rng):
    inputs, options = random_arguments(rng)
    loss, cache = policy.policy_forward(**inputs, **options)
    exact = policy.policy_backward(0.7, cache)
    single = {name: array.astype(np.float32) for name, array in {**inputs, **options}.items() if name != "words"}
    loss_32, cache = policy.policy_forward(**{**single, "words": options["words"]})
    dlogits = policy.policy_backward(0.7, cache)
    assert loss_32.dtype == dlogits.dtype == np.float32
    np.testing.assert_allclose(loss_32, loss, rtol=1e-5)
    np.testing.assert_allclose(dlogits, exact, atol=1e-6)
