"""Exercise 18: Batch normalisation.

To learn: what happens to a gradient where a number reaches the result on several ways at once.

An examination marked on a curve: a mark says how far one is from the mean, in standard deviations of the class. Batch
normalisation (Ioffe and Szegedy 2015) does that to every channel, over all R numbers that the batch has of it:

    mean = sum over r of x_r / R              var = sum over r of (x_r - mean)^2 / R
    std = sqrt(var + EPSILON)                 x_hat_r = (x_r - mean) / std
    y_r = gamma x_hat_r + beta

Channels are the last axis and do not meet: each has a mean, a std, a gamma and a beta of its own, of shape (C,).
All other axes count rows: of N images of H x W cells R is N H W, not N. The variance is divided by R, not R - 1.
EPSILON stands under the root: where a channel is the same everywhere, x_hat is 0 and not 0 / 0.

On a curve, one who gets better moves everybody's mark. So x_r takes part in y of every row, on three ways:

    as itself, in x_r - mean          by the mean, in x_r - mean of every row          by the variance, in the std

Find what x gets on each way, and add the three: go backwards through the five equations above, to dx_hat, dstd,
dvar, dmean and dx, and ask of each number in which others it takes part. Put together, much of it cancels.

The cache is BatchNormCache(x, gamma, mean, std). x may have any number of axes. All is to be written out; EPSILON is
the library's, 1e-5.

Predict before you run, with EPSILON = 0: x = [[1], [1], [5], [5]], gamma = [2], beta = [10]: mean = [3], var = [4],
x_hat = [[-1], [-1], [1], [1]], y = [[8], [8], [12], [12]]. And dy = [[4], [0], [0], [0]]: dbeta = [4], dgamma = [-4];
as itself x gets [[4], [0], [0], [0]], by the mean -1 in every row, by the variance [[-1], [-1], [1], [1]].
What is dx? Why must its sum be 0? (What would y be if 7 were added to all of x, or if x were 100 times as large?)
And of two rows, x = [[1], [3]], dx is 0 whatever dy is. Why?
"""

import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache


def batch_norm_forward(x, gamma, beta):
    """Normalise every channel by its mean and variance over all other axes.

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
    raise NotImplementedError("exercise 18: batch_norm_backward")
