"""Search for an edit of the learner's own function after which its numbers are right.

An edit of the library's function that gives the learner's numbers (table.py) names a mistake in the library's words. An
edit of the learner's function that gives the library's numbers is a proof in the learner's words: with it, the function
is right. If there are two mistakes, an edit of the learner's function may give the numbers of an edit in the table.
"""

import ast
import contextlib
import heapq
import itertools
import os
import time
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, trees
from exercises.judging.repair_operators import OF_PAIRS, REPAIRS, invert_quotient, replace_variable, sum_up
from exercises.judging.table import Entry, Table, in_place
from exercises.judging.watching import watching

SECONDS = 1.5  # of the processor, the limit of a search
SECONDS_IF_EXPLAINED = 0.4  # the same if the fault dictionary has a sentence already
SECONDS_FOR_OTHERS = 0.15  # the same for further Repairs
ENOUGH = 4  # Repairs
LONGEST = 60  # characters of an expression in a sentence


class Repair(NamedTuple):
    """An edit of the learner's function."""

    fault: faults.Fault
    values: dict  # {name: value} of the edited function's variables in the first case, after the edit
    entry: Entry | None = None  # the edit of the library's function that gives the numbers that remain, or None

    @property
    def is_doubtful(self) -> bool:
        """Return True for a quotient upside down, which may restore an order by chance."""
        return REPAIRS[self.fault.rank] is invert_quotient

    @property
    def is_sum(self) -> bool:
        """Return True for a sum over an axis, which may be of length 1."""
        return REPAIRS[self.fault.rank] is sum_up

    @property
    def place(self) -> str:
        """Return what to change in which line."""
        old, new, line = self.fault.old, self.fault.new, self.fault.line
        if max(len(old), len(new)) > LONGEST or "\n" in old + new:
            return f"line {line}"
        if new == "pass":
            return f"line {line}: without `{old}`, the numbers are right"
        return f"line {line}: `{old}` where `{new}` belongs"

    @property
    def sentence(self) -> str:
        """Return the mistake in words and its place."""
        return f"{self.fault.term} ({self.place})" if self.fault.term else self.place


class Search:
    """The learner's function, the cases, and the edits to try."""

    def __init__(self, task: judge.Task, function: Callable, first: int, seconds: float):
        """Prepare the cases.

        Args:
            task: the judge.Task.
            function: the learner's function.
            first: the number of a case that is wrong.
            seconds: time limit.
        """
        self.task, self.function = task, trees.plain_function(function)
        cases = judge.cases_of(task)
        self.order = sorted(range(len(cases)), key=lambda k: k != first)
        self.cases, expected = [cases[k] for k in self.order], judge.expected_of(task, cases)
        self.expected = [expected[k] for k in self.order]
        self.deadline = time.process_time() + seconds

    def variables(self) -> dict[FunctionType, dict]:
        """Return {function: its local variables} of all functions of the learner's file that run, the task's first."""
        own = self.function.__code__
        with watching(lambda frame: frame.f_code.co_filename == own.co_filename) as recording:
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                self.task.drive(self.function, named.copy_arrays(self.cases[0]))
        functions = {self.function: recording.locals.get(own, {})}
        for code, values in recording.locals.items():
            helper = trees.plain_function(self.function.__globals__.get(code.co_name))
            if getattr(helper, "__code__", None) is code and helper is not self.function:
                functions[helper] = values
        return functions

    def edits(self, right: Callable) -> Iterator[faults.Fault]:
        """Yield the edits of the learner's functions, the likeliest first, until the time is over.

        Args:
            right: function of a variable's name and value that returns True if the library has one with this value. A
                statement that assigns it is right.
        """
        functions = self.variables()
        if any(_may_run_for_ever(function) for function in functions):
            return
        drafts, last = [], []
        for function, values in functions.items():
            is_right = {name for name, value in values.items() if right(name, value)}
            drafts.append((draft, function) for draft in faults.drafts(function, values, REPAIRS, is_right))
        by_rank = heapq.merge(*drafts, key=lambda pair: pair[0].rank)
        for _, group in itertools.groupby(by_rank, key=lambda pair: pair[0].rank):
            for draft, function in sorted(group, key=lambda pair: _order(pair[0])):
                if time.process_time() > self.deadline:
                    return
                if _renames_result(draft):
                    last.append((draft, function))
                elif _is_short(draft) and (edit := draft.compiled(function)):
                    yield edit
        yield from (edit for draft, function in last if (edit := draft.compiled(function)))

    def leaves(self, edit: faults.Fault, k: int) -> dict | None:
        """Return {name: leaf} of the edited function's results on case k, or None if it raises."""
        with contextlib.suppress(Exception, SystemExit), in_place(edit.function, edit), np.errstate(all="ignore"):
            result = self.task.drive(self.function, named.copy_arrays(self.cases[k]))
            leaves = judge.flat(self.task, result, self.expected[k])
            return leaves if leaves.keys() == self.expected[k].keys() else None
        return None

    def right(self, leaves: dict | None, k: int) -> bool:
        """Return True if all results of case k are right."""
        return leaves is not None and all(
            named.same(leaves[name], right, self.task.tolerance) for name, right in self.expected[k].items()
        )

    def changes_arguments(self, edit: faults.Fault) -> bool:
        """Return True if the edited function changes an array of the first case that must not change."""
        arguments = named.copy_arrays(self.cases[0])
        with contextlib.suppress(Exception, SystemExit), in_place(edit.function, edit), np.errstate(all="ignore"):
            self.task.drive(self.function, arguments)
        return bool(judge.changed_argument(self.task, self.cases[0], arguments))

    def repair(self, edit: faults.Fault, entry: Entry | None = None) -> Repair:
        """Return the Repair of an edit, with the variables of the edited function."""
        code = edit.code
        with in_place(edit.function, edit), watching(lambda frame: frame.f_code is code) as recording:
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                self.task.drive(self.function, named.copy_arrays(self.cases[0]))
        return Repair(edit, recording.locals.get(code, {}), entry)


