"""Solution 32: Phrases that share a region.

Whatever the later words do, they depend on the earlier ones only through the region of the word just before. So it is
enough to know, for each region, the best sum that ends there. One pass over the words computes these sums and remembers
where each came from. The way back then reads the assignment from its end.

Answers to the questions of the page:

1. before_1 = [0, 0], before_2 = [0, 1] and a = [0, 0, 0]. Word 1 moves from region 1 to region 0. best_1 is larger at
   region 1, but from there word 2 can only reach 7.5 by staying, or 7 at region 0. At region 0 the reward counts twice.
2. Above beta = 1. All words at region 0 have the sum 5 + 2 beta. The assignment [0, 1, 0] has 7, and [0, 1, 1] has
   6 + beta.
3. assignments = 64^12, about 5 * 10^21. The algorithm takes 11 steps of 64 * 64 comparisons.
"""

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

    # best_i = the largest sum of the words so far, if the last of them is at region i
    best = scores[0]
    before = np.zeros((T, R), np.intp)
    for t in range(1, T):
        # sums_ji = best_j + beta if j = i: the sum if word t - 1 is at region j and word t at region i
        sums = np.repeat(best[:, None], R, axis=1)
        sums[np.diag_indices(R)] += beta

        # before_ti = the best j for each i, and best_i = its sum with the score of word t
        before[t] = sums.argmax(axis=0)
        best = scores[t] + sums.max(axis=0)

    # The last word takes the best region. Each word before it is where the best sum came from.
    a = np.empty(T, np.intp)
    a[T - 1] = best.argmax()
    for t in range(T - 1, 0, -1):
        a[t - 1] = before[t, a[t]]
    return a
