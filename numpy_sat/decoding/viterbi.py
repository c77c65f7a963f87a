"""The best region of each word, if neighboring words like to share a region (Karpathy and Li 2014)."""

import numpy as np


def viterbi(scores: np.ndarray, beta: float) -> np.ndarray:
    """Choose regions that maximize sum_t scores[t, a_t] + beta sum_t [a_t = a_{t+1}].

    The sum is that of a chain-structured Markov random field. With beta = 0 each word gets its own best region. The
    larger beta, the longer the phrases that share a region.

    Args:
        scores: (T, R) v_i . s_t of each word and region.
        beta: reward for two neighboring words with the same region, at least 0.
    Returns:
        a: (T,) integers, the region of each word.
    """
    T, R = scores.shape
    before = np.empty((T, R), np.int64)  # the best region of word t - 1, for each region of word t
    best = scores[0]  # the largest sum over words 0..t that ends in each region
    for t in range(1, T):
        # The best way to region i comes from i itself, with the reward beta, or from the best region of all.
        first = best.argmax()
        stay = best + beta >= best[first]
        before[t] = np.where(stay, np.arange(R), first)
        best = scores[t] + np.where(stay, best + beta, best[first])
    a = np.empty(T, np.int64)
    a[-1] = best.argmax()
    for t in reversed(range(1, T)):
        a[t - 1] = before[t, a[t]]
    return a
