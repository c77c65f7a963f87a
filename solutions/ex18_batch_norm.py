"""Solution 18: Batch normalisation.

One channel is a column of R numbers, one for every cell of every picture, and the forward is five small steps for it:
mean, distance from the mean, variance, spread, and a straight line through what comes out. The backward goes back
through the same steps. What is new is that mean and variance are made of x, too. So a number x_r reaches y on three
ways: as itself, which moves y_r alone; by the mean, which moves y of every row; and by the variance, which does, too.
Each way has its gradient, and dx is their sum. The algebra at the end puts the three together to the library's line.
"""

import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache


def batch_norm_forward(x, gamma, beta):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta; mean and var of every channel over all other axes.

    x: (..., C); gamma, beta: (C,). Returns y: (..., C) and the cache.
    """
    # The last axis is the channels', which do not meet. All others, pictures and cells, count rows of a channel.
    axes = tuple(range(x.ndim - 1))

    # mean_c = sum over r of x_rc / R, and how far each number is from it.
    mean = x.mean(axis=axes)  # (C,)
    centred = x - mean  # NumPy stretches (C,) over all rows

    # var_c = sum over r of (x_rc - mean_c)^2 / R. By R: it is these numbers that are to have variance 1.
    var = (centred * centred).mean(axis=axes)  # (C,)

    # Epsilon stands under the root: where a channel is the same everywhere, 0 is divided by sqrt(epsilon).
    spread = np.sqrt(var + EPSILON)  # (C,)

    # Mean 0 and variance 1 now, then the mean and the spread that the network learns it had better have.
    x_hat = centred / spread
    y = gamma * x_hat + beta
    return y, BatchNormCache(x, gamma, mean, spread)


def batch_norm_backward(dy, cache):
    """dy: (..., C). Returns dx: (..., C), dgamma, dbeta: (C,).

    With x_hat = (x - mean) / spread, x reaches y on three ways: as itself, by the mean and by the variance.
    """
    x, gamma, mean, spread = cache
    axes = tuple(range(x.ndim - 1))
    rows = x.size // x.shape[-1]  # R, all numbers of a channel: N H W of them in N pictures
    centred = x - mean
    x_hat = centred / spread

    # y_rc = gamma_c x_hat_rc + beta_c. beta_c takes part in y_rc of every r, there times 1; gamma_c times x_hat_rc.
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * x_hat).sum(axis=axes)
    # x_hat_rc takes part in y_rc alone, there times gamma_c.
    dx_hat = gamma * dy

    # x_hat_rc = centred_rc / spread_c. centred_rc takes part in x_hat_rc alone, there divided by spread_c.
    dcentred = dx_hat / spread

    # spread_c takes part in x_hat_rc of every r, and 1 / spread has the derivative -1 / spread^2.
    dspread = -(dx_hat * centred).sum(axis=axes) / spread**2
    # spread = sqrt(var + epsilon), and the root has the derivative 1 / (2 root).
    dvar = dspread / (2 * spread)

    # mean_c takes part in centred_rc of every r, there times -1. (In var too, but the sum of centred is 0.)
    dmean = -dcentred.sum(axis=axes)

    # x_rc takes part in centred_rc, times 1; in mean_c, times 1 / R; and in var_c, times 2 centred_rc / R.
    by_itself = dcentred
    by_mean = dmean / rows  # (C,), the same for every row
    by_variance = dvar * 2 * centred / rows
    dx = by_itself + by_mean + by_variance

    # Put together:  by_itself = gamma dy / spread,  dmean = -gamma dbeta / spread,
    # dspread = -gamma dgamma / spread, for centred / spread is x_hat,  dvar = -gamma dgamma / (2 spread^2),
    # by_variance = -gamma dgamma centred / (spread^2 R) = -gamma / spread x_hat dgamma / R.
    # So dx = gamma / spread (dy - dbeta / R - x_hat dgamma / R), which is the library's line.
    return dx, dgamma, dbeta
