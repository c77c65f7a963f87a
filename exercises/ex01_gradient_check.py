"""Exercise 1: Gradients by measuring                                              (difficulty 1 of 3, about 30 minutes)

Goal            Measure a gradient: change one number a little, and compute the loss again. This is too slow for
                training, because it takes two losses per number. But it needs no algebra, so it makes no algebra
                mistakes. Every backward pass of this course is checked against it. So first make sure that the check
                itself is right.

Equations       forward difference   (f(x + d) - f(x)) / d               error about d / 2 times f''(x)
                central difference   (f(x + d) - f(x - d)) / (2 d)       error about d^2 / 6 times f'''(x)
                relative error       max |a - n| / (max |a| + max |n|)   a number; a: analytic, n: numerical gradient

Worked example  f(x) = x^3 at x = 2, where the slope is 12, with the huge step d = 1. f is 1, 8 and 27 at 1, 2 and 3.
                forward = 19   central = 13            With d = 0.1, central = 12.01. Find the forward difference.
                By how much does each error shrink when the step becomes ten times smaller?
                a = [3, -4]   n = [3, -2]   error = 2/7   Find it with [-3, 4] as n, and for a gradient twice too large.
                a = [0, 0]   n = [0, 5e-7]   error = 1       the largest value possible: a small gradient was forgotten

Your task       1. relative_error: compute the error of two whole arrays, not of each entry. If max |a| and max |n| are
                   both below TINY, return max |a - n|, because both arrays are zeros with rounding errors. Trap: a
                   distance is never negative, and NaN > 0.001 is False. A careless check accepts a NaN. Return np.inf
                   if an entry is NaN or infinite.
                2. numerical_gradient: loss() takes no arguments and reads x itself. So change x in place, one entry at
                   a time. Trap: 0.3 + 0.1 - 0.1 is 0.30000000000000004. So store the old number and restore it. The
                   check compares x to the last bit (`restored`).

Given           STEP is the size of the step. Below TINY, a gradient counts as zero. Empty arrays have no maximum,
                unless you give a start value: .max(initial=0).

Run             python -m exercises check 1   python -m exercises hint 1   python -m exercises check 1 --pencil
Read            exercises/chapters/measuring_gradients.md: the longer story, with figures
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
    raise NotImplementedError("exercise 1: relative_error")


def numerical_gradient(loss, x, step=STEP):
    """Compute (loss(x + step) - loss(x - step)) / (2 step) for every entry of x.

    Args:
        loss: function without arguments that reads x.
        x: float64 array, or the view of one entry; its entries are changed and restored in place.
        step: size of the step.
    Returns:
        An array of the shape of x.
    """
    raise NotImplementedError("exercise 1: numerical_gradient")
