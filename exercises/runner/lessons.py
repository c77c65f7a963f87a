"""The lessons, found in their folder."""

import functools
import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import NamedTuple

from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

EXERCISES = Path(__file__).parents[1]
SOLUTIONS = EXERCISES.parent / "solutions"


class Lesson(NamedTuple):
    """One exercise: what the learner's file says, and what it is judged on."""

    number: int
    name: str  # exNN_something
    title: str
    intro: str
    imports: str
    tasks: tuple  # of judging.judge.Task
    hints: dict  # {function: (question, equation, term)}
    forbidden: tuple  # modules that would give the answer away
    timed: bool  # whether what is right is compiled and timed

    @property
    def file(self):
        """The learner's file."""
        return EXERCISES / f"{self.name}.py"

    @property
    def solution(self):
        """The solution's file."""
        return SOLUTIONS / f"{self.name}.py"

    def table(self, task):
        """The fault dictionary of one of the tasks, made if it is not there yet."""
        from exercises.judging import table  # NumPy with it, which the board does without

        key = f"{self.number:02}-{library_digest()}"  # several exercises may have a function of one name
        return table.load(task, machine.cache_folder() / "exercises", key)


@functools.cache
def library_digest():
    """Return a digest of the sources of library, lessons, judging, runner and solutions, and of the Python version."""
    digest = hashlib.sha256(sys.version.encode())
    folders = (
        EXERCISES.parent / "numpy_sat",
        *(EXERCISES / name for name in ("judging", "lessons", "runner")),
        SOLUTIONS,
    )
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def names():
    """{number: name} of all exercises, in order, without importing any."""
    found = {}
    for path in sorted((EXERCISES / "lessons").glob("ex*.py")):
        found[int(re.match(r"ex(\d+)_", path.name)[1])] = path.stem
    return found


def load(number):
    """The Lesson of a number. Raises InputError where there is none."""
    known = names()
    if number not in known:
        raise InputError(f"there is no exercise {number}; they go from {min(known)} to {max(known)}.")
    module = importlib.import_module(f"exercises.lessons.{known[number]}")
    return Lesson(
        number,
        known[number],
        module.__doc__.strip(),
        module.INTRO,
        module.IMPORTS,
        module.TASKS,
        module.HINTS,
        getattr(module, "FORBIDDEN", ()),
        getattr(module, "TIMED", False),
    )


def load_file(path):
    """A learner's file, or a solution, as a module. Raises whatever it raises."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
