"""A wrong function beside the library's: its variables, the data flow between them, and the place of a mistake."""

import ast
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from exercises.judging import named, trees
from exercises.judging.flow import Flow
from exercises.judging.table import Entry, look_into

ROUNDING = 1e-5  # rounding error of float32, relative to the array's size


class Finding(NamedTuple):
    """The place of one mistake."""

    array: str  # the variable of the first wrong equation, by the library's name
    equation: str  # the equation in plain text
    term: str  # what is wrong with the equation, or "" if unknown
    function: str  # the library's function that contains the equation
    certainty: str  # of `term`: "certain", "likely", or "unknown" if there is none
    runner_up: str | None = None  # another term that may be the wrong one


class Diagnosis:
    """A wrong function, a run of the library's function with its variables, and the data flow between these."""

    def __init__(self, task, judged, tasks, table):
        self.task, self.judged, self.table = task, judged, table
        self.tasks = {exercise_task.name: exercise_task for exercise_task in tasks}
        self.run = look_into(task, judged.cases[0])
        self.function = self.run.function
        self.flow = Flow(self.function, task.outputs)
        self.wrong = self._wrong()

    @property
    def wrong_cases(self) -> int:
        """Return the number of cases in which a result is wrong. In a single case, count the wrong results."""
        if len(self.judged.yours) == 1:
            return len(self.wrong)
        pairs = zip(self.judged.yours, self.judged.expected, strict=True)
        return sum(
            any(not named.same(yours[name], right, self.task.tolerance) for name, right in expected.items())
            for yours, expected in pairs
        )

    def cases_with_wrong(self, name: str) -> int:
        """Return the number of cases in which the result `name` is wrong."""
        pairs = zip(self.judged.yours, self.judged.expected, strict=True)
        return sum(
            name in right and not named.same(yours[name], right[name], self.task.tolerance) for yours, right in pairs
        )

    def is_right_result(self, name: str) -> bool:
        """Return True for a result that is right in the first case, although another one is wrong there."""
        return bool(self.wrong) and name in self.task.outputs and name not in {w.split(".")[0] for w in self.wrong}

    def _wrong(self):
        """Return the names of the leaves that differ in the first case.

        Members of the cache count only if everything else is right. An array that is float32 by mistake may differ by
        its rounding error; no equation is wrong then.
        """
        yours, expected, names = self.judged.yours, self.judged.expected, []
        for name, right in expected[0].items() if yours else ():
            value = yours[0].get(name)
            rounding = ROUNDING if getattr(value, "dtype", None) == np.float32 else 0
            if not named.same(value, right, max(self.task.tolerance, rounding)):
                names.append(name)
        outside_cache = [name for name in names if not name.startswith("cache")]
        return outside_cache or names

    def finding(self, function: Callable, target: str, term: str, exact: bool) -> Finding:
        """Return the Finding for a variable of a library function.

        If the exercise is not about that function, the Finding names the variable that its caller computes with it.

        Args:
            function: the library's function, plain Python.
            target: the variable, or a target as in faults.Fault.
            term: what is wrong, or "".
            exact: True if an edit gives exactly the learner's numbers.
        """
        while function.__name__ not in self.tasks:
            caller, statement = self._caller(function)
            if caller is None:
                return Finding(target, "", term, function.__name__, _certainty(term, exact))
            function, target = caller, ", ".join(trees.targets_of(statement)) or "return 0"
        owner = self.tasks[function.__name__]
        flow = Flow(function, owner.outputs)
        targets = flow.named(target)
        if owner is self.task:
            targets = [name for name in targets if flow.reaches(name) & set(self.wrong)] or targets
        array = next((name for name in targets if name in owner.equations), None)
        array = array or next((name for name in flow.downstream(targets[0]) if name in owner.equations), None)
        if array == "grads" and owner is self.task and len(self.wrong) == 1 and self.wrong[0] in owner.equations:
            array = self.wrong[0]
        if array is None:
            array = self.wrong[0].split(".")[0] if owner is self.task and self.wrong else targets[0]
        return Finding(array, owner.equations.get(array, ""), term, function.__name__, _certainty(term, exact))

    def finding_of(self, entry: Entry, exact: bool) -> Finding:
        """Return the Finding for an edit of the table."""
        return self.finding(self.run.functions[entry.function][0], entry.target, entry.term, exact)

    def _caller(self, function):
        """Return another recorded function that calls this one, and the statement with the call."""
        for caller, _ in self.run.functions.values():
            for statement, *_ in trees.statements(trees.tree_of(caller)):
                if caller is not function and not hasattr(statement, "body") and _calls(statement, function.__name__):
                    return caller, statement
        return None, None


def less_certain(certainty):
    """Return the certainty of a finding that leaves a wrong array unexplained."""
    return "likely" if certainty == "certain" else certainty


def _certainty(term, exact):
    if not term:
        return "unknown"
    return "certain" if exact else "likely"


def _calls(statement, name):
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func).split(".")[-1] == name for call in calls)


def contradictions(diagnosis, values):
    """Return how many of the learner's variables differ from the library's variable of the same name and shape."""
    names = [name for name in diagnosis.flow.order if isinstance(diagnosis.run.variables.get(name), np.ndarray)]
    pairs = [(values[name], diagnosis.run.variables[name]) for name in names if name in values]
    pairs = [(mine, right) for mine, right in pairs if isinstance(mine, np.ndarray) and mine.shape == right.shape]
    return sum(not named.same(mine, right, diagnosis.task.tolerance) for mine, right in pairs)


def is_right(diagnosis, name, value):
    """Return True if a value is that of the library's variable of this name, or of any if it has no such variable."""
    variables = diagnosis.run.variables
    names = [name] if name in diagnosis.flow.order else diagnosis.flow.order
    return any(_is_variable(diagnosis, value, variables.get(other)) for other in names)


def _is_variable(diagnosis, value, right):
    """Return True for arrays that are equal, or equal after a reshape that is more than a new axis."""
    if equal_arrays(diagnosis, value, right):
        return True
    arrays = isinstance(value, np.ndarray) and isinstance(right, np.ndarray) and value.size > 1
    return arrays and np.squeeze(value).ndim != np.squeeze(right).ndim and differ_by_reshape(diagnosis, value, right)


def equal_arrays(diagnosis, a, b):
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.size > 1
    return arrays and named.same(a, b, diagnosis.task.tolerance)


def differ_by_reshape(diagnosis, a, b):
    """Return True if two arrays hold the same numbers in the same order, but not in the same shape."""
    return a.shape != b.shape and a.size == b.size and named.same(a.ravel(), b.ravel(), diagnosis.task.tolerance)


def is_among(diagnosis, name, yours):
    """Return True if one of the learner's variables, under any name, equals this variable of the library's function."""
    right = diagnosis.run.variables.get(name)
    return isinstance(right, np.ndarray) and any(
        isinstance(value, np.ndarray) and named.same(value, right, diagnosis.task.tolerance) for value in yours.values()
    )
