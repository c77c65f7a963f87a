"""Tests of layers.embedding: one-hot vectors and the lookup of word vectors."""

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import embedding

V, M = 7, 3


@pytest.mark.parametrize("shape", [(4,), (5, 2), (2, 4, 3), (1,)])
def test_gradients(rng, shape):
    """Check shapes that include more words than the vocabulary of 7, so that words repeat."""
    report = gradcheck.check_layer(
        embedding.embedding_forward,
        embedding.embedding_backward,
        {"E": rng.standard_normal((V, M))},
        rng,
        {"words": rng.integers(V, size=shape)},
    )
    assert report.ok, str(report)


def test_forward_is_a_one_hot_product(rng):
    """Check the corpus of the course's slides, which has seven different words."""
    corpus = ["I live in Rome", "I live in Paris", "I live in Italy", "I live in France"]
    vocabulary = list(dict.fromkeys(word for sentence in corpus for word in sentence.split()))
    assert vocabulary == ["I", "live", "in", "Rome", "Paris", "Italy", "France"]
    words = np.array([[vocabulary.index(word) for word in sentence.split()] for sentence in corpus])
    one_hot = embedding.one_hot(words, len(vocabulary))
    assert one_hot.shape == (4, 4, 7) and one_hot.dtype == np.float64
    assert ((one_hot == 0) | (one_hot == 1)).all()
    np.testing.assert_array_equal(one_hot.sum(axis=-1), 1)
    np.testing.assert_array_equal(one_hot[3], np.eye(7)[[0, 1, 2, 6]])

    E = rng.standard_normal((len(vocabulary), M))
    Ey, _ = embedding.embedding_forward(E, words)
    np.testing.assert_array_equal(Ey, one_hot @ E)
    np.testing.assert_array_equal(Ey[3, 3], E[vocabulary.index("France")])


@pytest.mark.parametrize("shape", [(), (0, 2), (1,), (3, 5, 2)])
def test_one_hot_of_any_shape(rng, shape):
    words = np.asarray(rng.integers(V, size=shape))
    one_hot = embedding.one_hot(words, V)
    assert one_hot.shape == (*shape, V)
    np.testing.assert_array_equal(one_hot.argmax(axis=-1), words)


@pytest.mark.parametrize("word", [V, -1, -V, 1000])
def test_one_hot_of_an_index_out_of_range(word):
    """Check that negative indices do not count from the end."""
    with pytest.raises(IndexError, match=r"must be in 0\.\.6"):
        embedding.one_hot(np.array([[0, V - 1], [word, 3]]), V)


def test_repeated_words_sum_their_gradients(rng):
    words = np.array([[5, 1, 5], [5, 1, 0]])
    dEy = rng.standard_normal((2, 3, M))
    _, cache = embedding.embedding_forward(rng.standard_normal((V, M)), words)
    expected = np.zeros((V, M))
    for index in np.ndindex(words.shape):
        expected[words[index]] += dEy[index]
    dE = embedding.embedding_backward(dEy, cache)
    np.testing.assert_allclose(dE, expected, rtol=0, atol=1e-15)
    assert not dE[[2, 3, 4, 6]].any()


def test_backward_of_words_and_gradients_in_another_memory_order(rng):
    """Check transposed views, because (T, B) arrays are often views of (B, T) arrays."""
    E, words, dEy = rng.standard_normal((V, M)), rng.integers(V, size=(5, 2)), rng.standard_normal((5, 2, M))
    dE = embedding.embedding_backward(dEy, embedding.embedding_forward(E, words)[1])
    dEy_view = np.ascontiguousarray(dEy.transpose(2, 1, 0)).transpose(2, 1, 0)
    dE_view = embedding.embedding_backward(dEy_view, embedding.embedding_forward(E, np.asfortranarray(words))[1])
    np.testing.assert_allclose(dE_view, dE, rtol=0, atol=1e-15)


def test_result_is_not_a_view_of_the_embedding(rng):
    E = rng.standard_normal((V, M))
    assert not np.shares_memory(embedding.embedding_forward(E, np.arange(V))[0], E)


def test_no_words(rng):
    Ey, cache = embedding.embedding_forward(rng.standard_normal((V, M)), np.empty((0, 2), int))
    assert Ey.shape == (0, 2, M)
    assert not embedding.embedding_backward(Ey, cache).any()


def test_unknown_word(rng):
    with pytest.raises(IndexError):
        embedding.embedding_forward(rng.standard_normal((V, M)), np.array([0, V]))


def test_float32(rng):
    helpers.check_float32(
        embedding.embedding_forward,
        embedding.embedding_backward,
        {"E": rng.standard_normal((V, M))},
        rng,
        {"words": rng.integers(V, size=(5, 2))},
    )
