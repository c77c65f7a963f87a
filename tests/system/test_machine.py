"""Check the number of threads."""

import os
import subprocess
import sys

import pytest

from numpy_sat.system import machine


def _threads(setting):
    code = (
        "from numpy_sat.system import machine; import os\n"
        "assert os.environ['OPENBLAS_NUM_THREADS']; print(machine.THREADS, os.environ['NUMPY_SAT_THREADS'])"
    )
    environment = os.environ | {"NUMPY_SAT_THREADS": setting}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


def test_one_variable_sets_the_number_of_threads():
    result = _threads("1")
    assert (result.stdout, result.stderr) == ("1 1\n", "")


@pytest.mark.parametrize("setting", ["0", "000", "two", "-1", "1.5", "²"])
def test_a_number_of_threads_that_is_none_is_refused(setting):
    result = _threads(setting)
    assert result.returncode == 1
    assert result.stderr == f"NUMPY_SAT_THREADS={setting}: must be a whole number of at least 1.\n"


@pytest.mark.parametrize("setting", [str(machine.cores() + 1), "100000", "9" * 5000])
def test_there_are_no_more_threads_than_cores(setting):
    """Check the sentence that says so, and that processes which this process starts get the number of cores."""
    result, cores = _threads(setting), machine.cores()
    assert result.stdout == f"{cores} {cores}\n"
    limit = f"the number of threads is {cores}, one for each core that this process may use"
    assert result.stderr == f"NUMPY_SAT_THREADS={setting[:20]}: {limit}.\n"


@pytest.mark.parametrize(
    ("name", "value", "module", "sentence"),
    [
        ("NUMBA_DISABLE_JIT", "1", "numpy_sat", "NUMBA_DISABLE_JIT: the kernels run only when compiled; unset it"),
        ("NUMBA_NUM_THREADS", "0", "numpy_sat", "NUMBA_NUM_THREADS=0: must be a whole number of at least 1"),
        ("MPLBACKEND", "nonsense", "numpy_sat.evaluation.figures", "MPLBACKEND=nonsense: is no backend of matplotlib"),
    ],
)
def test_settings_of_libraries_that_cannot_work_have_a_sentence(name, value, module, sentence):
    command, environment = [sys.executable, "-c", f"import {module}"], os.environ | {name: value}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 1 and result.stderr.startswith(sentence) and result.stderr.count("\n") == 1
