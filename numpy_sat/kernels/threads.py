"""Run kernels on all cores: every thread claims the next free task until no task is left.

`run` calls a numba function `kernel(thread, counter, tasks, ...)`, which loops over `claim_tasks(thread, counter,
tasks)`. It releases the GIL, so plain Python threads run it at the same time. numba's own parallel loops have two
drawbacks. Each takes two to four seconds to compile, and on some systems two threads must not enter them at once.

Waking a sleeping thread takes 60 to 100 microseconds, as long as many kernels. So the helper threads spin for a while
at the end of a kernel and wait for the next run. The calling thread spins until the helpers are done. Both spin
without the GIL, because a thread that waits for the GIL sleeps too. This way a product of 64 x 512 and 512 x 2048 takes
0.31 ms. It takes 0.40 ms if threads sleep at once, and 0.60 ms on one thread.
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

from numpy_sat.kernels import cache, callees
from numpy_sat.system import machine

# "contract" lets a * b + c become one fused multiply-add. Sums keep their order. Without _nrt, kernels do not count the
# references to arrays, and a kernel that allocates an array does not compile.
_options = dict(nogil=True, error_model="numpy", fastmath={"contract"}, no_cfunc_wrapper=True, _nrt=False)
# The decorator of long functions that kernels call. LLVM decides whether to inline them.
called = functools.partial(njit, no_cpython_wrapper=True, pipeline_class=callees.Compiler, **_options)
# The decorator of short functions that kernels call. They are always inlined.
inline = functools.partial(called, forceinline=True)

SPINS = 500_000  # reads before a thread sleeps, about 500 microseconds
# The fields of the counter: claims in this run, number of the run, threads that take part in it. Each thread makes one
# claim too many and so finds that no task is left. A run is over when there are tasks + threads claims.
CLAIMED, RUN, PARTICIPANTS = 0, 1, 2
WORD = ir.IntType(64)
# On Linux, the function that returns the core of the calling thread.
_current_core = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_getaffinity") else None


def kernel(function):
    """Let numba compile a function when it is called first, and store it on disk. This is the decorator of kernels."""
    return cache.store(njit(**_options)(function))


class _Pool:
    """The helper threads, and the data that they share with the calling thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counter = np.zeros(3, np.int64)
        # Kernels get the address, because numba 0.68 never releases an array that a generator holds.
        self.address = self.counter.ctypes.data
        self.errors = []
        self.queues = [queue.SimpleQueue() for _ in range(machine.THREADS - 1)]
        self.helpers = [
            threading.Thread(target=self._help, args=(call_queue,), daemon=True, name="numpy_sat kernels")
            for call_queue in self.queues
        ]
        for helper in self.helpers:
            helper.start()
        self.caller_core = None

    def run(self, function, tasks, args):
        """Call function(thread, counter, tasks, *args) on up to `tasks` threads and wait for all of them."""
        threads = min(machine.THREADS, 1 + len(self.helpers), tasks)
        if threads > 1:
            self._use_other_cores()
        self.counter[:] = 0, self.counter[RUN] + 1, threads
        try:
            for thread in range(1, threads):
                self.queues[thread - 1].put((function, (thread, self.address, tasks, *args)))
            function(0, self.address, tasks, *args)
            while self.counter[CLAIMED] < tasks + threads:
                time.sleep(1e-5)
        except BaseException:  # also a KeyboardInterrupt, which may arrive anywhere here
            self._wait_for_helpers()
            self.errors.clear()
            raise
        if self.errors:
            error, *_ = self.errors
            self.errors.clear()
            raise error

    def _help(self, call_queue):
        """Run the calls of one queue forever. This is the body of a helper thread."""
        while True:
            function, args = call_queue.get()
            try:
                function(*args)
            except BaseException as error:
                self.errors.append(error)
                _claim_rest(self.address, args[2])
            del function, args  # they would keep their arrays until the next call comes

    def _wait_for_helpers(self):
        """Return when all helpers are idle, also if more interrupts arrive. A busy one would disturb the next run."""
        while True:
            try:
                idle = [threading.Event() for _ in self.queues]
                for call_queue, event in zip(self.queues, idle, strict=True):
                    call_queue.put((event.set, ()))
                for event in idle:
                    event.wait()
                return
            except KeyboardInterrupt:  # the caller already raises the first one
                continue

    def _use_other_cores(self):
        """Move the helpers to other cores than the calling thread.

        Linux likes to wake a thread on the core of the thread that woke it. It may leave both there for many
        milliseconds while another core idles. Without this function, every second run after a pause of 0.2 s took twice
        as long.
        """
        caller_core = _current_core() if _current_core else None
        if caller_core == self.caller_core:
            return
        self.caller_core = caller_core
        others = os.sched_getaffinity(0) - {caller_core}
        for helper in self.helpers:
            with contextlib.suppress(OSError):  # a core may have gone offline
                os.sched_setaffinity(helper.native_id, others or {caller_core})


def run(function, tasks, *args):
    """Call function(thread, counter, tasks, *args) on min(THREADS, tasks) threads and wait for all of them.

    Args:
        function: a kernel. Its argument `thread` is 0, 1, ... and selects the scratch memory.
        tasks: number of tasks.
        args: further arguments of the kernel.
    Raises:
        Exception: the first exception that a thread raised.
    """
    calls = recording.calls
    if calls is not None:
        calls += [(function, COUNTERS + tuple(map(function.typeof_pyval, args)))] * (tasks > 0)
    elif tasks:
        pool = _pool()
        with pool.lock:
            pool.run(function, tasks, args)


class _Recording(threading.local):
    """Hold the list of kernel calls that a thread records. None means that it runs them."""

    calls = None


_pool_lock = threading.Lock()
recording = _Recording()
COUNTERS = (types.int64,) * 3  # types of the first arguments of every kernel: thread, counter and tasks


def _pool():
    """Return the process's pool of threads. The first call creates it."""
    with _pool_lock:
        return _cached_pool()


@functools.cache
def _cached_pool():
    return _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cached_pool.cache_clear)  # a forked process has no helper threads


@intrinsic
def _claim(typingctx, counter):
    """Add 1 to the number of claims and return the number before. counter: address of the counter."""

    def build(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, WORD(1), "acq_rel")

    return types.int64(types.int64), build


@intrinsic
def _read(typingctx, counter, at):
    """Return the present value of counter[at]."""

    def build(context, builder, sig, args):
        pointer = builder.gep(builder.inttoptr(args[0], WORD.as_pointer()), [args[1]])
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64, types.int64), build


@inline
def claim_tasks(thread, counter, tasks):
    """Yield the numbers of the tasks of this thread. It claims a task when it has finished the one before.

    When no task is left, the calling thread (thread 0) spins until the others are done. The others spin until the next
    run begins.
    """
    run = _read(counter, RUN)
    task = _claim(counter)
    while task < tasks:
        yield task
        task = _claim(counter)
    for _ in range(SPINS):
        if thread == 0:
            if _read(counter, CLAIMED) >= tasks + _read(counter, PARTICIPANTS):
                break
        elif _read(counter, RUN) != run and _read(counter, CLAIMED) > 0:
            break


@kernel
def _claim_rest(counter, tasks):
    """Claim all remaining tasks for a thread whose kernel failed, so that the calling thread does not wait forever."""
    while _claim(counter) < tasks:
        pass
