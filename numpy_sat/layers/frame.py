"""Frame images with equal cells, so that the windows of a convolution may begin and end outside of the image."""

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import frame as kernel


@float32(kernel.frame)
def frame(x, rows, columns, value=0.0):
    """Add rows and columns of one value around every image.

    Args:
        x: (N, H, W, C) images.
        rows: numbers of rows above and below.
        columns: numbers of columns to the left and to the right.
        value: the value of the cells that are added.
    Returns:
        y: (N, above + H + below, left + W + right, C).
    """
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value)
