"""Exercise 1: Gradients by measuring.

To learn: a gradient can be measured. Move one number a little, ask the loss again, and see how it answers. That takes
two losses a number, so nobody trains by it; but it needs no algebra, and so makes none of algebra's mistakes. Every
backward pass of this course is held to it. So let us first make sure of the ruler.

    forward difference   (f(x + d) - f(x)) / d             wrong by about d / 2 times f''(x)
    central difference   (f(x + d) - f(x - d)) / (2 d)     wrong by about d^2 / 6 times f'''(x): this one is ours

    relative error       max |a - n| / (max |a| + max |n|)        a: analytic gradient, n: numerical one

Predict before you run: f(x) = x^3 at x = 2, where the slope is 12, with the huge step 1: f is 1, 8, 27 at 1, 2, 3.
Forward difference: 19. Central difference: 13. And with the step 0.1? (Central: 12.01; find the forward one.)
By how much does each error shrink when the step becomes ten times smaller?
Relative error of [3, -4] and [3, -2]: 2 / (4 + 3) = 2/7. Of [3, -4] and [-3, 4]? Of a gradient twice too large?
Of [0, 0] and [0, 0.0000005], a small gradient that somebody forgot? (1, the largest there is.)

Three things to mind:
- loss() takes no arguments: it looks at x itself. So x is moved in place, one entry at a time, and put back exactly.
  0.3 + 0.1 - 0.1 is 0.30000000000000004, so keep the old number. The check looks at the last bit (`restored`).
- A distance is never negative, and NaN > 0.001 is false: a check that forgets either passes what is broken.
- Both gradients below TINY are two zeros with rounding errors: their ratio says nothing, so compare max |a - n|.
  Empty arrays have no maximum, unless it is told where to begin: .max(initial=0).
"""

import numpy as np

from numpy_sat.check.gradcheck import STEP, TINY


def relative_error(analytic, numeric):
    """max |a - n| / (max |a| + max |n|), from 0 where two arrays are equal to 1 where one of them is zero.

    Where both maxima are below TINY it is max |a - n|: both are zero, and a ratio would compare their rounding errors.
    analytic, numeric: arrays of one shape. Returns a float, inf where there is a NaN; 0 of empty arrays.
    """
    raise NotImplementedError("exercise 1: relative_error")


def numerical_gradient(loss, x, step=STEP):
    """(loss(x + step) - loss(x - step)) / (2 step) for every entry of x, which is changed and restored in place.

    loss: function of no arguments that reads x; x: float64 array, or one entry's view. Returns an array like x.
    """
    raise NotImplementedError("exercise 1: numerical_gradient")
