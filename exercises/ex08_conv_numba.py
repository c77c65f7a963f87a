"""Exercise 8: Convolution as loops, in numba                (difficulty 2 of 3, about 45 minutes; builds on exercise 6)

Goal            Turn Python loops into fast machine code with numba, and see how fast the processor can be. In every
                iteration, Python looks up types and creates an object for each number. That takes a thousand cycles for
                one multiplication and one addition. In compiled loops, an operation is a single instruction.

Equations       y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]            (N, H, W, O)
                This is exercise 6 with stride 1, and x is padded already. The seven loops may have any order. All are
                right, but not all are fast. One instruction can multiply and add 4 to 16 numbers at once, if they are
                neighbors in memory. The last index has its neighbors side by side: y[n, i, j, :] and W[p, q, c, :] are
                such rows. So o belongs innermost: add x[n, i + p, j + q, c] times a row of W to a row of y. With c
                innermost, all terms go into one sum in a fixed order. So each addition waits for the one before.
                The core's limit in operations per second is: numbers in a vector x 2 (multiply and add) x vectors per
                cycle x cycles per second. numpy_sat/RESULTS.md has measured rates of such loops and of faster kernels.

Worked example  An image of one row and one channel. The old y holds arbitrary numbers, here NaN:
                x = [1, 2, 3, 4]   W = [10, 1]   b = 100   y[0] = 112            Find y[1] and y[2].
                128 to 256 channels, 3 x 3, 8 images of 56 x 56 take 2 * 8 * 56 * 56 * 9 * 128 * 256 = 14.8e9
                operations. Python's loops reached 0.0054 GFLOP/s on the machine of RESULTS.md (1 GFLOP/s is 1e9
                operations per second): 46 minutes. How long is it at 1.2 GFLOP/s, at 44, at 250?

Your task       1. correlate: write plain loops over single numbers. Write the result to the argument y, and return
                   nothing. Trap: y holds arbitrary numbers before, so do not add to them. Trap: numba does not check
                   indices. An index out of range reads arbitrary memory without an error.

Given           @kernel passes your loops to numba. numba compiles loops, numbers, tuples and arrays. The check runs
                your loops as plain Python on small arrays. When they are right, it compiles them and draws them against
                your machine's limit. There is no cache.

Run             python -m exercises check 8   python -m exercises hint 8   python -m exercises check 8 --pencil
Read            exercises/chapters/kernels.md: the longer story, with figures
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
