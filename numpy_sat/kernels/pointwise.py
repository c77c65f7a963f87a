"""A 1x1 convolution with relu6 (layers/pointwise.py): a matrix product that applies relu6 while its rows are cached.

Each task packs its panel of W itself. For the few cells of the last layers of a network, to pack all of W before the
product takes as long as the product.
"""

import numpy as np

from numpy_sat.kernels import matmul, relu6
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.matmul import ROWS, TILE_COLUMNS, TILE_ROWS, WIDTH, R
from numpy_sat.kernels.panels import lengthened
from numpy_sat.kernels.simd import LANES, load_first, maximum, minimum, repeat, store, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

TASKS = 8  # least number of tasks of a small product


@checked(x="strided (..., K)", W="strided (K, O)", b="strided (O,)")
def pointwise_forward(x, W, b):
    """Compute pointwise_forward of layers/pointwise.py; return y: (..., O) and the fields of its cache."""
    workspace, x = current(), np.ascontiguousarray(x)
    K, O = W.shape
    y = workspace.empty((*x.shape[:-1], O))
    M, panels = y.size // max(1, O), -(-O // WIDTH)
    blocks = max(1, min(-(-TASKS // max(1, panels)), M // R))
    rows = max(1, -(-M // (blocks * R))) * R
    with workspace.scratch():
        packed, bias = workspace.empty((machine.THREADS, K, WIDTH)), lengthened(b, panels * WIDTH)
        arrays = x.reshape(-1), np.ascontiguousarray(W), packed, bias, y.reshape(-1)
        run(_forward, panels * -(-M // rows), TILE_ROWS, TILE_COLUMNS, rows, M, *arrays)
    return y, ((x, W), (y,))


def pointwise_backward(dy, cache):
    """Compute pointwise_backward of layers/pointwise.py; return dx: (..., I), dW: (I, O) and db: (O,)."""
    x, W = cache.linear
    dy, db = relu6.backward(dy, cache.relu.y)
    dW = matmul.multiply_transposed(x, dy)
    return matmul.multiply(dy, matmul.pack(W.T)), dW, db


@kernel
def _forward(thread, counter, tasks, tile_rows, tile_columns, rows, M, x, W, packed, b, y):
    """Compute `rows` rows of one panel of y per task."""
    (K, O), blocks, w0 = W.shape, -(-M // rows), thread * packed[0].size
    zero, six = repeat(np.float32(0)), repeat(np.float32(6))
    for task in claim_tasks(thread, counter, tasks):
        panel, first = task // blocks, task % blocks * rows
        start = panel * WIDTH
        for k in range(K):
            for o in range(0, WIDTH, LANES):
                store(load_first(W, k * O + start + o, max(O - start - o, 0)), packed, w0 + k * WIDTH + o)
        for begin in range(first, min(first + rows, M), ROWS):
            end = min(begin + ROWS, first + rows, M)
            matmul.multiply_rows(
                *(tile_rows, tile_columns, begin, end, panel, K, (K, 1, K), O),
                *(x, 0, packed, w0, b, y, 0, False),
            )
            for m in range(begin, end):
                for o in range(start, min(start + WIDTH, O), LANES):
                    at = m * O + o
                    store_first(minimum(maximum(load_first(y, at, O - o), zero), six), y, at, O - o)
