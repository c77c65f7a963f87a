"""Make the fault dictionaries of an exercise for its next check.

It is a process of its own, python -m exercises.runner.prepare NUMBER. So no learner's code runs in it, and a check need
not wait for it. Only one such process runs at a time: another one ends at once.
"""

import contextlib
import os
import sys

from exercises.runner import lessons
from numpy_sat.system import lock, machine
from numpy_sat.system.errors import InputError


def main() -> None:
    """Make the fault dictionaries of the exercise at a low priority."""
    if hasattr(os, "nice"):
        os.nice(10)
    with contextlib.suppress(InputError), lock.folder_lock(machine.cache_folder() / "exercises" / "preparing"):
        lesson = lessons.load(int(sys.argv[1]))
        for task in lesson.tasks:
            lesson.table(task)


if __name__ == "__main__":
    main()
