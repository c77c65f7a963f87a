"""Kernels on all cores: every thread takes the next task that nobody has taken yet, until there is none.

What `run` calls is a numba function `kernel(thread, counter, tasks, ...)` that goes through `taken(thread, counter,
tasks)`. It releases the GIL, so plain Python threads run it at once. numba's own parallel loops would do as well, but
take two to four seconds to compile, each, and must not be entered from two threads at once on every system.

Waking a thread that sleeps takes 60 to 100 microseconds, as long as many a kernel. So before they leave a kernel,
helping threads look out for the next one for a while, and the thread that called it for the others to be done. They do
it without the GIL: a thread that waits for that sleeps, too. (Measured: a product of 64 x 512 and 512 x 2048 takes 0.31
ms; 0.40 ms where threads sleep at once; 0.60 ms on one.)
"""

import contextlib
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

from numpy_sat.system import machine

# A kernel's decorator. "contract" lets a * b + c become one fused multiply-add; sums keep their order.
_options = dict(nogil=True, error_model="numpy", fastmath={"contract"}, no_cfunc_wrapper=True)
kernel = functools.partial(njit, cache=True, **_options)
# For the functions that kernels are made of: their body is put where they are called, and Python never calls them.
inline = functools.partial(njit, forceinline=True, no_cpython_wrapper=True, **_options)

LOOKS = 500_000  # before a thread sleeps: some 500 microseconds
# What a counter holds: how many numbers were taken in this run, the run's number, how many threads take part. Each
# thread takes one number too many, by which it finds that there are no tasks left: so a run is over at tasks +
# threads.
TAKEN, RUN, TAKERS = 0, 1, 2
WORD = ir.IntType(64)
# On Linux, the function that says on which core the calling thread is.
_core = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_getaffinity") else None


class _Pool:
    """The helping threads, and what passes between them and the thread that calls a kernel."""

    def __init__(self):
        self.one_at_a_time = threading.Lock()
        self.counter = np.zeros(3, np.int64)
        # Kernels get its address: an array in a numba generator would never be released (as of numba 0.68).
        self.address = self.counter.ctypes.data
        self.errors = []
        self.queues = [queue.SimpleQueue() for _ in range(machine.THREADS - 1)]
        self.helpers = [
            threading.Thread(target=self._help, args=(waiting,), daemon=True, name="numpy_sat kernels")
            for waiting in self.queues
        ]
        for helper in self.helpers:
            helper.start()
        self.home = None

    def run(self, function, tasks, args):
        threads = min(machine.THREADS, 1 + len(self.helpers), tasks)
        if threads > 1:
            self._keep_away()
        self.counter[:] = 0, self.counter[RUN] + 1, threads
        try:
            for thread in range(1, threads):
                self.queues[thread - 1].put((function, (thread, self.address, tasks, *args)))
            function(0, self.address, tasks, *args)
            while self.counter[TAKEN] < tasks + threads:
                time.sleep(1e-5)
        except BaseException:  # Ctrl-C too, which may strike anywhere here
            self._wait_for_helpers()
            self.errors.clear()
            raise
        if self.errors:
            error, *_ = self.errors
            self.errors.clear()
            raise error

    def _help(self, waiting):
        while True:
            function, args = waiting.get()
            try:
                function(*args)
            except BaseException as error:
                self.errors.append(error)
                _leave(self.address, args[2])
            del function, args  # or they would keep their arrays until the next task comes

    def _wait_for_helpers(self):
        """Return when no helper works on anything, whatever happens meanwhile: the next run must not meet them."""
        while True:
            try:
                idle = [threading.Event() for _ in self.queues]
                for waiting, event in zip(self.queues, idle, strict=True):
                    waiting.put((event.set, ()))
                for event in idle:
                    event.wait()
                return
            except KeyboardInterrupt:  # the first one is on its way already
                continue

    def _keep_away(self):
        """Have the helpers run on other cores than the calling thread.

        Linux likes to wake a thread on the core of the thread that woke it, and may leave both there for many
        milliseconds while another core idles (measured: every second run after a pause of 0.2 s took twice as long).
        """
        home = _core() if _core else None
        if home == self.home:
            return
        self.home = home
        others = os.sched_getaffinity(0) - {home}
        for helper in self.helpers:
            with contextlib.suppress(OSError):  # a core may have been taken away meanwhile
                os.sched_setaffinity(helper.native_id, others or {home})


def run(function, tasks, *args):
    """Call function(thread, counter, tasks, *args) on min(THREADS, tasks) threads, and wait for all of them.

    thread: 0, 1, ..., to tell which scratch memory to use. Raises what a thread raised.
    """
    if tasks:
        pool = _pool()
        with pool.one_at_a_time:
            pool.run(function, tasks, args)


_making = threading.Lock()


def _pool():
    with _making:
        return _the_pool()


@functools.cache
def _the_pool():
    return _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_the_pool.cache_clear)  # threads do not live on in a forked process


@intrinsic
def _take(typingctx, counter):
    """The number of tasks taken before, one more from now on. counter: its address."""

    def build(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, WORD(1), "acq_rel")

    return types.int64(types.int64), build


@intrinsic
def _look(typingctx, counter, at):
    """counter[at] as it is now."""

    def build(context, builder, sig, args):
        pointer = builder.gep(builder.inttoptr(args[0], WORD.as_pointer()), [args[1]])
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64, types.int64), build


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
            if _look(counter, TAKEN) >= tasks + _look(counter, TAKERS):
                break
        elif _look(counter, RUN) != run and _look(counter, TAKEN) > 0:
            break


@kernel
def _leave(counter, tasks):
    """For a thread whose kernel failed: take what it would have taken to end, so that nobody waits for it."""
    while _take(counter) < tasks:
        pass
