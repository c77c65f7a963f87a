"""Measure the machine's limits: multiply-adds on numbers in registers, and reads from memory."""

import ctypes
import time
from importlib.metadata import version

import llvmlite.binding
import numpy as np

from numpy_sat.kernels import simd, tile
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine

SUMS = (0,) * 12  # rows of a tile: more independent multiply-adds than a processor has in flight
REPEATS = 500_000
CHUNK = 1 << 18  # numbers that a task reads: 1 MiB


def limits() -> dict[str, float]:
    """Measure the limits of all threads.

    Returns:
        {"gflops": float32 operations per second / 1e9, "gbytes": bytes read per second / 1e9}.
    """
    return {"gflops": peak(16 * machine.THREADS, REPEATS), "gbytes": bandwidth(256)}


def peak(tasks: int, repeats: int) -> float:
    """Measure the GFLOP/s of fused multiply-adds on numbers that stay in registers."""
    x, y = np.full(LANES, 1e-3, np.float32), np.zeros(tasks * len(SUMS) * LANES, np.float32)
    return 2e-9 * tasks * repeats * len(SUMS) * LANES / _fastest(_multiply_add, tasks, SUMS, (0,), repeats, x, y)


def bandwidth(mebibytes: int) -> float:
    """Measure the GB/s read from an array of this size. It should be larger than the caches."""
    x, sums = np.ones(mebibytes * CHUNK, np.float32), np.zeros(mebibytes * LANES, np.float32)
    return 1e-9 * x.nbytes / _fastest(_read, mebibytes, x, sums)


def about() -> dict[str, int | str]:
    """Return the conditions of the figures: {"threads", "cpu", "blas", "lanes", "cache", "numpy", "numba"}."""
    versions = {name: version(name) for name in ("numpy", "numba")}
    processor = {"cpu": llvmlite.binding.get_host_cpu_name(), "lanes": LANES, "cache": machine.cache_size()}
    return {"threads": machine.THREADS, **processor, "blas": _blas(), **versions}


def _fastest(function, tasks, *args):
    """Return the seconds of the fastest of 30 rounds, the one with the least disturbance. A first round compiles."""
    seconds = []
    for _ in range(31):
        start = time.perf_counter()
        run(function, tasks, *args)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


@kernel
def _multiply_add(thread, counter, tasks, like_rows, like_columns, repeats, x, y):
    """Add x * x to all sums of a tile, `repeats` times per task."""
    same_number, column = tile.offsets(like_rows, 0, 1, 0), tile.offsets(like_columns, 0, 1, 0)
    for task in claim_tasks(thread, counter, tasks):
        rows = tile.offsets(like_rows, task * len(like_rows), (task + 1) * len(like_rows), LANES)
        sums = tile.load(rows, column, y, 0)
        for _ in range(repeats):
            sums = tile.add_products(sums, same_number, column, x, 0, x, 0)
        tile.store(sums, rows, column, y, 0)


@kernel
def _read(thread, counter, tasks, x, sums):
    """Sum CHUNK numbers of x per task."""
    for task in claim_tasks(thread, counter, tasks):
        a = b = c = d = simd.repeat(np.float32(0))
        for at in range(task * CHUNK, (task + 1) * CHUNK, 4 * LANES):
            a, b = a + simd.load(x, at), b + simd.load(x, at + LANES)
            c, d = c + simd.load(x, at + 2 * LANES), d + simd.load(x, at + 3 * LANES)
        simd.store(a + b + (c + d), sums, task * LANES)


def _blas():
    """Return the kernel that NumPy's OpenBLAS runs, such as Haswell, or "unknown"."""
    try:
        with open("/proc/self/maps") as maps:
            library_paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "openblas" in line}
    except OSError:
        return "unknown"
    for path in library_paths:
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
            corename = getattr(ctypes.CDLL(path), name, None)
            if corename:
                corename.restype = ctypes.c_char_p
                return corename().decode()
    return "unknown"
