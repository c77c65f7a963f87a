"""Judges a learner's function against the library's: what is right, what is wrong, and in one sentence how.

The library's functions are gradient-checked by the tests, so that being equal to them is being right, and takes
milliseconds. What a wrong array says of the mistake behind it is for blame.py.
"""

import linecache
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from exercises.judging import named, trees

SEED = 20150210


def call(function, case):
    """How most functions are run: with the case's arguments by name."""
    return function(**case)


class Task(NamedTuple):
    """One function a learner writes, and what it is judged on."""

    module: ModuleType  # where the library has it
    name: str
    cases: Callable  # rng -> list of cases, each a dict of arguments; the first is the one shown
    outputs: tuple  # names of what it returns, in order; "cache" and "grads" are taken apart
    equations: dict  # {variable of the library's function, or output: its equation in plain text}
    drive: Callable = call  # drive(function, case) -> what is named by `outputs`
    changes: tuple = ()  # arguments that it changes in place on purpose
    refused: tuple = ()  # cases that must raise ValueError or IndexError
    single: bool = True  # whether float32 in must give float32 out
    tolerance: float = 1e-9  # largest error, relative to the array's size
    mistakes: tuple = ()  # of faults.Mistake: what people get wrong in ways that are no single edit
    twin: Callable | None = None  # does the same, to look for mistakes in, where the library leaves the work to another

    @property
    def function(self):
        """The library's own."""
        return getattr(self.module, self.name)

    @property
    def plain(self):
        """The function whose edits are tried."""
        return trees.plain_function(self.twin or self.function)


class Array(NamedTuple):
    """How one returned array compares."""

    name: str
    right: bool
    error: float
    index: tuple  # of the worst entry, and its two values
    yours: float
    wanted: float


class Verdict(NamedTuple):
    """What is found of one function."""

    name: str
    state: str  # "right", "wrong" or "unwritten"
    sentence: str = ""  # what is wrong, where it is not numbers
    arrays: tuple = ()  # of the first case that is wrong
    line: int = 0  # of the learner's file, where the sentence is about one
    findings: tuple = ()  # blame.Finding: where the mistake lies


class Judged(NamedTuple):
    """A Verdict, and what blame needs: the cases and what came of them, yours and the library's; a wrong one first."""

    verdict: Verdict
    cases: list
    order: list  # their numbers
    yours: list = ()
    wanted: list = ()
    error: str = ""  # what the function raised, in the words of words_of
    expression: str = ""  # and in which expression of its line


class Complaint(Exception):
    """A sentence about what a function did, other than wrong numbers; `at` a line of its file, or 0."""

    def __init__(self, sentence, at=0, error="", expression=""):
        super().__init__(sentence)
        self.at, self.error, self.expression = at, error, expression


class NotWritten(Exception):
    """The function is still a stub."""


class AnswerUsed(Exception):
    """Raised by what stands in the library for a function while it is judged: the learner's has called the answer."""


def cases_of(task):
    """The task's cases, the same every time."""
    return task.cases(np.random.default_rng(SEED))


def wanted_of(task, cases):
    """What the library's function gives, a dict of named leaves for every case."""
    return [flat(task, task.drive(task.function, named.copied(case))) for case in cases]


def judge(task, function, cases, wanted):
    """Judge a function. Returns Judged; never raises for what the function does.

    function: the learner's; cases, wanted: of cases_of and wanted_of.
    """
    function, yours, wrong = trees.plain_function(function), [], None
    verdict = Verdict(task.name, "right")
    try:
        for k, (case, right) in enumerate(zip(cases, wanted, strict=True)):
            result = _run(task, function, case)
            _check_form(task, result, right)
            yours.append(flat(task, result))
            _check_leaves(yours[-1], right)
            arrays = compare(task, yours[-1], right)
            if wrong is None and not all(array.right for array in arrays):
                wrong, verdict = k, Verdict(task.name, "wrong", arrays=arrays)
        if wrong is None:
            _check_manners(task, function, cases[0], wanted[0])
    except NotWritten:
        return Judged(Verdict(task.name, "unwritten"), [], [])
    except Complaint as complaint:
        if wrong is None:
            verdict = Verdict(task.name, "wrong", str(complaint), line=complaint.at)
            if complaint.error:  # of the case that raised it there are no results
                return Judged(verdict, [cases[len(yours)]], [len(yours)], (), (), complaint.error, complaint.expression)
            wrong = max(0, len(yours) - 1)
    order = sorted(range(len(yours)), key=lambda k: k != wrong)
    return Judged(verdict, [cases[k] for k in order], order, [yours[k] for k in order], [wanted[k] for k in order])


