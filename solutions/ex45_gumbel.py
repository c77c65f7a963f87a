"""Solution 45: The straight-through Gumbel-softmax.

Gumbel noise turns sampling into a maximum: the word with the largest logit + noise is exactly a sample of
softmax(logits). A maximum has no useful gradient, but a softmax of the same numbers is close to it, and has one. The
forward pass takes the maximum, so the evaluator reads real words. The backward pass takes the softmax.

Answers to the questions of the page:

1. p = [[0.75, 0.25]]. The softmax's backward pass gives p (dp - sum of p dp), and the temperature divides by 1:
   dlogits = [[0.1875, -0.1875]].
2. dE = [[1, 0], [0, 0]], because only word 0 was read. dy = [[1, 3]]: both words get a gradient, also the word that was
   not read. It says how the loss would change with that word.
3. With probability 1/3, that of softmax(logits). A division by a positive temperature does not change which is largest.
4. p goes to the hard sample. dlogits goes to 0, because p (1 - p) / tau does. Only where two words nearly tie, it is
   huge. So a low temperature has a small bias and a large variance.
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
    # The noise decides which word wins. A low temperature enlarges all differences, and p comes close to one-hot.
    perturbed = logits + noise
    p, cache_softmax = softmax.softmax_forward(perturbed / temperature)
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

    # Softmax: dx_k = p_k (dp_k - sum over j of p_j dp_j)
    p = cache_softmax.p
    mean = (p * dp).sum(axis=-1, keepdims=True)  # (B, 1)
    dx = p * (dp - mean)

    # x = (logits + noise) / temperature
    return dx / temperature


def straight_through(p):
    """Return the hard samples y = onehot(argmax p). In the backward pass, the gradient of y is that of p.

    Args:
        p: (B, V) soft samples.
    Returns:
        (B, V) of the same dtype.
    """
    # The most probable word of each row: (B,)
    best = p.argmax(axis=-1)

    # y = onehot(best)
    y = np.zeros_like(p)
    y[np.arange(len(p)), best] = 1
    return y


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

    # Ey = y E, a matrix product. dE = y^T dEy: each word's embedding gets the gradient times the word's share.
    dE = y.T @ dEy

    # dy = dEy E^T: how the loss would change with a little more of each word, also of the words with y = 0
    dy = dEy @ E.T
    return dE, dy
