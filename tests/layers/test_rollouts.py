"""Test the rewards of words by roll-outs, and the policy loss of weighted words."""

import numpy as np

from numpy_sat.check import gradcheck
from numpy_sat.layers import policy, rollouts

T, B, V = 3, 4, 5
MASK = (np.arange(T)[:, None] < [3, 1, 2, 3]) * 1.0


def test_rewards_by_hand():
    rollout_rewards = np.array([[[0.2, 9.0], [0.6, 9.0], [9.0, 9.0]], [[0.4, 9.0], [1.0, 9.0], [9.0, 9.0]]])
    mask = np.array([[1.0, 1], [1, 0], [1, 0]])
    values = rollouts.word_rewards(rollout_rewards, np.array([0.5, 0.7]), mask)
    np.testing.assert_allclose(values, [[0.3, 0.7], [0.8, 0], [0.5, 0]])
    assert rollout_rewards[0, 2, 0] == 9


def test_advantages_by_hand():
    values, mask = np.array([[3.0, 4, 5, 6], [1, 9, 2, 7]]), np.array([[1.0, 1, 1, 1], [1, 0, 1, 1]])
    of_images = rollouts.word_advantages(values, np.array([1.0, 2]), mask)
    assert of_images.tolist() == [[2, 3, 3, 4], [0, 0, 0, 5]]
    of_captions = rollouts.word_advantages(values, np.array([1.0, 1, 2, 3]), mask)
    assert of_captions.tolist() == [[2, 3, 3, 3], [0, 0, 0, 4]]
    of_one_image = rollouts.word_advantages(values, np.array([2.0]), mask)
    assert of_one_image.tolist() == [[1, 2, 3, 4], [-1, 0, 0, 5]]


def policy_arguments(rng):
    words, weights = rng.integers(V, size=(T, B)), rng.standard_normal((T, B))
    return {"logits": rng.standard_normal((T, B, V))}, {"words": words, "mask": MASK, "weights": weights}


def test_gradients(rng):
    inputs, options = policy_arguments(rng)
    report = gradcheck.check_layer(rollouts.word_policy_forward, policy.policy_backward, inputs, rng, options)
    assert report.ok, str(report)


def test_equal_weights_of_a_captions_words_are_the_weight_of_the_caption(rng):
    inputs, options = policy_arguments(rng)
    caption_options = options | {"weights": options["weights"][0]}
    word_options = options | {"weights": np.tile(options["weights"][0], (T, 1))}
    expected, cache = policy.policy_forward(**inputs, **caption_options)
    loss, cache_words = rollouts.word_policy_forward(**inputs, **word_options)
    np.testing.assert_allclose(loss, expected)
    np.testing.assert_allclose(policy.policy_backward(0.7, cache_words), policy.policy_backward(0.7, cache))


def test_a_word_has_its_own_weight(rng):
    inputs, options = policy_arguments(rng)
    weights = np.zeros((T, B))
    weights[1, 2] = 2
    loss, cache = rollouts.word_policy_forward(**inputs, **options | {"weights": weights})
    log_p = np.log(np.exp(inputs["logits"][1, 2]) / np.exp(inputs["logits"][1, 2]).sum())
    np.testing.assert_allclose(loss, -2 * log_p[options["words"][1, 2]] / B)
    assert {tuple(place) for place in np.argwhere(policy.policy_backward(1.0, cache))[:, :2]} == {(1, 2)}
