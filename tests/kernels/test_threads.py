"""Check kernels on several threads: every task once, errors, interrupts and forks."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import matmul, threads
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine


@kernel
def _count(thread, counter, tasks, done, thread_of_task):
    for task in claim_tasks(thread, counter, tasks):
        done[task] += 1
        thread_of_task[task] = thread


@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 1000])
def test_every_task_is_done_once(tasks):
    done, thread_of_task = np.zeros(tasks, np.int64), np.full(tasks, -1)
    run(_count, tasks, done, thread_of_task)
    assert (done == 1).all() and ((0 <= thread_of_task) & (thread_of_task < machine.THREADS)).all()


def test_kernels_called_by_several_threads_at_once(rng):
    """Check a program that captions in several of its own threads."""
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 90)))
    expected, mismatches = matmul.multiply(x, matmul.pack(W)), []

    def work():
        for _ in range(100):
            if not np.array_equal(matmul.multiply(x, matmul.pack(W)), expected):
                mismatches.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not mismatches


@kernel
def _fail(thread, counter, tasks, failing_thread, sums):
    for task in claim_tasks(thread, counter, tasks):
        if thread == failing_thread or failing_thread < 0:
            raise ValueError("test error")
        for k in range(100_000):  # long enough that every thread gets a task
            sums[task] += np.sqrt(k)


@pytest.mark.parametrize("failing_thread", [-1, 0, 1], ids=["all", "the caller", "a helper"])
def test_an_exception_of_a_thread_is_raised(failing_thread):
    if failing_thread >= machine.THREADS:
        pytest.skip("needs two threads")
    for _ in range(3):
        with pytest.raises(ValueError, match="test error"):
            run(_fail, 100, failing_thread, np.zeros(100))
    test_every_task_is_done_once(100)


@kernel
def _count_slowly(thread, counter, tasks, done, sums):
    for task in claim_tasks(thread, counter, tasks):
        for k in range(100_000):
            sums[task] += np.sqrt(k)
        done[task] += 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_the_run_after_an_interrupt_is_complete():
    """Check interrupts as by Ctrl-C in a notebook. No helper may claim tasks of the next run with old arguments."""
    tasks, interrupted = 2 * machine.THREADS + 1, 0

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for k in range(60):
            try:  # the outer one: the timer may also go off in `finally`, before it is stopped
                try:
                    signal.setitimer(signal.ITIMER_REAL, 2e-5 * (1 + k))
                    run(_count_slowly, tasks, np.zeros(tasks, np.int64), np.zeros(tasks))
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            done = np.zeros(tasks, np.int64)
            run(_count_slowly, tasks, done, np.zeros(tasks))
            np.testing.assert_array_equal(done, 1)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 20


def test_more_threads_than_helpers(rng, monkeypatch):
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 900)))
    expected = matmul.multiply(x, matmul.pack(W))
    monkeypatch.setattr(machine, "THREADS", machine.THREADS + 3)
    np.testing.assert_array_equal(matmul.multiply(x, matmul.pack(W)), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_its_own_threads():
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


def test_helpers_keep_no_arguments():
    """Check that the arguments of a finished kernel can be freed."""
    done = np.zeros(100, np.int64)
    references = sys.getrefcount(done)
    run(_count, 100, done, done.copy())
    for _ in range(1000):
        if sys.getrefcount(done) == references:
            break
        threading.Event().wait(0.001)
    assert sys.getrefcount(done) == references
    assert threads._pool().counter[threads.CLAIMED] >= 100
