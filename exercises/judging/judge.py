"""Compare a learner's function with the library's: which results are right, which are wrong, and how.

The tests check the gradients of the library's functions. A result that equals theirs is therefore right, and the
comparison takes milliseconds. blame.py searches for the mistake behind a wrong array.
"""

import linecache
import traceback
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import NamedTuple

import numpy as np

from exercises.judging import named, trees

SEED = 20150210


def call(function: Callable, case: dict):
    """Call the function with the arguments of the case, by name."""
    return function(**case)


class Task(NamedTuple):
    """A function that a learner writes, and the cases it is judged on."""

    module: ModuleType  # the library's module that defines the function
    name: str
    cases: Callable  # rng -> list of cases, each a dict of arguments
    outputs: tuple  # names of the results, in order; "cache" and "grads" are split into their members
    equations: dict  # {variable of the library's function, or output: its equation in plain text}
    drive: Callable = call  # drive(function, case) -> the results that `outputs` names
    changes: tuple = ()  # arguments that the function changes in place on purpose
    refused: tuple = ()  # cases that must raise ValueError or IndexError
    single: bool = True  # True if float32 arguments should give float32 results
    tolerance: float = 1e-9  # largest error, relative to the array's size
    mistakes: tuple = ()  # faults.Mistake records: common mistakes that are more than a single edit
    twin: Callable | None = None  # an equal function to edit, where the library's only calls another function

    @property
    def function(self) -> Callable:
        """Return the library's function."""
        return getattr(self.module, self.name)

    @property
    def plain(self) -> FunctionType:
        """Return the plain Python function that the fault dictionary edits."""
        return trees.plain_function(self.twin or self.function)


class Array(NamedTuple):
    """The comparison of one returned array with the library's."""

    name: str
    right: bool
    error: float  # relative, see named.error
    index: tuple  # of the worst entry
    yours: float  # the learner's value there
    expected: float  # the library's value there
    kind: str = "f"  # of the library's numbers, as in NumPy's dtypes: "f", "i" or "b"


class Verdict(NamedTuple):
    """The verdict on one function."""

    name: str
    state: str  # "right", "wrong" or "unwritten"
    sentence: str = ""  # the problem, if it is other than wrong numbers
    arrays: tuple = ()  # Array records of the first case that is wrong
    line: int = 0  # line of the learner's file that the sentence is about, or 0
    findings: tuple = ()  # diagnosis.Finding records: where the mistake is
    notes: tuple = ()  # sentences about a function, also a right one, that are no fault


class Judged(NamedTuple):
    """A Verdict with the data that blame needs: cases and results, starting with a wrong case if there is one."""

    verdict: Verdict
    cases: list
    order: list  # the numbers of the cases in the task's list
    yours: list = ()  # {name: leaf} of the learner's results, for each case
    expected: list = ()  # {name: leaf} of the library's results, for each case
    error: str = ""  # text of the exception that the function raised, as error_text gives it
    expression: str = ""  # source text of the expression that raised it


class Complaint(Exception):
    """A problem other than wrong numbers, as one sentence; `at` is the line of the learner's file, or 0."""

    def __init__(self, sentence, at=0, error="", expression=""):
        super().__init__(sentence)
        self.at, self.error, self.expression = at, error, expression


class NotWritten(Exception):
    """The function is still a stub."""


class AnswerUsed(Exception):
    """The learner's function calls the library's function that it should replace."""


def cases_of(task: Task) -> list[dict]:
    """Return the task's cases, from a fixed seed."""
    return task.cases(np.random.default_rng(SEED))


def expected_of(task: Task, cases: list[dict]) -> list[dict]:
    """Return the results of the library's function, a dict of named leaves for each case."""
    return [flat(task, task.drive(task.function, named.copy_arrays(case))) for case in cases]


