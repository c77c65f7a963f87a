"""Inverted dropout (Srivastava et al. 2014): what is kept is scaled up in training, so decoding needs no change."""

from typing import NamedTuple

import numpy as np


class DropoutCache(NamedTuple):
    mask: np.ndarray


def dropout_mask(rng, shape, rate, dtype):
    """A fresh mask: 0 with probability `rate`, else 1 / (1 - rate), so that its mean is 1.

    rng: numpy Generator; rate: in [0, 1). Raises ValueError for another rate.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout rate must be in [0, 1), not {rate}")
    kept = rng.random(shape, dtype=np.float32) >= rate
    return kept.astype(dtype) / (1 - float(rate))


def dropout_forward(x, mask):
    """y = x * mask. x, mask: the same shape. Returns y and the cache."""
    return x * mask, DropoutCache(mask)


def dropout_backward(dy, cache):
    """dy: the shape of x. Returns dx = dy * mask."""
    return dy * cache.mask
