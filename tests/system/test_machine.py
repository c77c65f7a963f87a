"""Check the number of threads and the folder of compiled kernels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("setting", "expected"), [("1", "1\n"), ("3", "3\n"), ("0", ""), ("two", "")])
def test_one_variable_sets_the_number_of_threads(setting, expected):
    code = (
        "from numpy_sat.system import machine; import os\n"
        "assert os.environ['OPENBLAS_NUM_THREADS']; print(machine.THREADS)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"NUMPY_SAT_THREADS": setting}
    )
    assert result.stdout == expected
    assert (result.returncode == 0) == bool(expected)
    if not expected:
        assert f"NUMPY_SAT_THREADS={setting}: must be a whole number" in result.stderr


def _import_with_cache(folder):
    code = "import numpy_sat, os; print(os.environ['NUMBA_CACHE_DIR'])"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["NUMPY_SAT_CACHE"] = str(folder)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


def test_kernels_are_cached_by_their_sources_and_old_ones_removed(tmp_path):
    old, young = tmp_path / "kernels-old", tmp_path / "kernels-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    assert _import_with_cache(tmp_path).parent == tmp_path
    assert young.exists() and not old.exists()


def test_kernels_are_cached_elsewhere_if_the_folder_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("")
    assert tmp_path not in _import_with_cache(tmp_path / "file" / "cache").parents
