"""Exercise 18: Batch normalisation.

To learn: what happens to a gradient where a number reaches the result on several ways at once.

An examination marked on a curve: a mark says how far one is from the mean, and the class's spread is the unit. Batch
normalisation (Ioffe and Szegedy 2015) does that to every channel, over all R numbers that the batch has of it:

    mean = sum over r of x_r / R              var = sum over r of (x_r - mean)^2 / R
    spread = sqrt(var + EPSILON)              x_hat_r = (x_r - mean) / spread
    y_r = gamma x_hat_r + beta

Channels are the last axis and do not meet: each has a mean, a spread, a gamma and a beta of its own, of shape (C,).
All other axes count rows: of N pictures of H x W cells R is N H W, not N. The variance is divided by R, not R - 1.
EPSILON stands under the root: where a channel is the same everywhere, x_hat is 0 and not 0 / 0.

On a curve, one who gets better moves everybody's mark. So x_r takes part in y of every row, on three ways:

    as itself, in x_r - mean          by the mean, in x_r - mean of every row          by the variance, in the spread

Find what x gets on each way, and add the three: go backwards through the five equations above, to dx_hat, dspread,
dvar, dmean and dx, and ask of each number in which others it takes part. Put together, much of it cancels.

The cache is BatchNormCache(x, gamma, mean, spread). x may have any number of axes. All is to be written
out; EPSILON is the library's, 1e-5.

Predict before you run, with EPSILON = 0: x = [[1], [1], [5], [5]], gamma = [2], beta = [10]: mean = [3], var = [4],
x_hat = [[-1], [-1], [1], [1]], y = [[8], [8], [12], [12]]. And dy = [[4], [0], [0], [0]]: dbeta = [4], dgamma = [-4];
as itself x gets [[4], [0], [0], [0]], by the mean -1 in every row, by the variance [[-1], [-1], [1], [1]].
What is dx? Why must its sum be 0? (What would y be if 7 were added to all of x, or if x were 100 times as large?)
And of two rows, x = [[1], [3]], dx is 0 whatever dy is. Why?
"""

import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache


def batch_norm_forward(x, gamma, beta):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta; mean and var of every channel over all other axes.

    x: (..., C); gamma, beta: (C,). Returns y: (..., C) and the cache.
    """
    raise NotImplementedError("exercise 18: batch_norm_forward")


def batch_norm_backward(dy, cache):
    """dy: (..., C). Returns dx: (..., C), dgamma, dbeta: (C,).

    With x_hat = (x - mean) / spread, x reaches y on three ways: as itself, by the mean and by the variance.
    """
    raise NotImplementedError("exercise 18: batch_norm_backward")
