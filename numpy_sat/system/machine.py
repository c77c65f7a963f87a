"""Set the use of the machine's cores and memory, before numpy and numba start any thread.

The kernels run on their own threads (kernels/threads.py). Their number is THREADS: the cores that this process may use
(cores.py), or NUMPY_SAT_THREADS if that is less. The kernels compute all large matrix products of a training step, so
NumPy's own products run on one thread. The threads of BLAS wait by yielding the processor in a loop. If another program
is busy, that makes a small product ten times slower.
"""

import contextlib
import ctypes
import functools
import os
import sys
from pathlib import Path

from numpy_sat.system import kernel_cache, output
from numpy_sat.system.cores import cores


def _threads():
    """Return the number of threads: NUMPY_SAT_THREADS, but no more than the cores that this process may use."""
    setting, available = os.environ.get("NUMPY_SAT_THREADS", ""), cores()
    if not setting:
        return available
    if not setting.isdecimal() or not float(setting):
        raise SystemExit(f"NUMPY_SAT_THREADS={output.printable(setting[:20])}: must be a whole number of at least 1.")
    if float(setting) > available:
        limit = f"the number of threads is {available}, one for each core that this process may use"
        print(f"NUMPY_SAT_THREADS={setting[:20]}: {limit}.", file=sys.stderr)
        os.environ["NUMPY_SAT_THREADS"] = str(available)  # the processes that this one starts need not repeat it
        return available
    return int(setting)


THREADS = _threads()


@functools.cache
def cache_size() -> int:
    """Return the bytes of the second-level cache of a core; 1 MiB if the system does not tell."""
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        with contextlib.suppress(OSError, ValueError):
            if (folder / "level").read_text().strip() == "2":
                return 1024 * int((folder / "size").read_text().strip().removesuffix("K"))
    return 1 << 20


def cache_folder() -> Path:
    """Return the folder of cached files (scenes, decoded images, kernels): NUMPY_SAT_CACHE, or ~/.cache/numpy_sat."""
    setting = os.environ.get("NUMPY_SAT_CACHE")
    try:
        return Path(setting) if setting else Path.home() / ".cache" / "numpy_sat"
    except RuntimeError:  # the user has no home folder
        return kernel_cache.temporary()


def configure() -> None:
    """Set the threads of BLAS, the reuse of memory, and the cache of kernels. numpy_sat calls this when imported.

    Raises:
        SystemExit: a setting of numba in the environment is one with which no kernel runs.
    """
    _refuse_settings_of_numba()
    for library in ("OPENBLAS", "MKL", "BLIS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
    os.environ["NUMBA_CACHE_DIR"] = kernel_cache.folder(cache_folder())
    _keep_freed_memory()


def _refuse_settings_of_numba():
    if os.environ.get("NUMBA_DISABLE_JIT", "") not in ("", "0"):
        raise SystemExit("NUMBA_DISABLE_JIT: the kernels run only when compiled; unset it, or set it to 0.")
    threads = os.environ.get("NUMBA_NUM_THREADS", "1")
    if not threads.isdecimal() or not float(threads):
        raise SystemExit(f"NUMBA_NUM_THREADS={output.printable(threads[:20])}: must be a whole number of at least 1.")


def _keep_freed_memory():
    """Make glibc reuse the memory of large arrays instead of returning it to the system.

    The system clears fresh memory page by page when it is first touched. For the arrays of a training step this takes
    longer than computing them. With reuse, a step of 84 ms took 64 ms.
    """
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_MAX_" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # the C library is not glibc
        return
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
