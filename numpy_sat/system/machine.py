"""Set the use of the machine's cores and memory, before numpy and numba start any thread.

The kernels run on their own threads (kernels/threads.py). Their number is THREADS: the cores of the machine, or
NUMPY_SAT_THREADS. The kernels compute all large matrix products of a training step, so NumPy's own products run on one
thread. The threads of BLAS wait by yielding the processor in a loop. If another program is busy, that makes a small
product ten times slower.
"""

import contextlib
import ctypes
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

KERNELS = Path(__file__).parents[1] / "kernels"
MONTH = 30 * 24 * 3600  # seconds


def _threads():
    """Return the number of threads: NUMPY_SAT_THREADS, or the number of cores."""
    setting = os.environ.get("NUMPY_SAT_THREADS", "")
    if setting:
        if not setting.isdecimal() or int(setting) < 1:
            raise SystemExit(f"NUMPY_SAT_THREADS={setting}: must be a whole number of at least 1.")
        return int(setting)
    return cores()


def cores() -> int:
    """Return the number of cores that this process may use. A container may have fewer than the machine."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


THREADS = _threads()


def cache_folder() -> Path:
    """Return the folder of cached files (scenes, decoded images, kernels): NUMPY_SAT_CACHE, or ~/.cache/numpy_sat."""
    setting = os.environ.get("NUMPY_SAT_CACHE")
    try:
        return Path(setting) if setting else Path.home() / ".cache" / "numpy_sat"
    except RuntimeError:  # the user has no home folder
        return Path(tempfile.gettempdir()) / "numpy_sat"


def configure() -> None:
    """Set the threads of BLAS, the reuse of memory, and the cache of kernels. numpy_sat calls this when imported."""
    for library in ("OPENBLAS", "MKL", "BLIS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
    _keep_freed_memory()


def _kernel_cache():
    """Return the folder of compiled kernels. A change of any kernel's source leads to a new folder.

    numba checks only the file of the compiled function, not the files of the functions that it calls.
    """
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.glob("*.py")))
    caches = _writable(cache_folder())
    folder = caches / f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"
    if not folder.exists():
        for old in caches.glob("kernels-*"):
            with contextlib.suppress(OSError):  # another process may remove the folder at the same time
                if time.time() - old.stat().st_mtime > MONTH:
                    shutil.rmtree(old)
    return folder


def _writable(folder):
    """Return the folder, or a folder for temporary files if this one is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"numpy_sat-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


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
