"""Exercise 8: Convolution as loops, in numba.

To learn: what a processor could do in the time that one turn of a Python loop takes, and how to let it.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

The convolution of exercise 6 with stride 1; x comes padded already, y is given and written to: it holds garbage
before, and nothing is returned. Write plain loops over single numbers. `@kernel` hands them to numba, which compiles
them when they are first called with arrays; the check runs your loops as plain Python, on small arrays.

Seven loops may stand in any order, and every order is right. Not every order is fast:

  * Python, at every turn, looks up types, makes an object of each number and frees it: a thousand cycles for one
    multiplication and one addition. Compiled loops know the types beforehand: an operation is an instruction.
  * One instruction can multiply and add 4 to 16 numbers at once, a vector, if they lie side by side. In memory the
    last index goes fastest: y[n, i, j, :] and W[p, q, c, :] are such rows. So o belongs innermost: a row of y gains
    x[n, i + p, j + q, c], one number, times a row of W, and no addition waits for another.
  * With c innermost all terms go into one sum, in a fixed order: each waits for the one before, a number at a time.

On one core of an AMD Zen 5 we measured 0.0054 GFLOP/s (1e9 operations a second) for Python's loops, 1.2 for numba's
with c innermost, 44 with o innermost. The limit is numbers in a vector x 2 (multiply and add) x vectors a cycle x
cycles a second, 250 a core; below it we stay since every multiply-add still loads twice and stores once. When the
check passes, `python -m exercises check 8` compiles your loops and draws them against your machine's limit.

Predict before you run: 128 to 256 channels, 3 x 3, 8 images of 56 x 56 are 2 * 8 * 56 * 56 * 9 * 128 * 256 = 14.8e9
operations. At 0.0054 GFLOP/s that takes 46 minutes. At 1.2, at 44, at 250? And a small one: an image of one row and
one channel, x = [1, 2, 3, 4], W = [10, 1], b = 100, y = [nan, nan, nan]. (y[0] is 100 + 10 + 2 = 112; the others?)

numba compiles loops, numbers, tuples and arrays. It does not check indices: one too many reads garbage, silently.
"""

import numba

# "contract": a * b + c may become one instruction. error_model: no look at every division whether it is by zero.
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
