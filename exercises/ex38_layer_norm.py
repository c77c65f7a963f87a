"""Exercise 38: Layer normalization                  (difficulty 2 of 3, about 45 minutes; builds on exercises 3 and 18)

Goal            Bring each vector of a sequence to mean 0 and variance 1, and find the gradient. Layer normalization
                (Ba, Kiros and Hinton 2016) stands before each part of a Transformer. It needs no other vector, so a
                batch of one and inference are no special cases.

Equations       mean  = sum over c of x_c / S                          (..., 1)  S components of each vector
                var   = sum over c of (x_c - mean)^2 / S               (..., 1)
                std   = sqrt(var + EPSILON)                            (..., 1)
                x_hat = (x - mean) / std                               (..., S)
                y     = gamma x_hat + beta                             (..., S)  gamma, beta: (S,)
                dx    = (dx_hat - mean of dx_hat - x_hat mean of (x_hat dx_hat)) / std     with dx_hat = gamma dy
                Both means in dx go over the S components of the same vector.

Worked example  Two vectors, with EPSILON = 0:
                x = [[1, 1, 5, 5], [2, 6, 2, 6]]   gamma = [1, 2, 1, 2]   beta = [0, 0, 0, 0]
                mean = [[3], [4]]   std = [[2], [2]]   y = [[-1, -2, 1, 2], [-1, 2, -1, 2]]
                dy = [[4, 0, 0, 0], [0, 0, 0, 1]]   dbeta = [4, 0, 0, 1]
                In the first vector, dx_hat is [4, 0, 0, 0], its mean is 1, and the mean of x_hat dx_hat is -1. So its
                gradient is ([4, 0, 0, 0] - 1 + x_hat) / 2 = [1, -1, 0, 0].
                1. Find dx of the second vector, and dgamma.
                2. Each row of dx has the sum 0, and its product with x is 0, too. Which changes of x does y ignore?
                3. A third vector joins the batch. Does y of the first two change? Would it in exercise 18?

Your task       1. layer_norm_forward: compute y, mean and std. Trap: only the last axis counts. mean and std keep it,
                   with one element, so that they broadcast.
                2. layer_norm_backward: compute dx, dgamma and dbeta. Trap: in exercise 18 gamma was the same number in
                   both means. Here it differs from component to component, so it stays inside them.

Given           EPSILON is 1e-5. The cache LayerNormCache(x, gamma, mean, std) is packed and unpacked for you.

Run             python -m exercises check 38   python -m exercises hint 38   python -m exercises check 38 --pencil
Read            exercises/chapters/attention_to_transformers.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.layer_norm import EPSILON, LayerNormCache


def layer_norm_forward(x, gamma, beta):
    """Normalize every vector by its own mean and variance.

    y = gamma (x - mean) / sqrt(var + epsilon) + beta

    Args:
        x: (..., S) inputs.
        gamma: (S,) scales.
        beta: (S,) shifts.
    Returns:
        y: (..., S).
        cache: what layer_norm_backward needs.
    """
    raise NotImplementedError("exercise 38: layer_norm_forward")
    return y, LayerNormCache(x, gamma, mean, std)


def layer_norm_backward(dy, cache):
    """Compute the gradients of layer_norm_forward.

    A component of x influences y in three ways: directly, through the mean and through the variance of its vector.

    Args:
        dy: (..., S) gradient of y.
        cache: from layer_norm_forward.
    Returns:
        dx: (..., S).
        dgamma: (S,).
        dbeta: (S,).
    """
    x, gamma, mean, std = cache
    raise NotImplementedError("exercise 38: layer_norm_backward")
