"""Solution 18: Batch normalisation.

One channel is a column of R numbers, one for every cell of every image, and the forward is five small steps for it:
mean, distance from the mean, variance, std, and a straight line through what comes out. The backward goes back
through the same steps. What is new is that mean and variance are made of x, too. So a number x_r reaches y on three
ways: as itself, which moves y_r alone; by the mean, which moves y of every row; and by the variance, which does, too.
Each way has its gradient, and dx is their sum. The algebra at the end puts the three together to the library's line.
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
    # The last axis is the channels', which do not meet. All others, images and cells, count rows of a channel.
    axes = tuple(range(x.ndim - 1))

    # mean_c = sum over r of x_rc / R, and how far each number is from it.
    mean = x.mean(axis=axes)  # (C,)
    centred = x - mean  # NumPy stretches (C,) over all rows

    # var_c = sum over r of (x_rc - mean_c)^2 / R. By R: it is these numbers that are to have variance 1.
    var = (centred * centred).mean(axis=axes)  # (C,)

    # Epsilon stands under the root: where a channel is the same everywhere, 0 is divided by sqrt(epsilon).
    std = np.sqrt(var + EPSILON)  # (C,)

    # Mean 0 and variance 1 now, then the mean and the std that the network learns it had better have.
    x_hat = centred / std
    y = gamma * x_hat + beta
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
    axes = tuple(range(x.ndim - 1))
    rows = x.size // x.shape[-1]  # R, all numbers of a channel: N H W of them in N images
    centred = x - mean
    x_hat = centred / std

    # y_rc = gamma_c x_hat_rc + beta_c. beta_c takes part in y_rc of every r, there times 1; gamma_c times x_hat_rc.
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * x_hat).sum(axis=axes)
    # x_hat_rc takes part in y_rc alone, there times gamma_c.
    dx_hat = gamma * dy

    # x_hat_rc = centred_rc / std_c. centred_rc takes part in x_hat_rc alone, there divided by std_c.
    dcentred = dx_hat / std

    # std_c takes part in x_hat_rc of every r, and 1 / std has the derivative -1 / std^2.
    dstd = -(dx_hat * centred).sum(axis=axes) / std**2
    # std = sqrt(var + epsilon), and the root has the derivative 1 / (2 root).
    dvar = dstd / (2 * std)

    # mean_c takes part in centred_rc of every r, there times -1. (In var too, but the sum of centred is 0.)
    dmean = -dcentred.sum(axis=axes)

    # x_rc takes part in centred_rc, times 1; in mean_c, times 1 / R; and in var_c, times 2 centred_rc / R.
    by_itself = dcentred
    by_mean = dmean / rows  # (C,), the same for every row
    by_variance = dvar * 2 * centred / rows
    dx = by_itself + by_mean + by_variance

    # Put together:  by_itself = gamma dy / std,  dmean = -gamma dbeta / std,
    # dstd = -gamma dgamma / std, for centred / std is x_hat,  dvar = -gamma dgamma / (2 std^2),
    # by_variance = -gamma dgamma centred / (std^2 R) = -gamma / std x_hat dgamma / R.
    # So dx = gamma / std (dy - dbeta / R - x_hat dgamma / R), which is the library's line.
    return dx, dgamma, dbeta
