"""Exercise 13: The doubly stochastic penalty.

To learn: a loss may ask for more than right words. alpha_t says how the model divides its look at word t over the L
locations, and sums to 1 over them. The penalty asks that it also sum to 1 over the words: by the end of a caption,
every location should have been looked at alike. (Rows and columns that sum to 1: "doubly stochastic".)

    (14, right)   penalty of a caption = sum over i of (1 - sum over t of alpha_ti)^2

The slides: lay the maps of all words over each other; what a location then lacks to 1 is squared.

A batch: mask_tb is 1 where caption b has a word t, and 0 at padding, which takes no part. The penalty is the mean
over the B captions. Two options: normalisation="mean" also divides by L, as the authors' code; target="T/L" asks for
(words of the caption) / L in place of 1, for T words have only T to give to the L locations.

Predict before you run, by hand, for one caption of three words and L = 4:
  1. The maps are [.1 .4 .2 .3], [.1 .1 .1 .7], [.0 .4 .3 .3]. What does each location lack, and what is the penalty?
  2. Which three maps are the worst of all, and what do they cost?
  3. Which are the best, and why do they still cost something?
  4. For dpenalty = 1, what is dalpha of each word in 1? Why is it the same for all three?
(1: lacking are [.8 .1 .4 -.3], and the penalty is 0.9. 2: they cost 7; find the maps, and do 3 and 4 yourself.)

The cache is DoublyStochasticCache(missing, mask, scale): what the locations lack, (B, L); the mask; and what the sum
of all squares is multiplied by, 1 / B or 1 / (B L).

NumPy is all you need.
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
    raise NotImplementedError("exercise 13: doubly_stochastic_backward")
