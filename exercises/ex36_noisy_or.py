"""Exercise 36: Noisy-OR in logarithms                       (difficulty 2 of 3, about 60 minutes; builds on exercise 4)

Goal            Detect the words of an image, and learn where they are, from labels without places, after Fang et al.
                (2014). A word fits an image if it fits at least one location. The labels only say which words the
                captions have. 1 - p loses its digits if p is nearly 0 or 1, so everything is computed in logarithms.

Equations       p_j        = sigm(z_j)                              for each image, location j and word     (N, L, V)
                p          = 1 - product over j of (1 - p_j)        noisy-OR: at least one location         (N, V)
                log(1 - p) = - sum over j of softplus(z_j),         softplus(x) = log(1 + exp(x))
                log p      = log(1 - exp(log(1 - p)))
                d log p / d z_j = p_j (1 - p) / p                   d log(1 - p) / d z_j = - p_j
                The base rate r of a word is the share of images whose captions have it. With the bias of r, the
                noisy-OR of L equal locations is r: (1 - p_j)^L = 1 - r, and bias = log(p_j / (1 - p_j))    (V,)

Worked example  One word at three locations, p_j = [1/2, 1/5, 3/4]:
                z = [[[0], [-ln 4], [ln 3]]]   p = 0.9   log_not_p = -2.3026   log_p = -0.1054
                For the gradient 1 of log(1 - p), dz = [-0.5, -0.2, -0.75]
                1. Find dz for the gradient 1 of log p. Why is it so much smaller?
                2. For r = 0.75 and L = 2, p_j = 1/2, so the bias is 0. Find the bias for r = 0.19 and L = 2.
                3. With the bias 0 and L = 64, p = 1 - 2^-64 for every word. How large are the gradients of the words
                   that the captions have, and those of all other words?

Your task       1. noisy_or_forward: compute log p and log(1 - p). Trap: 1 - p_j rounds to 1 for a z_j of -40, and to 0
                   for one of 40. The check has logits from -200 to 200.
                2. noisy_or_backward: compute dz, the sum of two terms. Trap: you divide by p, and
                   1 - exp(log_not_p) can round to 0. Subtract log p in the exponent instead.
                3. bias_of_rate: compute the biases that start each word at its base rate.

Given           softplus(x)        log(1 + exp(x)) without overflow
                np.expm1(x)        exp(x) - 1, exact also for tiny x         np.log1p(x)        log(1 + x), the same
                log sigm(x) = -softplus(-x). The cache NoisyOrCache(z, log_p, log_not_p) is packed and unpacked for you.

Run             python -m exercises check 36   python -m exercises hint 36   python -m exercises check 36 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.noisy_or import NoisyOrCache, softplus


def noisy_or_forward(z):
    """Compute log p and log(1 - p) of every word of every image.

    Args:
        z: (N, L, V) logits of every word at every location.
    Returns:
        log_p: (N, V) log p.
        log_not_p: (N, V) log(1 - p).
        cache: what noisy_or_backward needs.
    """
    raise NotImplementedError("exercise 36: noisy_or_forward")
    return log_p, log_not_p, NoisyOrCache(z, log_p, log_not_p)


def noisy_or_backward(dlog_p, dlog_not_p, cache):
    """Compute the gradient of noisy_or_forward.

    Args:
        dlog_p: (N, V).
        dlog_not_p: (N, V).
        cache: from noisy_or_forward.
    Returns:
        dz: (N, L, V).
    """
    z, log_p, log_not_p = cache
    raise NotImplementedError("exercise 36: noisy_or_backward")


def bias_of_rate(rate, L):
    """Return the logit of a word at L equal locations whose noisy-OR p is the word's base rate.

    With a bias of 0, every p would start at 1 - 2^-L. Present words would learn nothing, and absent ones too much.

    Args:
        rate: (V,) share of images with the word, above 0 and below 1.
        L: number of locations.
    Returns:
        (V,) logits.
    """
    raise NotImplementedError("exercise 36: bias_of_rate")
