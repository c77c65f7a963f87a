"""Exercise 8: Convolution as loops, in numba                (difficulty 2 of 3, about 45 minutes; builds on exercise 6)

To learn: how to make a compiler turn Python loops into fast machine code, and how fast the processor can be.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

This is the convolution of exercise 6 with stride 1. x is padded already. y is an argument that holds arbitrary numbers:
write the result to it and return nothing. Write plain loops over single numbers. `@kernel` passes them to numba, which
compiles them at the first call with arrays. The check runs your loops as plain Python, on small arrays.

The seven loops may have any order, and every order is right. Not every order is fast:

  * In every iteration, Python looks up types, and creates and frees an object for each number. That takes a thousand
    cycles for one multiplication and one addition. In compiled loops, an operation is a single instruction.
  * One instruction can multiply and add 4 to 16 numbers at once, a vector, if they are neighbors in memory. The last
    index has its neighbors side by side: y[n, i, j, :] and W[p, q, c, :] are such rows. So o belongs innermost: add the
    number x[n, i + p, j + q, c] times a row of W to a row of y. These additions are independent.
  * With c innermost, all terms go into one sum in a fixed order: each addition waits for the one before.

On one core of an AMD Zen 5 we measured 0.0054 GFLOP/s (1e9 operations per second) for Python's loops, 1.2 for numba's
with c innermost, and 44 with o innermost. The limit of the core is 250: numbers in a vector x 2 (multiply and add) x
vectors per cycle x cycles per second. We stay below it, because every multiply-add still loads twice and stores once.
When the check passes, `python -m exercises check 8` compiles your loops and draws them against your machine's limit.

Predict before you run: 128 to 256 channels, 3 x 3, 8 images of 56 x 56 are 2 * 8 * 56 * 56 * 9 * 128 * 256 = 14.8e9
operations. At 0.0054 GFLOP/s that takes 46 minutes. At 1.2, at 44, at 250? And a small one: an image of one row and
one channel, x = [1, 2, 3, 4], W = [10, 1], b = 100, y = [nan, nan, nan]. (y[0] is 100 + 10 + 2 = 112; the others?)

numba compiles loops, numbers, tuples and arrays. It does not check indices: an index out of range reads arbitrary
memory without an error.
Run             python -m exercises check 8      python -m exercises hint 8
"""

import numba

# "contract" allows a * b + c to become one instruction. error_model="numpy" omits the zero check of every division.
kernel = numba.njit(error_model="numpy", fastmath={"contract"}, nogil=True)


@kernel
def correlate(x, W, b, y):
    """Correlate x with W, add b, and write the result to y.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

    Args:
        x: (N, H + P - 1, W + Q - 1, C) images, padding included.
        W: (P, Q, C, O) filters.
        b: (O,) bias.
        y: (N, H, W, O), overwritten.
    """
    raise NotImplementedError("exercise 8: correlate")
