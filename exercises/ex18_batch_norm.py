"""Exercise 18: Batch normalization                          (difficulty 3 of 3, about 75 minutes; builds on exercise 3)

To learn: the gradient of a number that affects the result in several ways at once.

Compare an exam that is graded on a curve: a grade is the distance from the mean, in standard deviations of the class.
Batch normalization (Ioffe and Szegedy 2015) does the same with the R numbers of every channel in the batch:

    mean = sum over r of x_r / R              var = sum over r of (x_r - mean)^2 / R
    std = sqrt(var + EPSILON)                 x_hat_r = (x_r - mean) / std
    y_r = gamma x_hat_r + beta

Channels are the last axis and are independent: mean, std, gamma and beta have the shape (C,). All other axes count
rows: for N images of H x W cells, R is N H W, not N. The variance is divided by R, not R - 1. EPSILON is under the
root: for a constant channel, x_hat is 0 and not 0 / 0.

On a curve, one better exam changes every grade. So x_r affects y of every row, in three ways:

    directly, in x_r - mean           by the mean, in x_r - mean of every row          by the variance, in the std

Find the gradient of x through each way, and add the three. Go backwards through the five equations above, to dx_hat,
dstd, dvar, dmean and dx. For each number, ask which others contain it. In the sum, many terms cancel.

The cache is BatchNormCache(x, gamma, mean, std). x may have any number of axes. EPSILON is the library's, 1e-5.

Predict before you run, with EPSILON = 0: x = [[1], [1], [5], [5]], gamma = [2], beta = [10]: mean = [3], var = [4],
x_hat = [[-1], [-1], [1], [1]], y = [[8], [8], [12], [12]]. And dy = [[4], [0], [0], [0]]: dbeta = [4], dgamma = [-4];
dx is [[4], [0], [0], [0]] directly, -1 in every row by the mean, and [[-1], [-1], [1], [1]] by the variance.
What is dx? Why must its sum be 0? (What would y be if 7 were added to all of x, or if x were 100 times as large?)
And for two rows, x = [[1], [3]], dx is 0 for any dy. Why?
Run             python -m exercises check 18      python -m exercises hint 18
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
