"""Check the helpers of commands: messages about compiling, and patterns of files."""

import os
import subprocess
import sys

import pytest

from numpy_sat.system import cli


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
        assert result.stderr.count("compiling the kernels") == expected_count


def test_patterns_are_expanded_on_windows_only(tmp_path, monkeypatch):
    for name in ("b.jpg", "a.jpg", "c [1].jpg", "notes.txt"):
        (tmp_path / name).touch()
    pattern, brackets, phrase = str(tmp_path / "?.jpg"), str(tmp_path / "c [1].*"), "what is this?"
    names = [str(tmp_path / name) for name in ("a.jpg", "b.jpg", "c [1].jpg")]
    arguments = ["run", pattern, brackets, phrase]
    parser = cli.Parser()
    parser.add_argument("files", nargs="+")
    for is_windows, expected in ((True, ["run", *names, phrase]), (False, arguments)):
        monkeypatch.setattr(cli, "IS_WINDOWS", is_windows)
        assert parser.parse_args(arguments).files == expected
