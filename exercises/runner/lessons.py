"""Loading of lessons, learners' files and solutions."""

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from exercises.lessons import FOLLOWS, Facts
from numpy_sat.system import lock, machine
from numpy_sat.system.errors import InputError

if TYPE_CHECKING:
    from exercises.judging.judge import Task
    from exercises.judging.table import Table

EXERCISES = Path(__file__).parents[1]
SOLUTIONS = EXERCISES.parent / "solutions"


class Lesson(NamedTuple):
    """An exercise: the text of the learner's file, the tasks and the hints."""

    number: int
    name: str  # exNN_something
    title: str
    intro: str
    imports: str
    tasks: tuple  # of judging.judge.Task
    hints: dict  # {function: (question, equation, shapes, term)}
    forbidden: tuple  # modules that contain the answer, so the learner's file must not import them
    timed: bool  # True if a right solution is compiled and timed
    facts: Facts
    pencil: Callable  # () -> list of Example records, the page's worked example

    @property
    def file(self) -> Path:
        """Return the path of the learner's file."""
        return EXERCISES / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """Return the path of the solution."""
        return SOLUTIONS / f"{self.name}.py"

    def table(self, task: "Task") -> "Table":
        """Load the fault dictionary of one of the tasks, or make it, in one process at a time."""
        from exercises.judging import table  # imports NumPy, which the board does not need

        path = table.path_of(task, *self._tables())
        with _one_at_a_time(path):
            return table.load(task, *self._tables())

    def has_tables(self) -> bool:
        """Return True if the fault dictionaries of all tasks are in the cache."""
        from exercises.judging import table

        return all(table.path_of(task, *self._tables()).exists() for task in self.tasks)

    def _tables(self):
        """Return the folder of the fault dictionaries and a key: functions of several exercises may share a name."""
        return machine.cache_folder() / "exercises", f"{self.number:02}-{library_digest()}"


@contextlib.contextmanager
def _one_at_a_time(path):
    """Let only one process make a file of the cache. The others wait until it exists."""
    with contextlib.ExitStack() as stack:
        if not path.exists():
            with contextlib.suppress(OSError):  # the cache cannot be written: each process makes its own
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock.waiting_lock(path.with_suffix(".lock")))
        yield


@functools.cache
def library_digest() -> str:
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


def names() -> dict[int, str]:
    """Return {number: name} of all exercises in the order of the syllabus, without importing them."""
    paths = (EXERCISES / "lessons").glob("ex*.py")
    all_names = {int(re.match(r"ex(\d+)_", path.name)[1]): path.stem for path in paths}
    return {number: all_names[number] for number in sorted(all_names, key=lambda n: (FOLLOWS.get(n, n), n))}


def name(number: int) -> str:
    """Return the name of an exercise, without importing it.

    Raises:
        InputError: there is no exercise with this number.
    """
    all_names = names()
    if number not in all_names:
        raise InputError(f"there is no exercise {number}; they go from {min(all_names)} to {max(all_names)}.")
    return all_names[number]


def files(numbers: Iterable[int]) -> dict[int, Path]:
    """Return {number: path of the learner's file} of exercises, without importing them.

    Raises:
        InputError: there is no exercise with one of these numbers.
    """
    return {number: EXERCISES / f"{name(number)}.py" for number in numbers}


def load(number: int) -> Lesson:
    """Load the Lesson of an exercise.

    Raises:
        InputError: there is no exercise with this number.
    """
    module = importlib.import_module(f"exercises.lessons.{name(number)}")
    return Lesson(
        number,
        name(number),
        _title(module),
        module.INTRO,
        module.IMPORTS,
        module.TASKS,
        module.HINTS,
        getattr(module, "FORBIDDEN", ()),
        getattr(module, "TIMED", False),
        module.FACTS,
        module.pencil,
    )


def _title(module):
    """Return the docstring of a lesson; `python -OO` drops it, so there it is read from the source."""
    return (module.__doc__ or ast.get_docstring(ast.parse(inspect.getsource(module)))).strip()


def load_file(path: Path) -> ModuleType:
    """Import a learner's file or a solution and return the module; errors of the file are passed on."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