def judge(task: Task, function: Callable, cases: list[dict], expected: list[dict]) -> Judged:
    """Judge a learner's function; an exception that it raises becomes part of the verdict.

    Args:
        task: the Task.
        function: the learner's function.
        cases: what cases_of returns.
        expected: what expected_of returns.
    Returns:
        Judged, with state "unwritten" if the function is still a stub.
    """
    function, yours, wrong = trees.plain_function(function), [], None
    verdict = Verdict(task.name, "right")
    try:
        for k, (case, right) in enumerate(zip(cases, expected, strict=True)):
            result = _run(task, function, case)
            _check_form(task, result, right)
            yours.append(flat(task, result, right))
            _check_leaves(yours[-1], right)
            arrays = compare(task, yours[-1], right)
            if wrong is None and not all(array.right for array in arrays):
                wrong, verdict = k, Verdict(task.name, "wrong", arrays=arrays)
        if wrong is None:
            notes = _check_conventions(task, function, cases[0], expected[0])
            verdict = verdict._replace(notes=notes)
    except NotWritten:
        return Judged(Verdict(task.name, "unwritten"), [], [])
    except Complaint as complaint:
        if wrong is None:
            verdict = Verdict(task.name, "wrong", str(complaint), line=complaint.at)
            if complaint.error:  # the case that raised it has no results
                return Judged(verdict, [cases[len(yours)]], [len(yours)], (), (), complaint.error, complaint.expression)
            wrong = max(0, len(yours) - 1)
        elif not complaint.error:  # of a later case
            verdict = verdict._replace(sentence=str(complaint))
    if verdict.arrays:
        records = [compare(task, mine, right) for mine, right in zip(yours, expected, strict=False)]
        verdict = verdict._replace(arrays=_worst_of(verdict.arrays, records))
    order = sorted(range(len(yours)), key=lambda k: k != wrong)
    return Judged(verdict, [cases[k] for k in order], order, [yours[k] for k in order], [expected[k] for k in order])


def _worst_of(arrays, records):
    """Return the Array records of a case; one that is wrong in another case only is that case's record."""
    others = [array for case in records for array in case if not array.right]
    return tuple(
        next((other for other in others if array.right and other.name == array.name), array) for array in arrays
    )


def compare(task: Task, yours: dict, expected: dict) -> tuple[Array, ...]:
    """Compare all leaves of the results of one case.

    Args:
        task: the Task, for its tolerance.
        yours: {name: leaf} of the learner's results.
        expected: {name: leaf} of the library's results.
    Returns:
        A tuple with one Array for each leaf.
    """
    arrays = []
    for name, right in expected.items():
        ok = named.same(yours[name], right, task.tolerance)
        if not named.is_number(right) or np.shape(yours[name]) != np.shape(right):
            arrays.append(Array(name, ok, 0.0 if ok else np.inf, (), np.nan, np.nan))
            continue
        a, b = np.asarray(yours[name], float), np.asarray(right, float)
        with np.errstate(invalid="ignore"):
            distance = np.array(np.abs(a - b))
        distance[np.isnan(distance)] = np.inf
        index = tuple(int(i) for i in np.unravel_index(distance.argmax(), distance.shape)) if distance.size else ()
        values = (float(a[index]), float(b[index])) if distance.size else (0.0, 0.0)
        arrays.append(Array(name, ok, named.error(a, b), index, *values, np.asarray(right).dtype.kind))
    return tuple(arrays)


def _run(task, function, case):
    """Return the function's result for a copy of the case.

    Raises:
        NotWritten: the function is still a stub.
        Complaint: the function raises, or changes its arguments.
    """
    arguments = named.copy_arrays(case)
    with np.errstate(all="ignore"):
        try:
            result = task.drive(function, arguments)
        except NotImplementedError as error:
            if _line_of(function, error):
                raise NotWritten from error
            raise
        except Complaint:
            raise
        except RecursionError as error:
            raise Complaint(f"{task.name} calls itself without end", _line_of(function, error)) from error
        except Exception as error:
            raise _error_complaint(task, function, error) from error
    if name := changed_argument(task, case, arguments):
        raise Complaint(f"{name} is changed; inputs must stay as they are (work on a copy)")
    return result


def changed_argument(task: Task, case: dict, arguments: dict) -> str:
    """Return the name of the first array that differs from the case's and must not, or ""."""
    before, after = named.flatten("", case), named.flatten("", arguments)
    for name, value in before.items():
        argument = name.strip("[]").split("]")[0].split(".")[0]
        if isinstance(value, np.ndarray) and argument not in task.changes:
            if not np.array_equal(value, after[name], equal_nan=True):
                return named.without_brackets(name)
    return ""


