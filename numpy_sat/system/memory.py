"""The memory of the machine."""

import ctypes
import math
import os
import sys
from contextlib import suppress
from pathlib import Path

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container, version 2 and 1


def total() -> float:
    """Return the bytes of memory that this machine, or this container, has; infinity if it is not known."""
    amounts = [math.inf]
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        if ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
            amounts.append(1024 * kilobytes.value)
    else:
        with suppress(OSError, ValueError):
            amounts.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # no container, or its limit is "max"
            amounts.append(int(Path(limit).read_text(encoding="ascii")))
    return min(amount for amount in amounts if amount > 0)
