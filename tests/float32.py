"""Arrays in single and in double precision, for the tests of kernels."""

import numpy as np


def single(*arrays):
    """Return the arrays as float32."""
    return [array.astype(np.float32) for array in arrays]


def double(*arrays):
    """Return the arrays as float64."""
    return [array.astype(np.float64) for array in arrays]


def error(result, expected):
    """Return the largest error relative to the largest value; the result is contiguous float32 of the right shape."""
    assert result.shape == np.shape(expected) and result.dtype == np.float32 and result.flags.c_contiguous
    return np.abs(result - expected).max(initial=0) / np.abs(expected).max(initial=1e-30)
