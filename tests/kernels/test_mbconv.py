"""Check the kernel of an inverted bottleneck against the layer in float64."""

import numpy as np
import pytest
from float32 import double, error

from numpy_sat.kernels import mbconv as mbconv_kernel
from numpy_sat.layers import mbconv

ERROR = 2e-6  # accepted error, relative to the largest value


@pytest.mark.parametrize("side", [(9, 12), (8, 11)])
def test_a_stem_in_the_place_of_the_expansion(rng, side):
    """Check a stem, whose images are already padded and whose filters are larger than a pixel."""
    H, W = side
    x = rng.standard_normal((2, 2 * H + 1, 2 * W + 1, 3), np.float32)
    stem = rng.standard_normal((3, 3, 3, 32), np.float32), rng.standard_normal(32, np.float32)
    W_d, b_d = rng.standard_normal((3, 3, 32), np.float32), rng.standard_normal(32, np.float32)
    W_p, b_p = rng.standard_normal((32, 16), np.float32), rng.standard_normal(16, np.float32)
    h = np.zeros((2, H, W, 32))
    for p, q in np.ndindex(3, 3):
        h += x[:, p : p + 2 * H : 2, q : q + 2 * W : 2].astype(np.float64)[:, :H, :W] @ stem[0][p, q].astype(np.float64)
    h = np.clip(h + stem[1], 0, 6)
    expected, _ = mbconv.mbconv_forward(h, None, None, *double(W_d, b_d, W_p, b_p), 1)
    y = mbconv_kernel.forward(x, stem, (W_d, b_d), (W_p, b_p), 1, (1, 1), expected.shape, stem_stride=2)
    assert error(y, expected) < ERROR
