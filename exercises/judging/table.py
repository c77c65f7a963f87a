"""The fault dictionary of one task: what every edit of our functions makes of the task's cases, to be looked up.

Running all edits takes up to seconds, looking up a learner's numbers a millisecond. So the table is made once and
kept, under a name made of all that it depends on.
"""

import contextlib
import json
import os
import sys
import time
import zlib
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, trees
from exercises.judging.watching import watching

# Modules whose functions are edited, if the task calls them.
PACKAGES = ("layers", "decoders", "training.optimizers", "decoding.search", "metrics", "bench", "check.gradcheck")
WEEK = 7 * 24 * 3600  # seconds
CLOSE = 1e-8  # of marks that belong to the same numbers


class Entry(NamedTuple):
    """One edit."""

    function: str  # whose
    target: str  # see faults.Fault
    line: int
    term: str


class Table(NamedTuple):
    """All edits of the functions that a task runs, the likelier ones of its own function first."""

    entries: list  # of Entry
    names: list  # of the leaves of what the task's function returns
    marks: np.ndarray  # (entries, cases, names, 4) of each leaf, nan where the edit raises
    words: list  # of each entry, for each case, what it raises with, or ""

    def fitting(self, k, flat):
        """(entries, names): which leaves of case k come out as these do. flat: {name: leaf}."""
        mine = _marks(flat, self.names)
        distance, size = np.abs(self.marks[:, k] - mine), np.abs(mine[:, 1:]).max(axis=-1)
        same_kind = distance[..., 0] == 0  # the first of the numbers is no size
        return same_kind & (distance[..., 1:].max(axis=-1) <= CLOSE * np.maximum(size, 1e-3))


class Run(NamedTuple):
    """A run of a task's function on one case, looked into."""

    function: object  # the task's own, plain Python
    functions: dict  # {name: (function, its local variables)} of ours that ran, the task's own first

    @property
    def variables(self):
        """The local variables of the task's own function."""
        return self.functions[self.function.__name__][1]


def look_into(task, case):
    """Run the task's function on a case and watch it. Returns a Run."""
    function = task.plain
    own = function.__code__
    with watching(lambda frame: frame.f_code is own or _is_ours(frame)) as seen, np.errstate(all="ignore"):
        task.drive(function, named.copied(case))
    functions = {function.__name__: (function, seen.locals.get(own, {}))}
    for code, values in seen.locals.items():
        module = sys.modules.get(seen.globals[code].get("__name__"))
        other = trees.plain_function(getattr(module, code.co_name, None))
        if getattr(other, "__code__", None) is code:
            functions.setdefault(code.co_name, (other, values))
    return Run(function, functions)


def _is_ours(frame):
    module = frame.f_globals.get("__name__", "")
    return module.startswith("solutions.") or module.partition("numpy_sat.")[2].startswith(PACKAGES)


def load(task, folder, key):
    """The task's Table, from a file in `folder` if it is there, else made and written. key: of what it depends on."""
    path = folder / f"faults-{task.name}-{key}.npz"
    with contextlib.suppress(OSError, ValueError, KeyError):
        with np.load(path) as file:
            text = json.loads(str(file["text"]))
            return Table([Entry(*entry) for entry in text["entries"]], text["names"], file["marks"], text["words"])
    table = make(task)
    with contextlib.suppress(OSError):  # then it is made again next time
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.npz")
        text = json.dumps({"entries": table.entries, "names": table.names, "words": table.words})
        for old in folder.glob(f"faults-{task.name}-*"):
            if time.time() - old.stat().st_mtime > WEEK:
                old.unlink()
        np.savez_compressed(aside, text=text, marks=table.marks)
        aside.replace(path)
    return table


def make(task):
    """Run every edit on every case of a task. Edits that change nothing are left out."""
    cases = judge.cases_of(task)
    with np.errstate(all="ignore"):
        wanted = [judge.flat(task, task.drive(task.plain, named.copied(case))) for case in cases]
    names = list(dict.fromkeys(name for flat in wanted for name in flat))
    right = np.array([_marks(flat, names) for flat in wanted])
    entries, marks, words = [], [], []
    for function, fault in _every(task, look_into(task, cases[0])):
        row, raised = _results(task, function, fault, cases, names)
        if np.array_equal(row, right):
            continue
        entries.append(Entry(function.__name__, fault.target, fault.line, fault.term))
        marks.append(row)
        words.append(raised)
    return Table(entries, names, np.array(marks).reshape(-1, len(cases), len(names), 4), words)


def _every(task, run):
    """(function, Fault) of all there are: those written down, then those of the task's function, then of the others."""
    yield from ((run.function, fault) for fault in faults.written(run.function, task.mistakes))
    for function, values in run.functions.values():
        for fault in faults.edits(function, values):
            yield function, fault


def _results(task, function, fault, cases, names):
    """Marks and words of one fault: (cases, names, 4), and a string a case."""
    marks, words = np.full((len(cases), len(names), 4), np.nan), []
    with in_place(function, fault):
        for k, case in enumerate(cases):
            try:
                with np.errstate(all="ignore"):
                    flat = judge.flat(task, task.drive(task.plain, named.copied(case)))
                    marks[k] = _marks(flat, names)
                words.append("")
            except Exception as error:
                words.append(judge.words_of(error))
    return marks, words


@contextlib.contextmanager
def in_place(function, fault):
    """Inside, a function of ours does what the fault says, whoever calls it by whatever name."""
    right = function.__code__
    function.__code__ = fault.code
    try:
        yield
    finally:
        function.__code__ = right


def _marks(flat, names):
    return np.array([_mark(flat[name]) if name in flat else [-1.0] * 4 for name in names])


def _mark(leaf):
    """Four numbers that two leaves share only if they are equal, up to rounding.

    The first says what the leaf is, of an array its shape; the others are as large as its values.
    """
    if not named.is_number(leaf):
        return [float(zlib.crc32(repr(leaf).encode())), 0.0, 0.0, 0.0]
    array = np.asarray(leaf, float)
    values = np.nan_to_num(array.ravel(), nan=1.7, posinf=2.3, neginf=-3.1)
    places = np.arange(1, values.size + 1)
    shape = float(zlib.crc32(repr(array.shape).encode()) % 1_000_003)
    return [shape, float(values @ np.cos(places)), float(values @ np.sin(2.4 * places)), float(np.abs(values).sum())]
