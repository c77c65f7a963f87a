"""Check the kernel of an inverted bottleneck against the layer in float64."""

import numpy as np
import pytest
from float32 import double, error

from numpy_sat.kernels import mbconv as mbconv_kernel
from numpy_sat.layers import mbconv
from numpy_sat.system import machine

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


@pytest.mark.parametrize("shape", [(1, 7, 7, 48), (1, 5, 4, 20), (9, 3, 8, 16)])
def test_parts_of_the_channels_do_not_depend_on_the_threads(rng, monkeypatch, shape):
    """Check that few pixels are divided by channels, and that any number of threads computes the same bits."""
    C, E = shape[3], 240
    shapes = (C, E), (E,), (5, 5, E), (E,), (E, C), (C,)
    weights = [rng.standard_normal(shape, np.float32) / np.float32(max(1, np.sqrt(shape[0]))) for shape in shapes]
    x = rng.standard_normal(shape, np.float32)
    expected, _ = mbconv.mbconv_forward(*double(x, *weights), 1)
    results = []
    for threads in (machine.THREADS, 1):
        monkeypatch.setattr(machine, "THREADS", threads)
        results.append(mbconv.mbconv_inference(x, *weights, 1))
    assert np.array_equal(*results) and error(results[0], expected) < ERROR
    W = weights[0][None, None], weights[2]
    *_, plan, _, _ = mbconv_kernel._plan(shape, W[0].shape, True, W[1].shape, 1, (2, 2), shape, True, 1)
    assert plan.parts > 1
