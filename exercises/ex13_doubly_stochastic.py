"""Exercise 13: The doubly stochastic penalty               (difficulty 2 of 3, about 40 minutes; builds on exercise 28)

Goal            Make the attention cover the whole image. alpha_t is the attention map of word t, and it sums to 1 over
                the L locations. The attention penalty, the second term of the loss, asks that it also sum to 1 over the
                words. Then every location of the image gets the same total attention. (A matrix whose rows and columns
                sum to 1 is doubly stochastic.)

Equations       missing_bi  = aim_b - sum over t of mask_tb alpha_tbi                 (B, L)     aim_b: 1, or T_b / L
                (14, right)   penalty = scale * sum over b and i of missing_bi^2   a number   scale: 1 / B, or 1 / (B L)
                dalpha_tbi  = - 2 scale dpenalty missing_bi at words, 0 at padding    (T, B, L)
                mask_tb is 1 where caption b has a word t, and 0 at padding. normalisation="mean" divides by L as well.
                (So does the authors' code, which sums over captions.) With target="one", aim_b is 1. With "T/L", it is
                T_b / L, where T_b is the caption's number of words.

Worked example  One caption of three words, L = 4:
                maps = [[.1, .4, .2, .3], [.1, .1, .1, .7], [0, .4, .3, .3]]  missing = [.8, .1, .4, -.3]  penalty = .9
                1. For dpenalty = 1, find dalpha of each word. Why is it the same for all three?
                2. Which three maps are the worst of all? Their penalty is 7.
                3. Which are the best, and why is their penalty not 0?

Your task       1. doubly_stochastic_forward: compute the penalty, and missing and scale for the cache. Raise ValueError
                   for any other normalisation or target. Trap: alpha at padding is not 0, so multiply by the mask.
                2. doubly_stochastic_backward: compute dalpha. Trap: it is 0 at padding.

Given           NumPy is all you need. The cache DoublyStochasticCache(missing, mask, scale) is packed and unpacked for
                you. missing is (B, L), and scale is a number.

Run             python -m exercises check 13   python -m exercises hint 13   python -m exercises check 13 --pencil
Read            exercises/chapters/doubly_stochastic.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.losses import DoublyStochasticCache


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """Compute the doubly stochastic attention penalty: the mean over captions of sum_i (target - sum_t alpha_ti)^2.

    The penalty is small if a caption, summed over its words, gives every location the same attention.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        normalisation: "sum" over locations, as in the paper, or their "mean", as in the authors' code.
        target: "one", as in the paper, or "T/L", words of the caption over L. Uniform attention reaches "T/L" exactly.
    Returns:
        penalty: a scalar.
        cache: what doubly_stochastic_backward needs.
    Raises:
        ValueError: the normalisation or the target is unknown.
    """
    raise NotImplementedError("exercise 13: doubly_stochastic_forward")
    return penalty, DoublyStochasticCache(missing, mask, scale)


def doubly_stochastic_backward(dpenalty, cache):
    """Compute the gradient of doubly_stochastic_forward.

    It is - 2 scale (target - sum_t alpha_ti) at every word and 0 at padding. The scale is 1 / B, or 1 / (B L) if the
    normalisation is "mean".

    Args:
        dpenalty: gradient of the penalty, a scalar.
        cache: from doubly_stochastic_forward.
    Returns:
        dalpha: (T, B, L).
    """
    missing, mask, scale = cache
    raise NotImplementedError("exercise 13: doubly_stochastic_backward")
