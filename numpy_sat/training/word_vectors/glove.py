"""Train GloVe (Pennington, Socher and Manning 2014) on the co-occurrence counts of captions."""

import numpy as np

from numpy_sat.kernels import elementwise
from numpy_sat.layers import glove
from numpy_sat.system import progress
from numpy_sat.training import optimizers
from numpy_sat.training.word_vectors.corpus import WINDOW, Corpus

BATCH = 8192  # pairs of words
STEPS = 1000
RATE = 0.03  # of Adam, at its peak


def train(corpus: Corpus, M: int, rng: np.random.Generator) -> np.ndarray:
    """Train the vectors of all words.

    Args:
        corpus: the captions.
        M: size of a vector.
        rng: numpy Generator.
    Returns:
        (V, M) sums of both vectors of each word, as the paper recommends.
    """
    V = len(corpus.counts)
    i, j, X = _counts(corpus)
    params = {name: (rng.random((V, M), np.float32) - np.float32(0.5)) / np.float32(M) for name in ("w", "w_tilde")}
    params |= {name: np.zeros((V, 1), np.float32) for name in ("b", "b_tilde")}
    state: dict = {}
    for step in progress.bar(range(STEPS), desc="GloVe", leave=False):
        batch = rng.integers(0, len(i), BATCH) if len(i) > BATCH else slice(None)
        grads = _gradients(params, i[batch], j[batch], X[batch])
        optimizers.adam_update(params, grads, state, optimizers.cosine_rate(step, STEPS, RATE, 50))
    return params["w"] + params["w_tilde"]


def _gradients(params, i, j, X):
    """Return the gradients of all tables for P pairs. i, j: (P,) word numbers; X: (P,) counts."""
    rows = {"w": i, "w_tilde": j, "b": i, "b_tilde": j}
    w, w_tilde, b, b_tilde = (params[name][words] for name, words in rows.items())
    _, cache = glove.glove_forward(w, w_tilde, b[:, 0], b_tilde[:, 0], X)
    gradients = glove.glove_backward(np.float32(len(i)), cache)
    grads = {name: np.zeros_like(table) for name, table in params.items()}
    for (name, words), gradient in zip(rows.items(), gradients, strict=True):
        elementwise.add_rows(np.ascontiguousarray(gradient.reshape(len(words), -1)), words, grads[name])
    return grads


def _counts(corpus):
    """Return the pairs i, j that occur, and X_ij: pairs at the distance d count 1 / d, as in the paper."""
    V = len(corpus.counts)
    keys, weights = [], []
    for distance in range(1, WINDOW + 1):
        at = corpus.pairs(distance)
        first, second = corpus.words[at], corpus.words[at + distance]
        keys += [first * V + second, second * V + first]
        weights.append(np.full(2 * len(at), 1 / distance, np.float32))
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    X = np.bincount(place, weights=np.concatenate(weights)).astype(np.float32)
    return pairs // V, pairs % V, X
