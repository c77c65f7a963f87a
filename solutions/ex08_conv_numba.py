"""Solution 8: Convolution as loops, in numba.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

Seven loops; which order? The innermost runs most often, so it decides. A multiply-add needs one number of x, one of W
and one of y. What happens to these three as one index goes on by one:

    o    W and y go to their neighbours in memory, x stays: a vector at once, and no addition waits for another
    c    x goes to its neighbour, W jumps by O numbers, y stays: every addition waits for the one before
    j    x jumps by C numbers, y by O, W stays

So o is innermost. Next come c, q and p: one row of y, O numbers, stays in the nearest cache until all its terms are
in. Then j, i and n, which go through the images in the order in which they lie in memory.
"""

import numba

# "contract": a * b + c may become one instruction. error_model: no look at every division whether it is by zero.
kernel = numba.njit(error_model="numpy", fastmath={"contract"}, nogil=True)


@kernel
def correlate(x, W, b, y):
    """y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o], written to y.

    x: (N, H + P - 1, W + Q - 1, C), padded; W: (P, Q, C, O); b: (O,); y: (N, H, W, O).
    """
    N, H, width, O = y.shape
    P, Q, C, _ = W.shape
    for n in range(N):
        for i in range(H):
            for j in range(width):
                # y comes with garbage in it: the bias is written over that, before anything is added.
                for o in range(O):
                    y[n, i, j, o] = b[o]
                # Then every term of this row of y. The window of (i, j) begins at cell (i, j) of the padded image.
                for p in range(P):
                    for q in range(Q):
                        for c in range(C):
                            # One number of the image...
                            pixel = x[n, i + p, j + q, c]
                            # ... takes part in all O results, each with its own weight. This loop becomes vectors.
                            for o in range(O):
                                y[n, i, j, o] += pixel * W[p, q, c, o]