def _error_complaint(task, function, error):
    """Return the Complaint about an exception that the learner's function raised."""
    line = _line_of(function, error)
    if isinstance(error, AnswerUsed):
        return Complaint(f"line {line} calls the library's {error}, which is the answer: write it out", line)
    text = error_text(error)
    if not line:
        outputs = f"({', '.join(task.outputs)})"
        return Complaint(f"the result of {task.name} cannot be used as {outputs}: {text}")
    expression = expression_of(function, error)
    place = f"line {line}, `{expression}`," if 0 < len(expression) < 60 else f"line {line}"
    return Complaint(f"{place} raises {text}", line, text, expression)


def error_text(error: BaseException) -> str:
    """Return an exception's type and message."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _line_of(function, error):
    """Return the innermost line of the function's file in the error's traceback, or 0."""
    frames = _frames_of(function, error)
    return frames[-1].lineno if frames else 0


def expression_of(function: FunctionType, error: BaseException) -> str:
    """Return the source of the expression on that line that raised the error, or "" before Python 3.11."""
    frame = (_frames_of(function, error) or [None])[-1]
    start, end = getattr(frame, "colno", None), getattr(frame, "end_colno", None)
    if start is None or end is None or frame.end_lineno != frame.lineno:
        return ""
    return linecache.getline(frame.filename, frame.lineno).encode()[start:end].decode(errors="replace")


def _frames_of(function, error):
    file = function.__code__.co_filename
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]


def _results(task, result):
    """Return the results of a task's function as a tuple: of several, also those of a list or a named tuple."""
    if len(task.outputs) == 1 and (not isinstance(result, tuple) or hasattr(result, "_fields")):
        return (result,)
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def flat(task: Task, result, expected: dict | None = None) -> dict:
    """Return {name: leaf} of the result of a task's function.

    Args:
        task: the Task.
        result: what the function returned.
        expected: {name: leaf} of the right results, or None. A plain tuple takes the names of a named tuple of the same
            length. An array counts as a sequence where they have one.
    """
    leaves = {}
    for name, value in zip(task.outputs, _results(task, result), strict=True):
        leaves |= named.flatten(name, value)
    return named.with_names_of(leaves, expected) if expected else leaves


def _check_form(task, result, expected):
    """Raise a Complaint if the number, the names or the containers of the results are wrong."""
    if result is None:
        raise Complaint(f"{task.name} returns None; it should return {', '.join(task.outputs)}")
    results = _results(task, result)
    if len(results) != len(task.outputs):
        raise Complaint(
            f"{task.name} returns {len(results)} value{'s' * (len(results) > 1)}, "
            f"not {len(task.outputs)}: {', '.join(task.outputs)}"
        )
    for name, value in zip(task.outputs, results, strict=True):
        if name in expected and isinstance(value, (list, tuple, dict)):
            raise Complaint(f"{name} is of type {type(value).__name__}, not a NumPy array")
    leaves = flat(task, result, expected)
    for name in expected:
        if name not in leaves:
            raise Complaint(_missing(name, leaves))
    for name in leaves:
        if name not in expected:
            raise Complaint(f"{name} is returned, but it is not one of the results: leave it out")


def _missing(name, leaves):
    """Return the sentence about a result that is missing."""
    whole = name.split(".")[0].split("[")[0]
    if f"{whole}[0]" in leaves:
        return f"{whole} is a plain tuple or list; build it as the opening of the file says"
    if whole in leaves:
        return f"{whole} is of type {type(leaves[whole]).__name__}; see the docstring for what it should be"
    return f"{name} is missing from the results"


def _check_leaves(leaves, expected):
    """Raise a Complaint if a result is not numeric, or has the wrong shape or dtype."""
    for name, right in expected.items():
        if named.is_number(right):
            _check_leaf(name, leaves[name], right)


