"""Exercise 45: The straight-through Gumbel-softmax  (difficulty 2 of 3, about 50 minutes; builds on exercises 4 and 43)

Goal            Send a gradient through a sampled word. REINFORCE (exercise 26) learns only how good a whole caption
                was. But the evaluator of exercise 43 has a gradient at every word that it reads. Sampling stops this
                gradient. The trick is to use the sample in the forward pass, and the gradient of a softmax in the
                backward pass (Jang et al. 2017, Shetty et al. 2017). The result is biased, but it has less noise.

Equations       g_k = - log(- log u_k)                  Gumbel noise, from uniform random numbers u               (B, V)
                p   = softmax((logits + g) / tau)       soft sample; tau: temperature                             (B, V)
                y   = onehot(argmax of p)               hard sample: exactly a sample of softmax(logits)          (B, V)
                Ey  = y E                               a mixture of embeddings, E (V, M)                         (B, M)
                Straight-through: y in the forward pass, and in the backward pass dp = dy.

Worked example  logits = [[0, ln 2]]   noise = [[ln 3, -ln 2]]   temperature = 0.5   p = [[0.9, 0.1]]   y = [[1, 0]]
                The noise chooses word 0, although word 1 is twice as likely. dp = [[1, 0]]   dlogits = [[0.18, -0.18]]
                E = [[1, 2], [3, 0]]: the hard word has Ey = [1, 2], the soft one 0.9 [1, 2] + 0.1 [3, 0] = [1.2, 1.8]
                1. Find p and dlogits with temperature 1.
                2. Find dE and dy for y = [[1, 0]] and dEy = [[1, 0]]. Which words get a gradient dy?
                3. How often is word 0 the hard sample? Does that depend on the temperature?
                4. What happens to p and to dlogits if the temperature goes to 0?

Your task       1. gumbel_softmax_forward: compute p. Trap: the temperature divides the noise, too.
                2. gumbel_softmax_backward: compute dlogits. The noise and the temperature are fixed.
                3. straight_through: compute y from p, in the dtype of p. Trap: the largest p may be below 1/2.
                4. mixture_backward: compute dE and dy. Trap: dy is not 0 for words that were not chosen. That is how
                   the evaluator says which word it would like better.

Given           softmax.softmax_forward(x) returns softmax(x) over the last axis and its cache, here `cache_softmax`.
                softmax.softmax_backward(dp, cache_softmax) is its backward pass. The caches
                GumbelCache(cache_softmax, temperature) and MixtureCache(E, y) are packed and unpacked for you.
                A gradient check of the hard path would fail: y is constant almost everywhere. The soft path passes it.

Run             python -m exercises check 45   python -m exercises hint 45   python -m exercises check 45 --pencil
Read            exercises/chapters/own_captions.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.gumbel import GumbelCache


def gumbel_softmax_forward(logits, noise, temperature):
    """Compute the soft samples p = softmax((logits + g) / tau).

    Args:
        logits: (B, V).
        noise: (B, V) g.
        temperature: tau, a positive number.
    Returns:
        p: (B, V).
        cache: what gumbel_softmax_backward needs.
    """
    raise NotImplementedError("exercise 45: gumbel_softmax_forward")
    return p, GumbelCache(cache_softmax, temperature)


def gumbel_softmax_backward(dp, cache):
    """Compute the gradient of gumbel_softmax_forward. The noise is fixed.

    Args:
        dp: (B, V).
        cache: from gumbel_softmax_forward.
    Returns:
        dlogits: (B, V).
    """
    cache_softmax, temperature = cache
    raise NotImplementedError("exercise 45: gumbel_softmax_backward")


def straight_through(p):
    """Return the hard samples y = onehot(argmax p). In the backward pass, the gradient of y is that of p.

    Args:
        p: (B, V) soft samples.
    Returns:
        (B, V) of the same dtype.
    """
    raise NotImplementedError("exercise 45: straight_through")


def mixture_backward(dEy, cache):
    """Compute the gradients of mixture_forward.

    Args:
        dEy: (B, M).
        cache: from mixture_forward.
    Returns:
        dE: (V, M).
        dy: (B, V).
    """
    E, y = cache
    raise NotImplementedError("exercise 45: mixture_backward")
