"""Train skip-gram with negative sampling (Mikolov et al. 2013) on captions."""

import numpy as np

from numpy_sat.kernels import elementwise
from numpy_sat.layers import skip_gram
from numpy_sat.system import progress
from numpy_sat.training import optimizers
from numpy_sat.training.word_vectors.corpus import WINDOW, Corpus

EPOCHS = 5
BATCH = 2048  # pairs
NEGATIVES = 5  # per pair
FREQUENT = 1e-3  # words above this frequency are sometimes skipped
RATE = 0.02  # of Adam


def train(corpus: Corpus, M: int, rng: np.random.Generator) -> np.ndarray:
    """Train the vectors v of all words.

    Args:
        corpus: the captions.
        M: size of a vector.
        rng: numpy Generator.
    Returns:
        (V, M) vectors of the center words.
    """
    V = len(corpus.counts)
    params = {"v": rng.standard_normal((V, M), np.float32) / np.float32(M), "u": np.zeros((V, M), np.float32)}
    # negative samples come from the distribution count^0.75, as in the paper
    cumulative = np.cumsum(corpus.counts**0.75)
    state: dict = {}
    for epoch in range(EPOCHS):
        center, context = _pairs(corpus, rng)
        rows = range(0, len(center), BATCH)
        for first in progress.bar(rows, desc=f"skip-gram, epoch {epoch + 1} of {EPOCHS}", leave=False):
            batch = slice(first, first + BATCH)
            uniform = rng.random((len(center[batch]), NEGATIVES))
            negatives = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
            words = np.concatenate([context[batch, None], negatives], axis=1)
            optimizers.adam_update(params, _gradients(params, center[batch], words), state, RATE)
    return params["v"]


def _gradients(params, center, words):
    """Return the gradients of both tables. center: (B,) word numbers; words: (B, 1 + K) contexts and negatives."""
    _, cache = skip_gram.skip_gram_forward(params["v"][center], params["u"][words])
    dv, du = skip_gram.skip_gram_backward(np.float32(len(center)), cache)
    grads = {name: np.zeros_like(table) for name, table in params.items()}
    elementwise.add_rows(np.ascontiguousarray(dv), center, grads["v"])
    elementwise.add_rows(du.reshape(-1, du.shape[2]), words.ravel(), grads["u"])
    return grads


def _pairs(corpus, rng):
    """Return the pairs (center, context) of an epoch in random order.

    As in word2vec, very frequent words are skipped with the probability 1 - sqrt(FREQUENT / frequency), and each word
    has a window of random width.
    """
    frequency = corpus.counts / corpus.counts.sum()
    keep_rate = np.sqrt(FREQUENT / np.maximum(frequency, FREQUENT))
    # A vocabulary of a few dozen words has only frequent ones: skip none more often than the median word.
    keep_rate = np.minimum(1, keep_rate / np.median(keep_rate[corpus.counts > 0]))
    keep = rng.random(len(corpus.words)) < keep_rate[corpus.words]
    corpus = corpus._replace(words=corpus.words[keep], captions=corpus.captions[keep])
    width = rng.integers(1, WINDOW + 1, len(corpus.words))
    center, context = [], []
    for distance in range(1, WINDOW + 1):
        at = corpus.pairs(distance)
        for first, second in ((at, at + distance), (at + distance, at)):
            inside = width[first] >= distance
            center.append(corpus.words[first[inside]])
            context.append(corpus.words[second[inside]])
    order = rng.permutation(sum(map(len, center)))
    return np.concatenate(center)[order], np.concatenate(context)[order]