def _check_leaf(name, value, right):
    if value is None:
        raise Complaint(f"{name} is None")
    if isinstance(right, np.ndarray) and right.ndim and not isinstance(value, np.ndarray):
        raise Complaint(f"{name} is of type {type(value).__name__}, not a NumPy array")
    if not named.is_number(value):
        raise Complaint(f"{name} is of type {type(value).__name__}, not a number or an array of numbers")
    if np.shape(value) != np.shape(right):
        raise Complaint(_shape_sentence(name, np.shape(value), np.shape(right)))
    if isinstance(value, np.ndarray) and isinstance(right, np.ndarray) and not _is_usable_as(value.dtype, right.dtype):
        raise Complaint(f"{name} is {value.dtype}, not {right.dtype}")


def _is_usable_as(dtype, right):
    """Return True for an equal dtype; integers of any size can replace each other."""
    return dtype == right or {dtype.kind, right.kind} <= set("iu")


def _shape_sentence(name, shape, right):
    sentence = f"{name} has shape {shape}, not {right}"
    try:
        broadcast = np.broadcast_shapes(shape, right) == right
    except ValueError:
        broadcast = False
    if sorted(shape) == sorted(right) and len(shape) > 1:
        sentence += ": its axes are in another order"
    elif broadcast:
        sentence += "; NumPy would broadcast it silently, which hides the mistake"
    return sentence


def _check_conventions(task, function, case, expected):
    """Return notes on results with right numbers, or raise a Complaint if they break a convention.

    Results must be the same for every call, and unusable arguments must raise. A note says that a result is a view of
    an argument, not contiguous, or float64 although the arguments are float32.
    """
    arguments = named.copy_arrays(case)
    with np.errstate(all="ignore"):
        leaves = flat(task, task.drive(function, arguments), expected)
        again = flat(task, task.drive(function, named.copy_arrays(case)), expected)
    for name, value in leaves.items():
        if not named.same(again[name], value, 0):
            raise Complaint(f"{name} differs when {task.name} is called again with the same arguments")
    _check_refused(task, function)
    return (*_notes(leaves, named.flatten("", arguments)), *_dtype_notes(task, function, case, expected))


def _notes(leaves, inputs):
    """Return sentences on results that share memory with an argument or are not contiguous."""
    notes = []
    for name, value in leaves.items():
        is_cached = name.startswith("cache") or "." in name  # a field of a cache, which may hold the arguments
        if not isinstance(value, np.ndarray) or is_cached or not value.size:
            continue
        arrays = {argument: x for argument, x in inputs.items() if isinstance(x, np.ndarray)}
        shared = next((argument for argument, x in arrays.items() if np.shares_memory(value, x)), None)
        if shared:
            argument = named.without_brackets(shared)
            notes.append(f"{name} shares its memory with {argument}: a change of one in place changes the other")
        if not value.flags.c_contiguous:
            notes.append(
                f"{name} is not contiguous in memory: compiled kernels and reshape copy such an array first, which "
                "takes time (np.ascontiguousarray does it once)"
            )
    return tuple(notes)


def _dtype_notes(task, function, case, expected):
    """Return a note if float32 arguments, as in training, give float64 arrays; it names all of them.

    Raises:
        Complaint: the function fails with float32 arguments.
    """
    if not task.single:
        return ()
    try:
        with np.errstate(all="ignore"):
            leaves = flat(task, task.drive(function, named.copy_arrays(case, named.to_single)), expected)
    except Exception as error:
        raise Complaint(f"it fails with float32 arrays: {type(error).__name__}: {error}") from error
    doubles = [
        name
        for name, right in expected.items()
        if isinstance(right, np.ndarray) and right.dtype == np.float64 and leaves[name].dtype != np.float32
    ]
    if not doubles:
        return ()
    return (
        f"float64 although the inputs are float32, as in training: {', '.join(doubles)}. It costs time and memory "
        "(np.zeros and np.eye make float64 unless you pass dtype=, and np.sqrt of a Python number is a float64: "
        "use math.sqrt)",
    )


def _check_refused(task, function):
    for case in task.refused:
        try:
            task.drive(function, named.copy_arrays(case))
        except (ValueError, IndexError):
            continue
        except Exception as error:
            raise Complaint(f"unusable arguments raise {type(error).__name__}, not ValueError") from error
        arguments = ", ".join(f"{name}={_text(value)}" for name, value in case.items())
        raise Complaint(f"{task.name}({arguments}) must raise an error: see its docstring")


def _text(value):
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if value.size < 8 else f"an array of shape {value.shape}"
    return repr(value)
