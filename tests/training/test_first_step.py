"""Check the preparation of the first step of training."""

import numpy as np
import pytest
import tiny

from numpy_sat.experiment import runs
from numpy_sat.kernels import compilation, threads
from numpy_sat.system import machine


@pytest.mark.parametrize("setting", ["batch_norm=false", "batch_norm=true"])
def test_the_step_without_kernels_finds_them_and_changes_nothing(root, tiny_preset, tmp_path, monkeypatch, setting):
    monkeypatch.setattr(machine, "THREADS", 1)
    assert tiny.run(root, tmp_path / "plain", "--epochs", 1, "--clip-norm", 0.1, "--set", setting) == 0
    recorded, called = set(), []
    run = threads._Pool.run

    def noted(pool, function, tasks, args):
        called.append(function.py_func.__qualname__)
        run(pool, function, tasks, args)

    def first_calls(calls):
        recorded.update(kernel.py_func.__qualname__ for kernel, _ in calls)
        called.clear()

    monkeypatch.setattr(machine, "THREADS", 2)
    monkeypatch.setattr(compilation, "compile_missing", first_calls)
    monkeypatch.setattr(threads._Pool, "run", noted)
    assert tiny.run(root, tmp_path / "prepared", "--epochs", 1, "--clip-norm", 0.1, "--set", setting) == 0
    assert recorded and recorded <= set(called)
    end_of_step = called.index("_adam")
    assert set(called[:end_of_step]) <= recorded
    plain, prepared = (runs.load_model(tmp_path / name).params for name in ("plain", "prepared"))
    assert all(np.array_equal(prepared[name], w) for name, w in plain.items())
