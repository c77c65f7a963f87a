"""Exercise 18: Batch normalization                          (difficulty 3 of 3, about 75 minutes; builds on exercise 3)

Goal            Find the gradient of a number that affects the result in several ways at once. Batch normalization
                (Ioffe and Szegedy 2015) keeps the numbers of a network in a good range, so that it trains faster.
                Compare an exam that is graded on a curve: one better exam changes every grade.

Equations       mean  = sum over r of x_r / R                          (C,)      R numbers per channel: all other axes
                var   = sum over r of (x_r - mean)^2 / R               (C,)
                std   = sqrt(var + EPSILON)                            (C,)
                x_hat = (x - mean) / std                               (..., C)
                y     = gamma x_hat + beta                             (..., C)  gamma, beta: (C,)
                x_r affects y in three ways. Find the gradient of x through each, and add the three:
                directly, in x_r - mean      by the mean, in x_r - mean of every row      by the variance, in the std

Worked example  With EPSILON = 0:
                x = [[1], [1], [5], [5]]   gamma = [2]   beta = [10]  mean = [3]  var = [4]  y = [[8], [8], [12], [12]]
                dy = [[4], [0], [0], [0]]   dgamma = [-4]   dbeta = [4]
                dx is [[4], [0], [0], [0]] directly, -1 in every row by the mean, and [[-1], [-1], [1], [1]] by the
                variance. What is dx? Why must its sum be 0? What would y be if 7 were added to all of x? And for two
                rows, x = [[1], [3]], dx is 0 for any dy. Why?

Your task       1. batch_norm_forward: compute y, mean and std. Trap: for N images of H x W cells, R is N H W, not N.
                   Trap: divide the variance by R, not R - 1. EPSILON is under the root.
                2. batch_norm_backward: go back through the five equations, to dx_hat, dstd, dvar, dmean and dx. For
                   each number, ask which others contain it. In the sum, many terms cancel.

Given           EPSILON is 1e-5. The cache BatchNormCache(x, gamma, mean, std) is packed and unpacked for you.

Run             python -m exercises check 18   python -m exercises hint 18   python -m exercises check 18 --pencil
"""

import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache


def batch_norm_forward(x, gamma, beta):
    """Normalize every channel by its mean and variance over all other axes.

    y = gamma (x - mean) / sqrt(var + epsilon) + beta

    Args:
        x: (..., C) inputs.
        gamma: (C,) scales.
        beta: (C,) shifts.
    Returns:
        y: (..., C).
        cache: what batch_norm_backward needs.
    """
    raise NotImplementedError("exercise 18: batch_norm_forward")
    return y, BatchNormCache(x, gamma, mean, std)


def batch_norm_backward(dy, cache):
    """Compute the gradients of batch_norm_forward.

    x influences y in three ways: directly, through the mean and through the variance.

    Args:
        dy: (..., C) gradient of y.
        cache: from batch_norm_forward.
    Returns:
        dx: (..., C).
        dgamma: (C,).
        dbeta: (C,).
    """
    x, gamma, mean, std = cache
    raise NotImplementedError("exercise 18: batch_norm_backward")
