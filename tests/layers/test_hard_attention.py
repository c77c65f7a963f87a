"""Tests of layers.hard_attention: samples, their gradients, and the proof that the gradient is that of the bound."""

import itertools
import math

import helpers
import numpy as np
import pytest
import whole_model

from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.decoders import attend_tell, hard
from numpy_sat.layers import hard_attention

T, B, L = 4, 6, 5


def random_attention(rng, *shape):
    """Return alpha: (*shape, L), which sums to 1 and stays positive under the steps of finite differences."""
    return 0.9 * rng.dirichlet(np.ones(L), shape) + 0.1 / L


def mask_from_lengths(*lengths):
    return (np.arange(max(lengths))[:, None] < lengths) * 1.0


# Forward and backward functions, as functions of alpha alone.


def draw_pair(uniforms, expected):
    def forward(alpha):
        weights, _, cache = hard_attention.draw_forward(alpha, uniforms, expected)
        return weights, cache

    return forward, hard_attention.draw_backward


def log_p_pair(s):
    return lambda alpha: hard_attention.location_log_p_forward(alpha, s), hard_attention.location_log_p_backward


def entropy_pair(mask):
    return lambda alpha: hard_attention.entropy_forward(alpha, mask), hard_attention.entropy_backward


def middles(alpha, s):
    """Return uniform numbers that sample s, as far as possible from those of other locations."""
    upto = alpha.cumsum(axis=-1)
    return np.take_along_axis(upto - alpha / 2, s[..., None], axis=-1)[..., 0]


def test_gradients_of_samples(rng):
    """Check that they are the upstream gradient for the expected context, and zero for a sample."""
    alpha, s = random_attention(rng, B), rng.integers(0, L, B)
    for expected in (np.zeros(B, bool), np.ones(B, bool), np.arange(B) % 3 == 1):
        report = gradcheck.check_layer(*draw_pair(middles(alpha, s), expected), {"alpha": alpha}, rng)
        assert report.ok, str(report)


@pytest.mark.parametrize("shape", [(T, B), (1, 3), (5, 5)])
def test_gradients_of_log_p_and_entropy(rng, shape):
    inputs = {"alpha": random_attention(rng, *shape)}
    mask = mask_from_lengths(*rng.permuted(np.r_[shape[0], rng.integers(1, shape[0] + 1, shape[1] - 1)]))
    for pair in (log_p_pair(rng.integers(0, L, shape)), entropy_pair(mask)):
        report = gradcheck.check_layer(*pair, inputs, rng)
        assert report.ok, str(report)


@pytest.mark.parametrize("pair", ["draw", "log_p", "entropy"])
def test_float32(rng, pair):
    alpha, s = random_attention(rng, T, B), rng.integers(0, L, (T, B))
    lengths = (4, 1, 3, 2, 4, 1)
    if pair == "draw":
        forward, backward = draw_pair(middles(alpha[0], s[0]), np.arange(B) % 2 == 0)
        helpers.check_float32(forward, backward, {"alpha": alpha[0]}, rng)
    elif pair == "log_p":
        helpers.check_float32(*log_p_pair(s), {"alpha": alpha}, rng)
    else:
        helpers.check_float32(
            hard_attention.entropy_forward,
            hard_attention.entropy_backward,
            {"alpha": alpha},
            rng,
            {"mask": mask_from_lengths(*lengths)},
        )


