"""Test the processes that share the work of a generator function."""

import os
import subprocess
import sys
import time

import pytest

from numpy_sat.system import machine, processes
from numpy_sat.system.errors import InputError


def numbers(first, end, step):
    """Yield numbers, as the parts of a task do. A process calls this."""
    yield from range(first, end, step)


def fail(kind):
    """Fail in one of the ways that a process can fail in, after one result."""
    print("text that is no result")
    yield os.getpid()
    if kind == "full disk":
        raise OSError(28, "No space left on device", "file")
    if kind == "input":
        raise InputError("the sentence")
    if kind == "killed":
        os._exit(9)
    raise MemoryError("too large")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the processes import this module."""
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))


def test_results_come_in_turn():
    calls = [(part, 7, 3) for part in range(3)]
    with processes.alternating("counting", "test_processes:numbers", calls) as results:
        assert list(results) == list(range(7))


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("full disk", OSError, "No space left"),
        ("input", InputError, "the sentence"),
        ("killed", InputError, "counting: a process ended with exit code 9; with NUMPY_SAT_THREADS=1"),
        ("memory", InputError, "counting: a process failed with MemoryError: too large; with NUMPY_SAT_THREADS=1"),
    ],
)
def test_a_failure_is_one_error(kind, error, message, capfd):
    with (
        pytest.raises(error, match=message),
        processes.alternating("counting", "test_processes:fail", [(kind,)]) as results,
    ):
        list(results)
    assert len(capfd.readouterr().err.splitlines()) == 1  # what the process itself printed


def test_a_process_that_ends_before_its_call_comes(monkeypatch):
    class Ended(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.wait()

    monkeypatch.setattr(processes, "CODE", "import os; os._exit(3)")
    monkeypatch.setattr(subprocess, "Popen", Ended)
    with (
        pytest.raises(InputError, match="counting: a process ended with exit code 3"),
        processes.alternating("counting", "test_processes:numbers", [(0, 1, 1)]) as results,
    ):
        list(results)


def test_an_interrupt_ends_all_processes():
    with pytest.raises(KeyboardInterrupt):
        with processes.alternating("counting", "test_processes:numbers", [(0, 10**9, 2), (1, 10**9, 2)]) as results:
            assert next(results) == 0
            workers = [item for item in results.gi_frame.f_locals["workers"] if item.poll() is None]
            assert len(workers) == 2
            raise KeyboardInterrupt
    assert all(worker.returncode for worker in workers)


def test_processes_end_with_a_killed_parent(tmp_path):
    code = (
        "import os; from numpy_sat.system import processes\n"
        f"with processes.alternating('c', 'test_processes:marks', [({str(tmp_path)!r},)]) as results:\n"
        "    next(results); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    deadline = time.monotonic() + 20
    while not (tmp_path / "ended").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def marks(folder):
    """Yield without end, and make a file when the process that reads has ended."""
    try:
        while True:
            yield 0
    finally:
        open(os.path.join(folder, "ended"), "w").close()


def test_only_long_work_gets_a_process_for_each_core(monkeypatch):
    monkeypatch.setattr(machine, "THREADS", 3)
    assert [processes.count(items, 10) for items in (5, 29, 31, 1000)] == [1, 2, 3, 3]
    monkeypatch.setattr(machine, "THREADS", 1)  # as with a quota of one core
    assert processes.count(1000, 10) == 1