def compare(task, yours, wanted):
    """An Array for every leaf of what was returned."""
    found = []
    for name, right in wanted.items():
        ok = named.same(yours[name], right, task.tolerance)
        if not named.is_number(right) or np.shape(yours[name]) != np.shape(right):
            found.append(Array(name, ok, 0.0 if ok else np.inf, (), np.nan, np.nan))
            continue
        a, b = np.asarray(yours[name], float), np.asarray(right, float)
        with np.errstate(invalid="ignore"):
            distance = np.array(np.abs(a - b))
        distance[np.isnan(distance)] = np.inf
        index = tuple(int(i) for i in np.unravel_index(distance.argmax(), distance.shape)) if distance.size else ()
        values = (float(a[index]), float(b[index])) if distance.size else (0.0, 0.0)
        found.append(Array(name, ok, named.error(a, b), index, *values))
    return tuple(found)


def _run(task, function, case):
    """What the function returns for a copy of the case; a Complaint where it raises or changes its arguments."""
    given = named.copied(case)
    with np.errstate(all="ignore"):
        try:
            result = task.drive(function, given)
        except NotImplementedError as error:
            if _line_of(function, error):
                raise NotWritten from error
            raise
        except Complaint:
            raise
        except RecursionError as error:
            raise Complaint(f"{task.name} calls itself without end", _line_of(function, error)) from error
        except Exception as error:
            raise _raised(task, function, error) from error
    before, after = named.flatten("", case), named.flatten("", given)
    for name, value in before.items():
        argument = name.strip("[]").split("]")[0].split(".")[0]
        if isinstance(value, np.ndarray) and argument not in task.changes:
            if not np.array_equal(value, after[name], equal_nan=True):
                raise Complaint(f"{_argument(name)} is changed; inputs must stay as they are (work on a copy)")
    return result


def _argument(name):
    """The name of an argument in a case flattened as a dict: "[cache].x" is cache.x."""
    return name[1:].replace("]", "", 1)


def _raised(task, function, error):
    line = _line_of(function, error)
    if isinstance(error, AnswerUsed):
        return Complaint(f"line {line} calls the library's {error}, which is the answer: write it out", line)
    what = words_of(error)
    if not line:
        shape = f"({', '.join(task.outputs)})"
        return Complaint(f"what {task.name} returns cannot be used as {shape}: {what}")
    expression = expression_of(function, error)
    where = f"line {line}, `{expression}`," if 0 < len(expression) < 60 else f"line {line}"
    return Complaint(f"{where} raises {what}", line, what, expression)


def words_of(error):
    """An exception's type and what it says."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _line_of(function, error):
    """The last line of the function's own file that the error passed through, or 0."""
    frames = _frames_of(function, error)
    return frames[-1].lineno if frames else 0


def expression_of(function, error):
    """The expression in that line that raised it, where Python knows (from 3.11 on), or ""."""
    frame = (_frames_of(function, error) or [None])[-1]
    start, end = getattr(frame, "colno", None), getattr(frame, "end_colno", None)
    if start is None or end is None or frame.end_lineno != frame.lineno:
        return ""
    return linecache.getline(frame.filename, frame.lineno).encode()[start:end].decode(errors="replace")


def _frames_of(function, error):
    file = function.__code__.co_filename
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]


def _results(task, result):
    """What was returned, as a tuple."""
    return result if isinstance(result, tuple) and not hasattr(result, "_fields") else (result,)


def flat(task, result):
    """{name: leaf} of what a function returned."""
    leaves = {}
    for name, value in zip(task.outputs, _results(task, result), strict=True):
        leaves |= named.flatten(name, value)
    return leaves


def _check_form(task, result, wanted):
    """A Complaint where not the right things were returned."""
    if result is None:
        raise Complaint(f"{task.name} returns None; it should return {', '.join(task.outputs)}")
    results = _results(task, result)
    if isinstance(result, list) and len(task.outputs) > 1:
        raise Complaint(f"{task.name} returns a list; return a tuple: `return {', '.join(task.outputs)}`")
    if len(results) != len(task.outputs):
        raise Complaint(
            f"{task.name} returns {len(results)} thing{'s' * (len(results) > 1)}, "
            f"not {len(task.outputs)}: {', '.join(task.outputs)}"
        )
    for name, value in zip(task.outputs, results, strict=True):
        if name in wanted and isinstance(value, (list, tuple, dict)):
            raise Complaint(f"{name} is of type {type(value).__name__}, not a NumPy array")
    leaves = flat(task, result)
    for name in wanted:
        if name not in leaves:
            raise Complaint(_missing(name, leaves))
    for name in leaves:
        if name not in wanted:
            raise Complaint(f"{name} is returned, which nobody asked for")