def search(
    task: judge.Task, function: Callable, first: int, right: Callable, table: Table | None
) -> tuple[list[Repair], Repair | None]:
    """Search for Repairs of a wrong function.

    Args:
        task: the judge.Task.
        function: the learner's function.
        first: the number of a case that is wrong.
        right: function of a variable's name and value that returns True if the library has one with this value.
        table: the fault dictionary, to find also the first of two mistakes, whose second is in it; or None.
    Returns:
        proofs: the Repairs after which all numbers are right, the likeliest first; at most ENOUGH.
        pair: a Repair after which an edit of the table gives the numbers, or None.
    """
    with open(os.devnull, "w", encoding="utf-8") as nothing:  # a print would be repeated by every edit
        with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            return _search(Search(task, function, first, SECONDS if table else SECONDS_IF_EXPLAINED), right, table)


def _search(space, right, table):
    proofs, pair = [], None
    for edit in space.edits(right):
        leaves = space.leaves(edit, 0)
        if space.right(leaves, 0) and not space.changes_arguments(edit):
            if all(space.right(space.leaves(edit, k), k) for k in range(1, len(space.cases))):
                proofs.append(space.repair(edit))
                space.deadline = min(space.deadline, time.process_time() + SECONDS_FOR_OTHERS)
                if len(proofs) == ENOUGH:
                    break
        elif table and pair is None and leaves is not None and REPAIRS[edit.rank] in OF_PAIRS:
            entry = _entry_of_rest(space, edit, leaves, table)
            pair = entry and (edit, entry)
    return proofs, space.repair(*pair) if pair and not proofs else None


def _entry_of_rest(space, edit, leaves, table):
    """Return the likeliest edit of the table that gives the numbers of the edited function in all cases, or None."""
    if not _tells(leaves, space.expected[0]):
        return None
    fits = table.fitting(space.order[0], leaves).all(axis=1)
    for k in range(1, len(space.cases)):
        if not fits.any():
            return None
        leaves = space.leaves(edit, k)
        if leaves is None or not _tells(leaves, space.expected[k]):
            return None
        fits &= table.fitting(space.order[k], leaves).all(axis=1)
    places = np.flatnonzero(fits)
    return table.entries[places[0]] if places.size else None


def _tells(leaves, expected):
    """Return True if no array is zero or NaN where the right one is not: such an array fits many mistakes."""
    for name, right in expected.items():
        if named.is_number(right) and np.size(right) and np.any(right):
            value = np.asarray(leaves[name], float)
            if not value.any() or np.isfinite(value).all() != np.isfinite(np.asarray(right, float)).all():
                return False
    return True


def _order(draft):
    """Return a key that sorts edits of one kind: returned results last, and short texts first."""
    return draft.target.startswith("return "), len(draft.old)


def _renames_result(draft):
    """Return True if another variable is returned: it may be equal by chance."""
    return draft.target.startswith("return ") and REPAIRS[draft.rank] is replace_variable


def _is_short(draft):
    """Return True if a sentence can quote the edit, or has words for it."""
    is_quotable = max(len(draft.old), len(draft.new)) <= LONGEST and "\n" not in draft.old + draft.new
    return bool(draft.term) or is_quotable


ENDLESS = {"count", "cycle", "itertools.count", "itertools.cycle", "iter"}  # iterators


def _may_run_for_ever(function):
    """Return True if an edit of a function might never return."""
    nodes = list(ast.walk(trees.tree_of(function)))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    return any(isinstance(node, ast.While) for node in nodes) or not calls.isdisjoint(ENDLESS)
