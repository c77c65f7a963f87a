"""Kernels on several threads: every task once, errors, interrupts and forks."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import matmul, threads
from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.system import machine


@kernel
def _count(thread, counter, tasks, done, by):
    for task in taken(thread, counter, tasks):
        done[task] += 1
        by[task] = thread


@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 1000])
def test_every_task_is_done_once(tasks):
    done, by = np.zeros(tasks, np.int64), np.full(tasks, -1)
    run(_count, tasks, done, by)
    assert (done == 1).all() and ((0 <= by) & (by < machine.THREADS)).all()


def test_kernels_called_by_several_threads_at_once(rng):
    """As a program that captions in threads of its own would."""
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 90)))
    expected, wrong = matmul.multiply(x, matmul.pack(W)), []

    def work():
        for _ in range(100):
            if not np.array_equal(matmul.multiply(x, matmul.pack(W)), expected):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@kernel
def _fails(thread, counter, tasks, on, sums):
    for task in taken(thread, counter, tasks):
        if thread == on or on < 0:
            raise ValueError("as told")
        for k in range(100_000):  # long enough that every thread gets a task
            sums[task] += np.sqrt(k)


@pytest.mark.parametrize("on", [-1, 0, 1], ids=["all", "the caller", "a helper"])
def test_what_a_thread_raises_is_raised(on):
    if on >= machine.THREADS:
        pytest.skip("needs two threads")
    for _ in range(3):
        with pytest.raises(ValueError, match="as told"):
            run(_fails, 100, on, np.zeros(100))
    test_every_task_is_done_once(100)


@kernel
def _slowly(thread, counter, tasks, done, sums):
    for task in taken(thread, counter, tasks):
        for k in range(100_000):
            sums[task] += np.sqrt(k)
        done[task] += 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_interrupted_anywhere_the_next_run_is_whole():
    """As Ctrl-C in a notebook: no helper may go on with the old arguments and take tasks of the next run."""
    tasks, interrupted = 2 * machine.THREADS + 1, 0

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for k in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-5 * (1 + k))
                run(_slowly, tasks, np.zeros(tasks, np.int64), np.zeros(tasks))
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            done = np.zeros(tasks, np.int64)
            run(_slowly, tasks, done, np.zeros(tasks))
            np.testing.assert_array_equal(done, 1)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 20


def test_more_threads_wanted_than_there_are(rng, monkeypatch):
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 900)))
    expected = matmul.multiply(x, matmul.pack(W))
    monkeypatch.setattr(machine, "THREADS", machine.THREADS + 3)
    np.testing.assert_array_equal(matmul.multiply(x, matmul.pack(W)), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own():
    code = (
        "import os, numpy as np; from numpy_sat.kernels import matmul\n"
        "x = np.ones((200, 200), np.float32); matmul.multiply(x, matmul.pack(x))\n"
        "pid = os.fork()\n"
        "y = matmul.multiply(x, matmul.pack(x))\n"
        "if pid == 0: os._exit(0 if (y == 200).all() else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert result.stdout == "0\n", result.stderr


def test_helpers_hold_on_to_nothing():
    """What a finished kernel worked on can be freed: no thread keeps its arguments."""
    done = np.zeros(100, np.int64)
    references = sys.getrefcount(done)
    run(_count, 100, done, done.copy())
    for _ in range(1000):
        if sys.getrefcount(done) == references:
            break
        threading.Event().wait(0.001)
    assert sys.getrefcount(done) == references
    assert threads._pool().counter[threads.TAKEN] >= 100