def _missing(name, leaves):
    whole = name.split(".")[0].split("[")[0]
    if f"{whole}[0]" in leaves:
        return f"{whole} is a plain tuple or list; make it as the opening of the file says"
    if whole in leaves:
        return f"{whole} is of type {type(leaves[whole]).__name__}; see the docstring for what it should be"
    return f"{name} is missing from what is returned"


def _check_leaves(leaves, wanted):
    """A Complaint where something is not numbers, or not of the right shape or type."""
    for name, right in wanted.items():
        if named.is_number(right):
            _check_leaf(name, leaves[name], right)


def _check_leaf(name, value, right):
    if value is None:
        raise Complaint(f"{name} is None")
    if isinstance(right, np.ndarray) and right.ndim and not isinstance(value, np.ndarray):
        raise Complaint(f"{name} is of type {type(value).__name__}, not a NumPy array")
    if not named.is_number(value):
        raise Complaint(f"{name} is of type {type(value).__name__}, not numbers")
    if np.shape(value) != np.shape(right):
        raise Complaint(_shape_sentence(name, np.shape(value), np.shape(right)))
    if isinstance(value, np.ndarray) and isinstance(right, np.ndarray) and value.dtype != right.dtype:
        raise Complaint(f"{name} is {value.dtype}, not {right.dtype}")


def _shape_sentence(name, shape, right):
    sentence = f"{name} has shape {shape}, not {right}"
    try:
        broadcast = np.broadcast_shapes(shape, right) == right
    except ValueError:
        broadcast = False
    if sorted(shape) == sorted(right) and len(shape) > 1:
        sentence += ": its axes are in another order"
    elif broadcast:
        sentence += "; NumPy would stretch it without a word, and hide the mistake"
    return sentence


def _check_manners(task, function, case, wanted):
    """A Complaint about results that are right as numbers, but are views, not contiguous, or depend on the past."""
    given = named.copied(case)
    with np.errstate(all="ignore"):
        result = task.drive(function, given)
        again = flat(task, task.drive(function, named.copied(case)))
    leaves, inputs = flat(task, result), named.flatten("", given)
    for name, value in leaves.items():
        if not isinstance(value, np.ndarray) or name.startswith("cache"):
            continue
        for argument, x in inputs.items():
            if isinstance(x, np.ndarray) and value.size and np.shares_memory(value, x):
                raise Complaint(
                    f"{name} is a view of {_argument(argument)}: whoever changes one changes the other; "
                    "return an array of its own (copy it)"
                )
        if not value.flags.c_contiguous:
            raise Complaint(f"{name} is not contiguous in memory: wrap it in np.ascontiguousarray")
    for name, value in leaves.items():
        if not named.same(again[name], value, 0):
            raise Complaint(f"{name} is another when {task.name} is called again with the same arguments")
    _check_single(task, function, case, wanted)
    _check_refused(task, function)


def _check_single(task, function, case, wanted):
    if not task.single:
        return
    try:
        with np.errstate(all="ignore"):
            leaves = flat(task, task.drive(function, named.copied(case, named.to_single)))
    except Exception as error:
        raise Complaint(f"with float32 arrays it fails: {type(error).__name__}: {error}") from error
    for name, right in wanted.items():
        value = leaves[name]
        if isinstance(right, np.ndarray) and right.dtype == np.float64 and value.dtype != np.float32:
            raise Complaint(
                f"{name} is {value.dtype} where the inputs are float32, in which training runs; "
                "np.zeros, np.eye and the like make float64 unless they are given dtype="
            )


def _check_refused(task, function):
    for case in task.refused:
        try:
            task.drive(function, named.copied(case))
        except (ValueError, IndexError):
            continue
        except Exception as error:
            raise Complaint(f"unusable arguments raise {type(error).__name__}, not ValueError") from error
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in case.items())
        raise Complaint(f"{task.name}({shown}) must raise an error: its docstring says of what")


def _shown(value):
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if value.size < 8 else f"an array of shape {value.shape}"
    return repr(value)
