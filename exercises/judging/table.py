"""The fault dictionary of a task as a table: the results of every edit on every case of the task.

Running all edits takes up to several seconds; looking up a learner's numbers takes a millisecond. The table is
therefore made once and saved in the cache. A digest of everything it depends on is part of the file name.
"""

import contextlib
import json
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, trees
from exercises.judging.watching import watching
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing

# Modules whose functions are edited if the task calls them.
PACKAGES = ("layers", "decoders", "training.optimizers", "decoding.search", "metrics", "bench", "check.gradcheck")
WEEK = 7 * 24 * 3600  # seconds
CLOSE = 1e-8  # largest relative difference between the marks of equal arrays


class Entry(NamedTuple):
    """One edit of the table."""

    function: str  # name of the edited function
    target: str  # see faults.Fault
    line: int
    term: str
    rank: int  # see faults.Fault; -1 for a Mistake of the lesson


class Table(NamedTuple):
    """All edits of the functions that a task runs, starting with the likelier edits of its own function."""

    entries: list  # of Entry
    names: list  # of the leaves of the results
    marks: np.ndarray  # (entries, cases, names, 4) marks of each leaf; NaN where the edit raises
    words: list  # for each entry and case the text of the exception, or ""

    def fitting(self, k: int, flat: dict) -> np.ndarray:
        """Find the edits that give the results of one case.

        Args:
            k: number of the case.
            flat: {name: leaf} of the learner's results.
        Returns:
            (entries, names) bool: True where the edit gives this leaf.
        """
        own_marks = _marks(flat, self.names)
        distance, size = np.abs(self.marks[:, k] - own_marks), np.abs(own_marks[:, 1:]).max(axis=-1)
        same_kind = distance[..., 0] == 0  # the first mark is a checksum, not a size
        return same_kind & (distance[..., 1:].max(axis=-1) <= CLOSE * np.maximum(size, 1e-3))


class Run(NamedTuple):
    """The local variables of a run of a task's function on one case."""

    function: object  # the task's function, plain Python
    functions: dict  # {name: (function, its local variables)} of the library's functions that ran, the task's first

    @property
    def variables(self) -> dict:
        """Return the local variables of the task's function."""
        return self.functions[self.function.__name__][1]


def look_into(task: judge.Task, case: dict) -> Run:
    """Run the task's function on a case and return the Run, with all local variables."""
    function = task.plain
    own = function.__code__
    with watching(lambda frame: frame.f_code is own or _is_editable(frame)) as recording, np.errstate(all="ignore"):
        task.drive(function, named.copy_arrays(case))
    functions = {function.__name__: (function, recording.locals.get(own, {}))}
    for code, values in recording.locals.items():
        module = sys.modules.get(recording.globals[code].get("__name__"))
        helper = trees.plain_function(getattr(module, code.co_name, None))
        if getattr(helper, "__code__", None) is code:
            functions.setdefault(code.co_name, (helper, values))
    return Run(function, functions)


def variables_of(task: judge.Task, function: Callable, case: dict) -> dict:
    """Return {name: value} of a learner's local variables when the function returns or raises on a case."""
    function = trees.plain_function(function)
    with watching(lambda frame: frame.f_code is function.__code__) as recording, np.errstate(all="ignore"):
        with contextlib.suppress(Exception):
            task.drive(function, named.copy_arrays(case))
    return recording.locals.get(function.__code__, {})


def _is_editable(frame):
    module = frame.f_globals.get("__name__", "")
    return module.startswith("solutions.") or module.partition("numpy_sat.")[2].startswith(PACKAGES)


