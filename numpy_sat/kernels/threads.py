"""Kernels on all cores: every thread takes the next task that nobody has taken yet, until there is none.

A kernel is a numba function `kernel(thread, counter, tasks, ...)` that releases the GIL, so plain Python threads run
it at once. numba's own parallel loops would do as well, but take two to four seconds to compile, each, and must not
be entered from two threads at once on every system.

Waking a thread that sleeps takes 60 to 100 microseconds, as long as many a kernel. So before they leave a kernel,
helping threads look out for the next one for a while, and the thread that called it for the others to be done; all
without the GIL, for who waits for that sleeps too. (Measured: a product of 64 x 512 and 512 x 2048 takes 0.31 ms;
0.40 ms where threads sleep at once; 0.60 ms on one.)
"""

import ctypes
import functools
import os
import queue
import threading
import time

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from numpy_sat import machine

# A kernel's decorator. "contract" lets a * b + c become one fused multiply-add; sums keep their order.
_options = dict(nogil=True, error_model="numpy", fastmath={"contract"}, no_cfunc_wrapper=True)
kernel = functools.partial(njit, cache=True, **_options)
# For the functions that kernels are made of: their body is put where they are called, and Python never calls them.
inline = functools.partial(njit, forceinline=True, no_cpython_wrapper=True, **_options)

# On Linux, the cores this process may use, and the function that says on which of them the calling thread is.
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
_core = getattr(ctypes.CDLL(None), "sched_getcpu", lambda: None) if CORES else lambda: None

LOOKS = 500_000  # before a thread sleeps: some 500 microseconds
TAKEN, RUN, THREADS = 0, 1, 2  # what a counter holds: tasks taken in this run, the run's number, its threads


class _Pool:
    """The helping threads, and what passes between them and the thread that calls a kernel."""

    def __init__(self):
        self.one_at_a_time = threading.Lock()
        self.counter = np.zeros(3, np.int64)
        self.waiting = queue.SimpleQueue()
        self.errors = []
        self.helpers = [
            threading.Thread(target=self._help, daemon=True, name="numpy_sat kernels")
            for _ in range(machine.THREADS - 1)
        ]
        for helper in self.helpers:
            helper.start()
        self.home = None

    def run(self, function, tasks, args):
        threads = min(machine.THREADS, tasks)
        if threads > 1:
            self._keep_away()
        self.counter[:] = 0, self.counter[RUN] + 1, threads
        for thread in range(1, threads):
            self.waiting.put((function, (thread, self.counter, tasks, *args)))
        self._call(function, (0, self.counter, tasks, *args))
        while self.counter[TAKEN] < tasks + threads:
            time.sleep(1e-5)
        if self.errors:
            error, *_ = self.errors
            self.errors.clear()
            raise error

    def _call(self, function, args):
        """One thread's part of a run."""
        try:
            function(*args)
        except BaseException as error:
            self.errors.append(error)
            _leave(self.counter, args[2])

    def _keep_away(self):
        """Have the helpers run on other cores than the calling thread.

        Linux likes to wake a thread on the core of the thread that woke it, and may leave both there for many
        milliseconds while another core idles (measured: every second run after a pause of 0.2 s took twice as long).
        """
        home = _core()
        if home != self.home and len(CORES) > 1:
            self.home = home
            for helper in self.helpers:
                os.sched_setaffinity(helper.native_id, CORES - {home})

    def _help(self):
        while True:
            function, args = self.waiting.get()
            self._call(function, args)
            del function, args  # or they would keep their arrays until the next task comes


def run(function, tasks, *args):
    """Call function(thread, counter, tasks, *args) on min(THREADS, tasks) threads, and wait for all of them.

    thread: 0, 1, ..., to tell which scratch memory to use. Raises what a thread raised.
    """
    if tasks:
        pool = _pool()
        with pool.one_at_a_time:
            pool.run(function, tasks, args)


@functools.cache
def _pool():
    return _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not live on in a forked process


@intrinsic
def _take(typingctx, counter):
    """The number of tasks taken before, one more from now on."""

    def build(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.IntType(64)(1), "acq_rel")

    return types.int64(types.Array(types.int64, 1, "C")), build


@intrinsic
def _look(typingctx, counter, at):
    """counter[at] as it is now."""

    def build(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.load_atomic(builder.gep(data, [args[1]]), "acquire", 8)

    return types.int64(types.Array(types.int64, 1, "C"), types.intp), build


@inline
def taken(thread, counter, tasks):
    """The numbers of the tasks that fall to this thread, one after the other as it is done with the one before.

    When there is none left, the thread that called the kernel waits for the others, and they look out for the next run.
    """
    run = _look(counter, RUN)
    task = _take(counter)
    while task < tasks:
        yield task
        task = _take(counter)
    for _ in range(LOOKS):
        if thread == 0:
            if _look(counter, TAKEN) >= tasks + _look(counter, THREADS):
                break
        elif _look(counter, RUN) != run and _look(counter, TAKEN) > 0:
            break


@kernel
def _leave(counter, tasks):
    """For a thread whose kernel failed: take what it would have taken to end, so that nobody waits for it."""
    while _take(counter) < tasks:
        pass
