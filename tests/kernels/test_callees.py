"""Check that the functions that kernels call are compiled as parts of the kernels only."""

import numpy as np
import pytest
from numba.core import codegen, event
from numba.core.errors import TypingError

from numpy_sat.kernels.simd import LANES, load, store
from numpy_sat.kernels.threads import called, inline, kernel


@called
def _increment(x, k):
    return load(x, k) + np.float32(1)


@inline
def _twice(x, k):
    return np.float32(2) * _increment(x, k)


@kernel
def _double(x):
    for k in range(0, x.size, LANES):
        store(_twice(x, k), x, k)


def test_only_the_kernel_becomes_machine_code(monkeypatch):
    names, originals = [], dict(vars(codegen.CPUCodeLibrary), **vars(codegen.JITCodeLibrary))
    for method in ("_optimize_final_module", "_finalize_specific"):

        def record(library, original=originals[method]):
            names.append(library.name)
            original(library)

        monkeypatch.setattr(codegen.JITCodeLibrary, method, record)
    monkeypatch.setattr(_double._cache, "load_overload", lambda *_: None)
    x = np.arange(3 * LANES, dtype=np.float32)
    expected = 2 * (x + 1)
    with event.install_recorder("numba:compile") as recorder:
        _double(x)
    assert {_double, _twice, _increment} <= {entry.data["dispatcher"] for _, entry in recorder.buffer}
    assert [name for name in names if name != "nrt"] == ["_double", "_double"]  # nrt is a part of numba
    assert np.array_equal(x, expected)


def test_kernels_cannot_allocate_arrays():
    """Check that a kernel that allocates an array does not compile, because nothing would free the array."""

    @kernel
    def allocate(x):
        x[0] = np.zeros(x.size)[0]

    with pytest.raises(TypingError):
        allocate(np.ones(LANES, np.float32))
