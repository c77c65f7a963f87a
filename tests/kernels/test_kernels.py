"""Check the switch between fused and unfused kernels."""

import numpy as np
import pytest

from numpy_sat import kernels


def test_the_switch_is_restored_after_an_error():
    x = np.zeros(1, np.float32)
    assert kernels.use_kernels(x, composite=True) and not kernels.use_kernels(x, x.astype(np.float64), composite=True)
    with pytest.raises(ZeroDivisionError), kernels.unfused():
        assert not kernels.use_kernels(x, composite=True) and kernels.use_kernels(x)
        raise ZeroDivisionError
    assert kernels.use_kernels(x, composite=True)
