"""Exercise 13: The doubly stochastic penalty               (difficulty 2 of 3, about 40 minutes; builds on exercise 28)

To learn: a loss may ask for more than right words. alpha_t is the attention map of word t. It sums to 1 over the L
locations. The attention penalty asks that it also sum to 1 over the words, so that every location of the image gets
the same total attention. (A matrix whose rows and columns sum to 1 is called doubly stochastic.)

    (14, right)   penalty of a caption = sum over i of (1 - sum over t of alpha_ti)^2

The slides: add up the attention maps of all words, subtract the sum at each location from 1, and square.

A batch: mask_tb is 1 where caption b has a word t, and 0 at padding, which does not count. The penalty is the mean
over the B captions. There are two options. normalisation="mean" also divides by L, as in the authors' code.
target="T/L" replaces 1 by T / L, with the caption's own T, because T words give a total of only T to L locations.

Predict before you run, by hand, for one caption of three words and L = 4:
  1. The maps are [.1 .4 .2 .3], [.1 .1 .1 .7], [.0 .4 .3 .3]. What is missing at each location? What is the penalty?
  2. Which three maps are the worst of all, and what is their penalty?
  3. Which are the best, and why is their penalty not 0?
  4. For dpenalty = 1, what is dalpha of each word in 1? Why is it the same for all three?
(1: missing is [.8 .1 .4 -.3], and the penalty is 0.9. 2: the penalty is 7; find the maps, and do 3 and 4 yourself.)

The cache is DoublyStochasticCache(missing, mask, scale): missing is (B, L), and scale is the factor of the sum of
squares, 1 / B or 1 / (B L).

NumPy is all you need.
Run             python -m exercises check 13      python -m exercises hint 13
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
