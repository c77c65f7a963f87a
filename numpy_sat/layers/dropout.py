"""Inverted dropout (Srivastava et al. 2014): training scales up the remaining values, so inference needs no change."""

from typing import NamedTuple

import numpy as np


class DropoutCache(NamedTuple):
    """The mask that dropout_forward keeps for dropout_backward."""

    mask: np.ndarray


def dropout_mask(rng, shape, rate, dtype):
    """Sample a dropout mask: 0 with probability `rate`, otherwise 1 / (1 - rate), so that its mean is 1.

    Args:
        rng: NumPy Generator.
        shape: shape of the mask.
        rate: probability of a 0, from 0 to below 1.
        dtype: dtype of the mask.
    Returns:
        mask: of the given shape and dtype.
    Raises:
        ValueError: the rate is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout rate must be in [0, 1), not {rate}")
    if rate == 0:
        return np.ones(shape, dtype)
    survivors = rng.random(shape, dtype=np.float32) >= rate
    return np.divide(survivors, 1 - float(rate), dtype=dtype)


def dropout_forward(x, mask):
    """Compute y = x * mask.

    Args:
        x: any shape.
        mask: the shape of x, from dropout_mask.
    Returns:
        y: the shape of x.
        cache: what dropout_backward needs.
    """
    return x * mask, DropoutCache(mask)


def dropout_backward(dy, cache):
    """Compute dx = dy * mask, of the shape of dy."""
    return dy * cache.mask
