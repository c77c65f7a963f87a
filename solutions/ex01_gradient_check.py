"""Solution 1: Gradients by measuring.

Taylor's expansion gives the error of a difference quotient. With d = step,

    f(x + d) = f(x) + d f'(x) + d^2 / 2 f''(x) + d^3 / 6 f'''(x) + ...
    f(x - d) = f(x) - d f'(x) + d^2 / 2 f''(x) - d^3 / 6 f'''(x) + ...

Subtract the second line from the first. The terms f(x) and d^2 / 2 f''(x) cancel, and 2 d f'(x) + d^3 / 3 f'''(x)
remains. Divide by 2 d: the result is f'(x) with an error of d^2 / 6 f'''(x). A one-sided difference has an error of
d / 2 f''(x), which is much larger for a small d.

Answers to the questions of the page:

With d = 0.1, forward = 12.61. A step ten times smaller shrinks the error of the forward difference about ten times,
from 7 to 0.61, and that of the central difference a hundred times, from 1 to 0.01. With n = [-3, 4], error = 1. For a
gradient twice too large, error = 1/3.
"""

import numpy as np

from numpy_sat.check.gradcheck import STEP, TINY


def relative_error(analytic, numeric):
    """Compute max |a - n| / (max |a| + max |n|).

    It is 0 for equal arrays, and 1 if one array is zero. If both maxima are below TINY, both arrays count as zero, and
    the result is max |a - n|, since a ratio would compare rounding errors.

    Args:
        analytic, numeric: arrays of the same shape.
    Returns:
        A float; inf if an array has a NaN, 0 for empty arrays.
    """
    # The sizes are maxima over the whole arrays, not the size of the worst entry alone. An entry near zero may carry
    # the rounding errors of its large neighbors. initial=0 gives the maximum of an empty array.
    worst = float(np.abs(analytic - numeric).max(initial=0))
    size_a = float(np.abs(analytic).max(initial=0))
    size_n = float(np.abs(numeric).max(initial=0))
    # The maximum of an array with a NaN is NaN. NaN > tolerance is false, so a returned NaN would pass every check.
    if not np.isfinite(worst):
        return np.inf
    # Two arrays of rounding errors, such as 1e-12 and -1e-12, are both zero in practice. Their ratio would be 1.
    if size_a < TINY and size_n < TINY:
        return worst
    # error = max |a - n| / (max |a| + max |n|), at most 1 because |a - n| <= |a| + |n|.
    return worst / (size_a + size_n)


def numerical_gradient(loss, x, step=STEP):
    """Compute (loss(x + step) - loss(x - step)) / (2 step) for every entry of x.

    Args:
        loss: function without arguments that reads x.
        x: float64 array, or the view of one entry; its entries are changed and restored in place.
        step: size of the step.
    Returns:
        An array of the shape of x.
    """
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        # A partial derivative moves one entry and holds all others.
        value = x[index]
        # Write into x itself, because the loss reads this array.
        x[index] = value + step
        above = loss()
        x[index] = value - step
        below = loss()
        # Restore the stored value. Subtracting the step again may give another number: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = value
        rise = above - below
        run = 2 * step  # from value - step to value + step
        # gradient = (loss(x + step) - loss(x - step)) / (2 step)
        gradient[index] = rise / run
    return gradient
