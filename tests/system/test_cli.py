"""Check the messages of commands about compiling."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_compiling_is_announced_once_and_only_when_it_happens(tmp_path):
    """Run a command twice in its own process, with the same new cache."""
    code = (
        "import sys, numpy as np; from numpy_sat.kernels import matmul; from numpy_sat.system import cli\n"
        "x = np.ones((3, 4), np.float32)\n"
        "sys.exit(cli.run(lambda: print(matmul.multiply(x, matmul.pack(x.T.copy()))[0, 0])))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for expected_count in (1, 0):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert result.stdout == "4.0\n", result.stderr
        assert result.stderr.count("compiling, once") == expected_count
