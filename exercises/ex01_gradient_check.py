"""Exercise 1: Gradients by measuring                                              (difficulty 1 of 3, about 30 minutes)

To learn: a gradient can be measured. Change one number a little, and compute the loss again. That takes two losses for
each number, which is too slow for training. But it needs no algebra, so it makes no algebra mistakes. Every backward
pass of this course is checked against it. So first make sure that the check itself is right.

    forward difference   (f(x + d) - f(x)) / d             wrong by about d / 2 times f''(x)
    central difference   (f(x + d) - f(x - d)) / (2 d)     wrong by about d^2 / 6 times f'''(x): this one is ours

    relative error       max |a - n| / (max |a| + max |n|)        a: analytic gradient, n: numerical one

Predict before you run: f(x) = x^3 at x = 2, where the slope is 12, with the huge step 1: f is 1, 8, 27 at 1, 2, 3.
Forward difference: 19. Central difference: 13. And with the step 0.1? (Central: 12.01; find the forward one.)
By how much does each error shrink when the step becomes ten times smaller?
Relative error of [3, -4] and [3, -2]: 2 / (4 + 3) = 2/7. Of [3, -4] and [-3, 4]? Of a gradient that is twice too large?
Of [0, 0] and [0, 0.0000005], a small gradient that somebody forgot? (1, the largest possible value.)

Three traps:
- loss() takes no arguments: it reads x itself. So change x in place, one entry at a time, and restore it exactly.
  0.3 + 0.1 - 0.1 is 0.30000000000000004, so store the old number. The check compares to the last bit (`restored`).
- A distance is never negative, and NaN > 0.001 is false. A check that forgets either of these accepts wrong gradients.
- Two gradients below TINY are zeros with rounding errors. Their ratio means nothing, so compare max |a - n| alone.
  Empty arrays have no maximum, unless you give a start value: .max(initial=0).
Run             python -m exercises check 1      python -m exercises hint 1
Read            exercises/chapters/measuring_gradients.md, the longer story
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
