"""Test how a process finds out that it is a rank, and how it ends before the ranks are connected. MPI is not needed."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs the signals of Linux or macOS")
TWO = {"PMI_SIZE": "2"}
MISSING = "import sys; sys.modules['mpi4py'] = None; from numpy_sat.system import cli, mpi; mpi.silence_others(); "


def run(code, **variables):
    """Run code in a process with these environment variables, and return the completed process."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PMI", "OMPI", "SLURM"))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=60)


def test_one_process_imports_no_mpi():
    code = "from numpy_sat import evaluate, study, train; from numpy_sat.system import cli; cli.run_on_ranks(list)"
    result = run(f"{code}; import sys; assert 'mpi4py' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_without_mpi4py_a_signal_ends_the_first_rank():
    """Check the sentence, and that mpiexec notices: it does not end the other ranks after an exit with a code."""
    result = run(f"{MISSING} cli.run_on_ranks(list)", PMI_RANK="0", **TWO)
    assert result.returncode == -signal.SIGTERM
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("error: 2 processes were started together, but mpi4py cannot be used")


@pytest.mark.parametrize(("rank", "text"), [("0", "interrupted\n"), ("1", "")])
def test_an_interrupted_rank_dies_by_the_signal(rank, text):
    """Check an interrupt before the ranks are connected, during imports or after them."""
    before = "import signal; from numpy_sat.system import interrupt; signal.signal(2, interrupt._exit)"
    for code in (before, f"{MISSING} import signal; cli.run(lambda: signal.raise_signal(2))"):
        result = run(f"{code}; signal.raise_signal(2)", PMI_RANK=rank, **TWO)
        assert (result.returncode, result.stderr) == (-signal.SIGINT, text)
