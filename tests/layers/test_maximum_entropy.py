"""Test the logits of the maximum-entropy language model."""

import numpy as np

from numpy_sat.check import gradcheck
from numpy_sat.layers import maximum_entropy

# word 2 is <end>; nothing is detected at positions 2 to 4; features 1 and 4 never fire
NGRAMS = maximum_entropy.Ngrams(
    np.array([0, 0, 1, 2, 3, 0]), np.array([0, 2, 3, 3, 0, 3]), np.array([1, 3, 2, 0, 2, 3])
)
DETECTED = np.array([[True, False, False, True], [False, False, True, True], *3 * [4 * [False]]])


def draw(rng):
    return {
        "unigram": rng.standard_normal((2, 4)),
        "ngram": rng.standard_normal((2, 5)),
        "evidence": rng.standard_normal(3),
    }


def test_gradients(rng):
    log_p = -rng.random((5, 4))

    def forward(unigram, ngram, evidence):
        return maximum_entropy.maximum_entropy_forward(unigram, ngram, evidence, NGRAMS, log_p, DETECTED, 2)

    report = gradcheck.check_layer(forward, maximum_entropy.maximum_entropy_backward, draw(rng), rng)
    assert report.ok, str(report)


def test_by_its_definition(rng):
    weights, log_p = draw(rng), -rng.random((5, 4))
    logits, _ = maximum_entropy.maximum_entropy_forward(*weights.values(), NGRAMS, log_p, DETECTED, 2)
    attribute, score, end = weights["evidence"]
    expected = np.zeros((5, 4))
    for position, word in np.ndindex(5, 4):
        inside = int(DETECTED[position, word])
        expected[position, word] = weights["unigram"][inside, word]
        expected[position, word] += inside * (attribute + score * log_p[position, word])
        for place, feature, completed in zip(*NGRAMS, strict=True):
            if (place, completed) == (position, word):
                expected[position, word] += weights["ngram"][inside, feature]
    expected[2:, 2] += end
    np.testing.assert_allclose(logits, expected)


def test_the_dtype_of_the_input(rng):
    weights, log_p = (array.astype(np.float32) for array in draw(rng).values()), -rng.random((5, 4), dtype=np.float32)
    logits, cache = maximum_entropy.maximum_entropy_forward(*weights, NGRAMS, log_p, DETECTED, 2)
    arrays = logits, *maximum_entropy.maximum_entropy_backward(np.ones_like(logits), cache)
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