@pytest.mark.parametrize(
    ("uniform", "location"), [(0.0, 0), (0.2, 0), (0.25, 1), (0.7, 1), (0.75, 3), (0.9, 3), (1 - 2**-53, 3)]
)
def test_the_sample_is_the_first_location_whose_sum_exceeds_the_number(uniform, location):
    """Check that a location with alpha 0 is never sampled, and that the last is never exceeded."""
    alpha = np.array([[0.25, 0.5, 0.0, 0.25, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
    weights, s, _ = hard_attention.draw_forward(alpha, np.full(2, uniform), np.zeros(2, bool))
    assert s.tolist() == [location, 2]
    np.testing.assert_array_equal(weights, np.eye(L)[s])


def test_sample_from_weights_that_do_not_sum_to_1():
    """Check that uniform numbers are scaled by the total: the cumulative sums are 0.3, 0.6 and 0.9."""
    alpha = np.full((3, 3), 0.3)
    _, s, _ = hard_attention.draw_forward(alpha, np.array([0.999999, 0.62, 0.7]), np.zeros(3, bool))
    assert s.tolist() == [2, 1, 2]


def test_samples_are_as_frequent_as_alpha(rng):
    alpha = random_attention(rng, 3)
    count = 20_000
    _, s, _ = hard_attention.draw_forward(
        np.repeat(alpha, count, axis=0), rng.random(3 * count), np.zeros(3 * count, bool)
    )
    for row, locations in zip(alpha, s.reshape(3, count), strict=True):
        z = (np.bincount(locations, minlength=L) - count * row) / np.sqrt(count * row * (1 - row))
        assert np.abs(z).max() < 4


def test_the_expected_context_is_soft_attention(rng):
    alpha, expected = random_attention(rng, B), np.array([True, False, False, True, True, False])
    weights, s, _ = hard_attention.draw_forward(alpha, rng.random(B), expected)
    np.testing.assert_array_equal(weights[expected], alpha[expected])
    np.testing.assert_array_equal(weights[~expected], np.eye(L)[s[~expected]])


def test_log_p_and_entropy_are_their_definitions(rng):
    alpha, s, lengths = random_attention(rng, T, B), rng.integers(0, L, (T, B)), (4, 1, 3, 2, 4, 1)
    log_p, _ = hard_attention.location_log_p_forward(alpha, s)
    entropy, _ = hard_attention.entropy_forward(alpha, mask_from_lengths(*lengths))
    total = 0.0
    for b, length in enumerate(lengths):
        for t in range(T):
            assert log_p[t, b] == pytest.approx(math.log(alpha[t, b, s[t, b]]), rel=1e-14)
            total -= sum(p * math.log(p) for p in alpha[t, b]) if t < length else 0
    assert entropy == pytest.approx(total / B, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_smallest_and_largest_entropy(dtype):
    """Check that attention on one location has entropy 0 without NaN, and uniform attention ln L per word."""
    mask = mask_from_lengths(3, 2).astype(dtype)
    alpha = np.zeros((3, 2, L), dtype)
    alpha[..., 2] = 1
    entropy, cache = hard_attention.entropy_forward(alpha, mask)
    assert entropy == 0 and np.isfinite(hard_attention.entropy_backward(dtype(1), cache)).all()
    entropy, _ = hard_attention.entropy_forward(np.full_like(alpha, 1 / L), mask)
    assert entropy == pytest.approx(2.5 * math.log(L), rel=1e-6)


def test_advantage_by_hand():
    """Check captions of three, one and two words with b = -4. With reward-to-go, b counts for two words, the mean."""
    log_p = np.array([[-1.0, -3.0, -1.0], [-2.0, 0.0, -5.0], [-4.0, 0.0, 0.0]])
    mask, baseline = mask_from_lengths(3, 1, 2), np.array([-4.0])
    advantages = hard_attention.advantage(log_p, mask, baseline)
    np.testing.assert_allclose(advantages, [[-3, 1, -2], [-3, 0, -2], [-3, 0, 0]], rtol=1e-15)
    advantages = hard_attention.advantage(log_p, mask, baseline, to_go=True)
    expected = [[-7 + 6, -3 + 2, -6 + 4], [-6 + 4, 0, -5 + 2], [-4 + 2, 0, 0]]
    np.testing.assert_allclose(advantages, expected, rtol=1e-15)


def test_advantage_keeps_float32():
    log_p, mask = np.full((2, 3), -1, np.float32), np.ones((2, 3), np.float32)
    for to_go in (False, True):
        assert hard_attention.advantage(log_p, mask, np.zeros(1, np.float32), to_go).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_baseline_is_a_moving_average(dtype):
    baseline, log_p = np.array([-10], dtype), np.array([[-1, -3, -1], [-2, 0, -5]], dtype)
    assert hard_attention.move_baseline(baseline, log_p) is None
    np.testing.assert_allclose(baseline, [-9.4], rtol=1e-6)
    assert baseline.dtype == dtype
    for _ in range(200):
        hard_attention.move_baseline(baseline, log_p)
    np.testing.assert_allclose(baseline, [-4], rtol=1e-6)
    assert log_p.tolist() == [[-1, -3, -1], [-2, 0, -5]]


# The proof. There are so few locations and words that the bound is a sum over all sequences of locations.

WORDS, LOCATIONS, IMAGES = 3, 3, 30
PLAIN = whole_model.TINY.replace(
    **{
        "model": "hard",
        "embedding_size": 3,
        "hidden_size": 4,
        "attention_size": 3,
        "dropout": 0.0,
        "label_smoothing": 0.0,
        "attention_penalty": 0.0,
    },
    **{"reinforce_weight": 1.0, "entropy_weight": 0.0, "expected_context": 0.0},
)
BASELINE = -8.0  # a constant that does not depend on the samples
SEQUENCES = np.array(list(itertools.product(range(LOCATIONS), repeat=WORDS)))  # (L^T, T)


def random_problem(rng, images):
    """Return parameters, annotations, and the words and targets (T, N) of one caption per image."""
    params = hard.init_params(rng, 4, PLAIN, rng.standard_normal(5), np.float64)
    params = {name: x + 0.5 * rng.standard_normal(x.shape) for name, x in params.items()}
    a = 1.5 * rng.standard_normal((images, LOCATIONS, 4))
    return params, a, *rng.integers(0, 5, (2, WORDS, images))


def log_probabilities(params, a, words, targets):
    """Compute log p(s | a) and log p(y | s, a) of one caption for all SEQUENCES, without the library.

    Returns:
        log_p_s: (L^T,).
        log_p_y: (L^T,).
    """
    p, log_p_s, log_p_y = params, 0.0, 0.0
    h, c = (np.tile(np.tanh(a.mean(axis=0) @ p[f"W_{x}"] + p[f"b_{x}"]), (len(SEQUENCES), 1)) for x in ("h0", "c0"))
    for t in range(WORDS):
        s = SEQUENCES[:, t]
        e = np.tanh(a @ p["W_a"] + p["b_a"] + (h @ p["W_h"])[:, None]) @ p["v"]
        log_p_s += e[np.arange(len(s)), s] - np.log(np.exp(e).sum(axis=1))
        z, Ey = a[s], np.tile(p["E"][words[t]], (len(s), 1))
        affine = np.hstack([Ey, z]) @ p["W_x"] + h @ p["W_hh"] + p["b"]
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in np.split(affine, 4, axis=1)[:3])
        c = f * c + i * np.tanh(affine[:, -c.shape[1] :])
        h = o * np.tanh(c)
        logits = (Ey + h @ p["L_h"] + z @ p["L_z"]) @ p["L_o"] + p["b_o"]
        log_p_y += logits[:, targets[t]] - np.log(np.exp(logits).sum(axis=1))
    return log_p_s, log_p_y


def bound(*caption):
    """Compute equation 10, L_s = sum_s p(s | a) log p(y | s, a)."""
    log_p_s, log_p_y = log_probabilities(*caption)
    return (np.exp(log_p_s) * log_p_y).sum()


def uniforms_for_sequences(params, a, words):
    """Return uniform numbers, (T, L^T), with which the decoder samples SEQUENCES, one word after the other."""
    K = len(SEQUENCES)
    uniforms = np.zeros((WORDS, K))
    for t in range(WORDS):
        alpha = decode(params, a, words, uniforms)[1]
        uniforms[t] = middles(alpha[t], SEQUENCES[:, t])
    assert np.array_equal(decode(params, a, words, uniforms)[2].T, SEQUENCES)
    return uniforms


def decode(params, a, words, uniforms):
    """Run decode_forward on one caption, once for each of SEQUENCES."""
    K = len(SEQUENCES)
    words, mask_h = np.repeat(words[:, None], K, axis=1), np.ones((WORDS, K, PLAIN.decoder.hidden_size))
    modes = hard.training_modes(uniforms, np.zeros(K, bool))
    logits, alpha, cache = attend_tell.decode_forward(params, a[None], words, mask_h, hard.DECODER_PARTS, modes)
    return logits, alpha, attend_tell.locations(cache), cache


def exact_gradients(params, a, words, targets):
    """Compute equation 11, sum_s p(s | a) [d log p(y | s, a) + log p(y | s, a) d log p(s | a)]."""
    logits, alpha, s, cache = decode(params, a, words, uniforms_for_sequences(params, a, words))
    log_p_s, log_p_y = log_probabilities(params, a, words, targets)
    p_s = np.exp(log_p_s)
    p_y = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    dlogits = p_s[:, None] * (np.eye(5)[targets][:, None] - p_y)
    _, cache_s = hard_attention.location_log_p_forward(alpha, s)
    dalpha = hard_attention.location_log_p_backward(np.tile(p_s * log_p_y, (WORDS, 1)), cache_s)
    da, grads = attend_tell.decode_backward(dlogits, dalpha, cache)
    return {**grads, "a": da[0]}


def test_proof_the_exact_gradient_is_that_of_the_bound(rng, general_decoder):
    """Check every parameter and the annotations against finite differences of the bound."""
    params, (a,), words, targets = random_problem(rng, 1)
    caption = words[:, 0], targets[:, 0]
    for name, exact in exact_gradients(params, a, *caption).items():
        variable = a if name == "a" else params[name]
        numeric = gradcheck.numerical_gradient(lambda: bound(params, a, *caption), variable)
        assert gradcheck.relative_error(exact, numeric) < 1e-7, name


def test_proof_log_p_of_every_sequence_is_its_definition(rng, general_decoder):
    params, (a,), words, targets = random_problem(rng, 1)
    logits, alpha, s, _ = decode(params, a, words[:, 0], uniforms_for_sequences(params, a, words[:, 0]))
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    log_p_s, log_p_y = log_probabilities(params, a, words[:, 0], targets[:, 0])
    log_p_locations = hard_attention.location_log_p_forward(alpha, s)[0].sum(axis=0)
    np.testing.assert_allclose(log_p_locations, log_p_s, rtol=0, atol=1e-13)
    np.testing.assert_allclose(sum(log_p[t][:, targets[t, 0]] for t in range(WORDS)), log_p_y, rtol=0, atol=1e-13)
    assert np.exp(log_p_s).sum() == pytest.approx(1, rel=1e-13)


def test_proof_the_bound_never_exceeds_log_p(rng, general_decoder):
    """Check L_s < log p(y | a) = log sum_s p(s | a) p(y | s, a), and equality if all locations are equal."""
    for _ in range(100):
        params, (a,), words, targets = random_problem(rng, 1)
        caption = words[:, 0], targets[:, 0]
        log_p = np.log(np.exp(np.add(*log_probabilities(params, a, *caption))).sum())
        assert bound(params, a, *caption) < log_p < 0
        equal = np.repeat(a[:1], LOCATIONS, axis=0)
        log_p = np.log(np.exp(np.add(*log_probabilities(params, equal, *caption))).sum())
        assert bound(params, equal, *caption) == pytest.approx(log_p, rel=1e-12)


class FixedRandom:
    """A replacement of a Generator that returns the given numbers one after the other."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def random(self, shape, dtype=np.float64):
        numbers = np.asarray(self.numbers.pop(0), dtype)
        return np.broadcast_to(numbers, shape)


def gradient_estimates(params, a, words, targets, config):
    """Return the gradients of the loss for each of SEQUENCES, as if a single sample had been that sequence."""
    estimates = []
    for uniforms in uniforms_for_sequences(params, a, words).T:
        batch = batches.Batch(None, words[:, None], targets[:, None], np.ones((WORDS, 1)))
        params["baseline"][:] = BASELINE
        fixed = FixedRandom(1.0, uniforms[:, None])  # choice of the expected context, locations
        _, da, grads = hard.loss_and_grads(params, a[None], batch, config, fixed)
        estimates.append({**grads, "a": da[0]})
    return estimates


@pytest.mark.parametrize("to_go", [False, True])
def test_proof_the_mean_over_all_sequences_is_the_exact_gradient(rng, general_decoder, to_go):
    """Check the mean over all sequences, weighted by p(s | a), without and with reward-to-go."""
    params, (a,), words, targets = random_problem(rng, 1)
    caption = words[:, 0], targets[:, 0]
    p_s = np.exp(log_probabilities(params, a, *caption)[0])
    estimates = gradient_estimates(params, a, *caption, PLAIN.replace(reward_to_go=to_go))
    for name, exact in exact_gradients(params, a, *caption).items():
        mean = sum(p * grads[name] for p, grads in zip(p_s, estimates, strict=True))
        assert gradcheck.relative_error(-mean, exact) < 1e-12, name


def z_scores(rng, config, images=IMAGES, captions=8, runs=100):
    """Return the error of the mean gradient of many samples, in standard errors, for every number of every array."""
    params, a, words, targets = random_problem(rng, images)
    image_gradients = [exact_gradients(params, a[n], words[:, n], targets[:, n]) for n in range(images)]
    names = [name for name in image_gradients[0] if name != "a"]
    exact = {name: sum(grads[name] for grads in image_gradients) / images for name in names}
    exact["a"] = np.stack([grads["a"] for grads in image_gradients]) / images
    words, targets = (np.repeat(x, captions, axis=1) for x in (words, targets))
    batch, estimates = batches.Batch(None, words, targets, np.ones(words.shape)), []
    for _ in range(runs):
        params["baseline"][:] = BASELINE
        _, da, grads = hard.loss_and_grads(params, a, batch, config, rng)
        estimates.append(np.concatenate([-{**grads, "a": da}[name].ravel() for name in exact]))
    mean, standard_error = np.mean(estimates, axis=0), np.std(estimates, axis=0, ddof=1) / np.sqrt(runs)
    error = mean - np.concatenate([x.ravel() for x in exact.values()])
    is_random = standard_error > 1e-14  # False, for example, for the rows of E that no caption uses
    z = np.divide(error, standard_error, out=np.where(np.abs(error) < 1e-13, 0, np.inf), where=is_random)
    return z[is_random | (z != 0)]


def root_mean_square(z):
    return np.sqrt(np.mean(z * z))


@pytest.mark.slow
def test_proof_the_mean_of_many_samples_is_the_exact_gradient(rng, general_decoder):
    """Check 24,000 captions of each of six models, because the errors within a model are correlated."""
    z = np.concatenate([z_scores(rng, PLAIN) for _ in range(6)])
    assert len(z) > 3000 and np.abs(z).max() < 5
    assert 0.9 < root_mean_square(z) < 1.1


@pytest.mark.parametrize(
    "settings",
    [
        {"reinforce_weight": 0.7},
        {"reinforce_weight": 0.0},
        {"entropy_weight": 0.5},
        {"expected_context": 0.1},
        {"authors_code": True},
    ],
    ids=str,
)
def test_proof_a_wrong_gradient_is_noticed(rng, general_decoder, settings):
    assert root_mean_square(z_scores(rng, PLAIN.replace(**settings))) > 1.3


def test_proof_a_baseline_that_depends_on_the_sample_is_noticed(rng, general_decoder, monkeypatch):
    """Check that the mean is wrong if the baseline is half of the log p of the caption itself."""
    advantage = hard_attention.advantage
    monkeypatch.setattr(hard_attention, "advantage", lambda log_p, *rest: advantage(log_p / 2, *rest))
    assert root_mean_square(z_scores(rng, PLAIN)) > 1.3
