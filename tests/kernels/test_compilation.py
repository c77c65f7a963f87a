"""Check that the kernels of a computation are recorded, and compiled by other processes."""

import os
import subprocess
import sys

import numpy as np
from float32 import single

from numpy_sat.kernels import compilation, elementwise

CODE = """
import numpy as np
from numpy_sat.kernels import compilation, elementwise
from numpy_sat.system import machine
machine.THREADS, compilation.FEW = 2, 1
x = np.ones((40, 16), np.float32)
with compilation.recorded() as calls:
    elementwise.tanh(x), elementwise.column_sums(x), elementwise.relu_backward(x, x), elementwise.tanh(x)
assert len(calls) == 4 and not any(compilation._is_stored(*call) for call in calls)
compilation.compile_missing(calls)
assert all(compilation._is_stored(*call) and not call[0].overloads for call in calls)
assert elementwise.column_sums(x)[0] == 40
print(sum(calls[1][0].stats.cache_hits.values()), sum(calls[1][0].stats.cache_misses.values()))
"""


def test_other_processes_compile_what_the_cache_lacks(tmp_path):
    environment = os.environ | {"NUMPY_SAT_CACHE": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "0"], done.stderr


def test_nothing_runs_while_calls_are_recorded(rng):
    (x,) = single(rng.standard_normal((3, 5)))
    with compilation.recorded() as calls:
        elementwise.tanh(x)
    assert [call[0].py_func.__name__ for call in calls] == ["_apply"]
    assert np.allclose(elementwise.tanh(x), np.tanh(x), atol=1e-6)
    assert len(calls) == 1


def test_failed_processes_are_no_error(monkeypatch, rng):
    monkeypatch.setattr(compilation, "FEW", 0)
    monkeypatch.setattr(compilation, "_is_stored", lambda kernel, signature: False)
    monkeypatch.setattr(compilation.processes, "CODE", "import os; os._exit(1)")
    with compilation.recorded() as calls:
        elementwise.tanh(*single(rng.standard_normal((3, 5))))
    compilation.compile_missing(calls)
