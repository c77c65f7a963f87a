"""Check loading and storing of vectors."""

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import simd
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel


@kernel
def _first_lanes(x, y, count):
    simd.store_first(simd.load_first(x, 0, count), y, 0, count)


@pytest.mark.parametrize("count", [0, 1, LANES - 1, LANES, LANES + 5])
def test_only_the_first_lanes_are_read_and_written(rng, count):
    x, y = single(rng.standard_normal(LANES), np.zeros(LANES))
    _first_lanes(x, y, count)
    np.testing.assert_array_equal(y, np.where(np.arange(LANES) < count, x, 0))


@kernel
def _load(x, y):
    simd.store(simd.load(x, 0), y, 0)


def test_vectors_refuse_other_arrays():
    with pytest.raises(Exception, match="contiguous float32 arrays"):
        _load(np.zeros(LANES), np.zeros(LANES))
    with pytest.raises(Exception, match="contiguous float32 arrays"):
        _load(np.zeros(2 * LANES, np.float32)[::2], np.zeros(LANES, np.float32))
