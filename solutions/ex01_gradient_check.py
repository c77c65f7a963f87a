"""Solution 1: Gradients by measuring.

Taylor says what a difference quotient is worth. With d = step,

    f(x + d) = f(x) + d f'(x) + d^2 / 2 f''(x) + d^3 / 6 f'''(x) + ...
    f(x - d) = f(x) - d f'(x) + d^2 / 2 f''(x) - d^3 / 6 f'''(x) + ...

Subtract the lines: f(x) and the d^2 term are the same in both, and go. What is left is 2 d f'(x) + d^3 / 3 f'''(x).
Divided by 2 d it is f'(x) with an error of d^2 / 6 f'''(x). A one-sided difference keeps d / 2 f''(x).
"""

import numpy as np

from numpy_sat.check.gradcheck import STEP, TINY


def relative_error(analytic, numeric):
    """max |a - n| / (max |a| + max |n|), from 0 where two arrays are equal to 1 where one of them is zero.

    Where both maxima are below TINY it is max |a - n|: both are zero, and a ratio would compare their rounding errors.
    analytic, numeric: arrays of one shape. Returns a float, inf where there is a NaN; 0 of empty arrays.
    """
    # The largest distance, and how large the arrays are: not how large the worst entry is, for an entry near zero may
    # be off by the rounding errors of its large neighbours. initial=0 is for empty arrays.
    worst = float(np.abs(analytic - numeric).max(initial=0))
    size_a = float(np.abs(analytic).max(initial=0))
    size_n = float(np.abs(numeric).max(initial=0))
    # A maximum with a NaN in it is NaN, and NaN > tolerance is false: said as it is, it would pass any check.
    if not np.isfinite(worst):
        return np.inf
    # Two arrays of rounding errors, 1e-12 and -1e-12, are equal for our purposes; their ratio would say 1.
    if size_a < TINY and size_n < TINY:
        return worst
    # |a - n| <= |a| + |n|, so this is never more than 1.
    return worst / (size_a + size_n)


def numerical_gradient(loss, x, step=STEP):
    """(loss(x + step) - loss(x - step)) / (2 step) for every entry of x, which is changed and restored in place.

    loss: function of no arguments that reads x; x: float64 array, or one entry's view. Returns an array like x.
    """
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        # One entry moves, all others stay where they were: that is what a partial derivative asks.
        here = x[index]
        # Into x itself, for that is the array which the loss reads.
        x[index] = here + step
        above = loss()
        x[index] = here - step
        below = loss()
        # The number that was kept. Taking a step off again may bring back another: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = here
        rise = above - below
        run = 2 * step  # from here - step to here + step
        gradient[index] = rise / run
    return gradient
