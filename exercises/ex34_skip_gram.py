"""Exercise 34: Skip-gram with negative sampling      (difficulty 2 of 3, about 45 minutes; builds on exercises 2 and 4)

Goal            Learn word vectors from text alone, as word2vec does (Mikolov et al. 2013). Words that have the same
                neighbors get similar vectors. A softmax over the whole vocabulary would cost too much for each pair of
                words. So the loss asks a smaller question: is this a true pair, or does a random word stand there?

Equations       score_bk = u_bk . v_b, with k = 0, ..., K                                      (B, 1 + K)
                loss     = mean over b of [-log sigm(score_b0) - sum over k >= 1 of log sigm(-score_bk)]    a number
                sigm(x)  = 1 / (1 + exp(-x)), and -log sigm(x) = log(1 + exp(-x))
                dscore   = (sigm(score) - 1) dloss / B for the true pair, k = 0; sigm(score) dloss / B for k >= 1
                dv_b     = sum over k of dscore_bk u_bk                                        (B, M)
                du_bk    = dscore_bk v_b                                                       (B, 1 + K, M)
                v_b is the vector of the center word of pair b. u_b0 is the context vector of a word near it, u_b1 to
                u_bK are the context vectors of K negative samples, which are random words.

Worked example  One pair, one negative sample, M = 2:
                v = [[1, 1]]   u = [[[ln 3, 0], [2, -2]]]   score = [[ln 3, 0]], so sigm(score) is 3/4 and 1/2.
                loss = 0.9808, which is log(4/3) + log(2) = log(8/3). For dloss = 1, dscore = [[-0.25, 0.5]]
                1. Find dv and du. In which direction does gradient descent move v?
                2. A true pair has the score -1000. What is its loss, and what does np.log(1 / (1 + np.exp(1000))) give?
                3. Negative samples are drawn in proportion to count^0.75. One word occurs 81 times, another 16 times.
                   How many times as often as the other is the first one drawn?

Your task       1. skip_gram_forward: compute the loss. Trap: exp(1000) overflows. np.logaddexp(0, x) is
                   log(exp(0) + exp(x)), for any x.
                2. skip_gram_backward: compute dv and du. Trap: v is part of all 1 + K scores.

Given           NumPy is all you need. The cache SkipGramCache(v, u, scores) is packed and unpacked for you. After the
                exercise, train the vectors: python -m numpy_sat.words RUN --vectors skip-gram

Run             python -m exercises check 34   python -m exercises hint 34   python -m exercises check 34 --pencil
Read            exercises/chapters/word_vectors.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.skip_gram import SkipGramCache


def skip_gram_forward(v, u):
    """Compute the mean over B pairs of - log sigm(u_0 . v) - sum_{k >= 1} log sigm(- u_k . v).

    Args:
        v: (B, M) vectors of the center words.
        u: (B, 1 + K, M) context vectors: first that of the word near the center, then those of K negative samples.
    Returns:
        loss: a scalar, nats per pair.
        cache: what skip_gram_backward needs.
    """
    raise NotImplementedError("exercise 34: skip_gram_forward")
    return loss, SkipGramCache(v, u, scores)


def skip_gram_backward(dloss, cache):
    """Compute the gradients of skip_gram_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from skip_gram_forward.
    Returns:
        dv: (B, M).
        du: (B, 1 + K, M).
    """
    v, u, scores = cache
    raise NotImplementedError("exercise 34: skip_gram_backward")
