"""Exercise 32: Phrases that share a region                 (difficulty 2 of 3, about 45 minutes; builds on exercise 31)

Goal            Find the best of all assignments without trying them all. Exercise 31 gives a score to each word and
                region. Taken alone, each word picks its best region, and "a", "red" and "circle" may disagree. So a
                reward beta is added for two neighboring words with the same region (Karpathy and Li 2014). The Viterbi
                algorithm finds the best assignment exactly, in one pass over the words and one way back.

Equations       maximize  sum over t of scores[t, a_t] + beta * (number of t with a_t = a_{t+1})      a: (T,)
                best_0i   = scores[0, i]                                                              (R,)
                best_ti   = scores[t, i] + max over j of (best_{t-1, j} + beta if j = i)              (R,)
                before_ti = the j of that maximum                                                     (R,)
                best_ti is the largest sum of the words 0 to t if word t is at region i. The last word takes the
                largest of them, a_{T-1} = argmax over i of best_{T-1, i}. Each earlier word follows from the one
                after it, a_{t-1} = before_t[a_t].

Worked example  Three words, two regions: scores = [[3, 1], [0, 2], [2, 1]]
                With beta = 0, each word picks its own best region: a = [0, 1, 0], with the sum 7.
                With beta = 1.5:   best_0 = [3, 1]   best_1 = [4.5, 5]   best_2 = [8, 7.5]
                1. Find before_1, before_2 and a. Which word changes its region, and why does it not take the larger
                   number of best_1?
                2. From which beta on do all three words share a region?
                3. How many assignments of 12 words to 64 regions would you have to try otherwise?

Your task       viterbi: return the best assignment a, as integers.
                Trap: the way back starts at the last word. The largest entry of best_t alone does not say where word t
                is, because later words count as well.

Given           NumPy is all you need. There is no cache, because nothing here is trained. Equal sums do not occur in
                the check. A comparison of all j with all i is fast enough: it takes T R^2 steps.

Run             python -m exercises check 32   python -m exercises hint 32   python -m exercises check 32 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
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
    raise NotImplementedError("exercise 32: viterbi")
