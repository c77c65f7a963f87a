"""How the program shares the machine's cores and memory, settled before numpy and numba start any thread.

The kernels run on THREADS threads of their own (kernels/threads.py), as many as the machine has cores, or
NUMPY_SAT_THREADS. All large matrix products of a training step are among them, so that NumPy's own keep to one:
BLAS's threads wait by yielding the processor in a loop, and wherever another program is busy that makes a small
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
    given = os.environ.get("NUMPY_SAT_THREADS", "")
    if given:
        if not given.isdecimal() or int(given) < 1:
            raise SystemExit(f"NUMPY_SAT_THREADS={given}: must be a whole number from 1 on.")
        return int(given)
    return cores()


def cores() -> int:
    """Return the number of cores that this process may use; a container may have fewer than the machine."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


THREADS = _threads()


def cache_folder() -> Path:
    """Return the folder of drawn scenes, decoded images and the like: NUMPY_SAT_CACHE, or ~/.cache/numpy_sat."""
    given = os.environ.get("NUMPY_SAT_CACHE")
    try:
        return Path(given) if given else Path.home() / ".cache" / "numpy_sat"
    except RuntimeError:  # nobody's home
        return Path(tempfile.gettempdir()) / "numpy_sat"


def settle():
    """Keep BLAS to one thread, freed memory, and compiled kernels. Called once, when numpy_sat is imported."""
    for library in ("OPENBLAS", "MKL", "BLIS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
    _keep_freed_memory()


def _kernel_cache():
    """Return the folder of compiled kernels, a new one whenever a kernel's source changes.

    numba checks only the file of the compiled function, not the files of the functions that it calls.
    """
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.glob("*.py")))
    caches = _writable(cache_folder())
    folder = caches / f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"
    if not folder.exists():
        for old in caches.glob("kernels-*"):
            with contextlib.suppress(OSError):  # another process may be about the same
                if time.time() - old.stat().st_mtime > MONTH:
                    shutil.rmtree(old)
    return folder


def _writable(folder):
    """Return the folder, or one for temporary files if the folder cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"numpy_sat-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def _keep_freed_memory():
    """Have glibc reuse large arrays' memory instead of handing it back to the system each time.

    Memory fresh from the system is cleared page by page when first touched, which for the arrays of a training step
    takes longer than computing them (measured: a step of 84 ms became one of 64).
    """
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_MAX_" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
