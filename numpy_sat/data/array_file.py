"""Arrays in cache files: a .npy file with checksums of its blocks behind the array.

Only complete files get their final name. If the file's time is not the one that `write` gave it, `open_array`
compares every block with its checksum. So it detects every change by another program, and a copy that went wrong. If
the time is right, it compares SAMPLES blocks, which takes about 10 ms for any size. This detects a file of zeros after
a power failure, but not every single bit that a disk has lost.
"""

import os
import time
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from numpy_sat.system import files, lock

BLOCK = 1 << 20  # bytes: rows are grouped into blocks of about this size
SAMPLES = 16
THREADS = 4  # zlib computes checksums without the GIL


def write(path: Path, shape: tuple[int, ...], dtype: np.dtype, rows: Iterable[np.ndarray]) -> None:
    """Write an array to a temporary file, and rename it to `path` when it is complete.

    Args:
        path: the file.
        shape: (N, ...) shape of the array.
        dtype: type of its elements.
        rows: the N rows of the array, contiguous.
    Raises:
        OSError: the file cannot be written. No temporary file remains.
    """
    temporary = files.private(path)
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    per_block, checksums, stamp = _rows_per_block(shape, dtype), [], new_stamp()
    try:
        # Write the file instead of mapping it: a full disk then raises an OSError and does not kill the process.
        with lock.hold(temporary), temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for number, row in enumerate(rows):
                if number % per_block == 0:
                    checksums.append(0)
                checksums[-1] = zlib.crc32(row, checksums[-1])
                file.write(row)
            file.write(np.array(checksums, "<u4").tobytes() + np.array(stamp, "<i8").tobytes())
            file.flush()
            os.fsync(file.fileno())
        set_stamp(temporary, stamp)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def open_array(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    """Map a file of `write` read-only. Return None if it is missing, damaged, or has another shape or type."""
    array = map_npy(path, shape, dtype)
    if array is None:
        return None
    try:
        starts = range(0, len(array), _rows_per_block(shape, dtype))
        status, tail_size = os.stat(path), 4 * len(starts) + 8
        if status.st_size != array.offset + array.nbytes + tail_size:
            return None
        with open(path, "rb") as file:
            file.seek(-tail_size, os.SEEK_END)
            tail = file.read()
        checksums, stamp = np.frombuffer(tail[:-8], "<u4"), int(np.frombuffer(tail[-8:], "<i8")[0])
        is_unchanged = status.st_mtime_ns == stamp
        numbers = sample(len(starts)) if is_unchanged else range(len(starts))
        if not np.array_equal(block_checksums(array, starts, numbers), checksums[list(numbers)]):
            return None
        set_stamp(path, stamp)
    except (OSError, ValueError, OverflowError):
        return None
    return array


def map_npy(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    """Map a .npy file read-only. Return None if it is missing, has no valid header, or has another shape or type."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception:  # damaged headers make NumPy raise almost any exception, such as tokenize.TokenError
        return None
    return array if array.shape == shape and array.dtype == dtype else None


def block_checksums(array: np.ndarray, starts: range, numbers: Sequence[int]) -> np.ndarray:
    """Return the CRC-32 of some blocks of rows. starts: first row of every block; numbers: the blocks."""

    def checksum(number):
        return zlib.crc32(array[starts[number] : starts[number] + starts.step])

    with ThreadPoolExecutor(THREADS) as pool:
        return np.fromiter(pool.map(checksum, numbers), "<u4", len(numbers))


def sample(blocks: int) -> list[int]:
    """Return the numbers of at most SAMPLES blocks: the first, the last, and others at equal distances."""
    return sorted({round(number) for number in np.linspace(0, blocks - 1, min(SAMPLES, blocks))})


def new_stamp() -> int:
    """Return a time for complete files, in ns: the last even second, which every file system can store."""
    return time.time_ns() // 2_000_000_000 * 2_000_000_000


def set_stamp(path: Path, stamp: int) -> None:
    """Give a file the time of complete files, and note that it was read now."""
    with suppress(OSError):  # the file belongs to another user; it can be read anyway
        os.utime(path, ns=(time.time_ns(), stamp))


def _rows_per_block(shape, dtype):
    row_size = np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
    return max(1, BLOCK // max(1, row_size))