def load(task: judge.Task, folder: Path, key: str) -> Table:
    """Load the task's Table from a file in `folder`, or make it and save it there.

    Args:
        task: a judge.Task.
        folder: pathlib.Path of the cache.
        key: digest of everything that the table depends on.
    Returns:
        Table
    """
    path = path_of(task, folder, key)
    with contextlib.suppress(OSError, ValueError, KeyError):
        with np.load(path) as file:
            text = json.loads(str(file["text"]))
            return Table([Entry(*entry) for entry in text["entries"]], text["names"], file["marks"], text["words"])
    table = make(task)
    with contextlib.suppress(OSError, InputError):  # without the file it is made again next time
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"entries": table.entries, "names": table.names, "words": table.words})
        for old in folder.glob(f"faults-{task.name}-*"):
            if time.time() - old.stat().st_mtime > WEEK:
                old.unlink()
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, text=text, marks=table.marks)
    return table


def path_of(task: judge.Task, folder: Path, key: str) -> Path:
    """Return the path of a task's Table, see `load`."""
    return folder / f"faults-{task.name}-{key}.npz"


def make(task: judge.Task) -> Table:
    """Run every edit on every case of a task and return the Table. Edits that change nothing are left out."""
    cases = judge.cases_of(task)
    names = list(dict.fromkeys(name for flat in _results(task, cases) for name in flat))
    right = marks_of_function(task, cases, names)
    entries, marks, words = [], [], []
    for function, fault in _all_faults(task, look_into(task, cases[0])):
        row, errors = _run_fault(task, function, fault, cases, names)
        if np.array_equal(row, right):
            continue
        entries.append(Entry(function.__name__, fault.target, fault.line, fault.term, fault.rank))
        marks.append(row)
        words.append(errors)
    return Table(entries, names, np.array(marks).reshape(-1, len(cases), len(names), 4), words)


def marks_of_function(task: judge.Task, cases: list[dict], names: list[str]) -> np.ndarray:
    """Return the marks of the right results, (cases, names, 4)."""
    return np.array([_marks(flat, names) for flat in _results(task, cases)])


def _results(task, cases):
    """Return {name: leaf} of the results of the task's function for each case."""
    with np.errstate(all="ignore"):
        return [judge.flat(task, task.drive(task.plain, named.copy_arrays(case))) for case in cases]


def _all_faults(task, run):
    """Yield (function, Fault): first the task's Mistakes, then the edits of its function, then those of helpers."""
    yield from ((run.function, fault) for fault in faults.from_mistakes(run.function, task.mistakes))
    for function, values in run.functions.values():
        for fault in faults.edits(function, values):
            yield function, fault


def _run_fault(task, function, fault, cases, names):
    """Run one edit on all cases.

    Returns:
        marks: (cases, names, 4) marks of the results; NaN where the edit raises.
        words: for each case the text of the exception, or "".
    """
    marks, words = np.full((len(cases), len(names), 4), np.nan), []
    with in_place(function, fault):
        for k, case in enumerate(cases):
            try:
                with np.errstate(all="ignore"):
                    flat = judge.flat(task, task.drive(task.plain, named.copy_arrays(case)))
                    marks[k] = _marks(flat, names)
                words.append("")
            except Exception as error:
                words.append(judge.error_text(error))
    return marks, words


@contextlib.contextmanager
def in_place(function: FunctionType, fault: faults.Fault) -> Iterator[None]:
    """Let a function of the library run the edit inside this context, under every name it is called by."""
    right = function.__code__
    function.__code__ = fault.code
    try:
        yield
    finally:
        function.__code__ = right


def _marks(flat, names):
    return np.array([_mark(flat[name]) if name in flat else [-1.0] * 4 for name in names])


def _mark(leaf):
    """Return four numbers that in practice are equal, up to rounding, only for equal leaves.

    The first one is a checksum of an array's shape, or of any other leaf. The others scale with the array's values.
    """
    if not named.is_number(leaf):
        return [float(zlib.crc32(repr(leaf).encode())), 0.0, 0.0, 0.0]
    array = np.asarray(leaf, float)
    values = np.nan_to_num(array.ravel(), nan=1.7, posinf=2.3, neginf=-3.1)
    places = np.arange(1, values.size + 1)
    shape = float(zlib.crc32(repr(array.shape).encode()) % 1_000_003)
    return [shape, float(values @ np.cos(places)), float(values @ np.sin(2.4 * places)), float(np.abs(values).sum())]
