"""Count the cores that this process may use.

`docker run --cpus=2` lets a process run on every core of the machine, but gives it no more time than two cores have.
The kernel stops all of its threads when this time is used up. Then more threads than the quota make it slower.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

PROCESS = Path("/proc/self/cgroup")  # lines "number:controllers:path", the control groups of this process
MOUNT = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return the number of cores that this process may run on, or its quota of time if that is less."""
    available = getattr(os, "sched_getaffinity", None)
    count = len(available(0)) if available else os.cpu_count() or 1
    return max(1, min(count, quota()))


def quota() -> float:
    """Return the time that the control groups of this process allow, in cores, rounded up; infinity without a limit.

    A group is limited by its own quota and by those of all groups that contain it.
    """
    try:
        groups = [line.split(":", 2) for line in PROCESS.read_text().splitlines() if line.count(":") > 1]
    except OSError:  # not Linux
        return math.inf
    return min((_quota_of(folder) for group in groups for folder in _folders(*group)), default=math.inf)


def _folders(number: str, controllers: str, path: str) -> Iterator[Path]:
    """Yield the folders of a control group and of the groups that contain it, if they limit the time of cores.

    A container sees its own group at the top of MOUNT, while `path` may be the path on the machine outside.
    """
    if number == "0":  # version 2
        top = MOUNT
    elif "cpu" in controllers.split(","):  # version 1
        top = next((MOUNT / name for name in (controllers, "cpu") if (MOUNT / name).is_dir()), MOUNT)
    else:
        return
    group = top / path.lstrip("/")
    yield from (group, *(parent for parent in group.parents if parent.is_relative_to(top)))


def _quota_of(folder: Path) -> float:
    """Return the quota of one control group in cores, rounded up; infinity without a limit."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            limit, period = " ".join((folder / name).read_text() for name in names).split()
            if limit not in ("max", "-1"):
                return math.ceil(int(limit) / int(period))
        except (OSError, ValueError, ZeroDivisionError):  # the group has no such file
            continue
    return math.inf
