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
import re
import time
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, trees
from exercises.judging.repair_operators import (
    ACCIDENTAL,
    INSERTIONS,
    OF_PAIRS,
    REPAIRS,
    insert_factor,
    insert_in_term,
    invert_quotient,
    negate,
    replace_variable,
    reverse,
    sum_up,
)
from exercises.judging.table import Entry, Table, in_place
from exercises.judging.watching import watching

SECONDS = 2.0  # of the processor, the limit of a search
SECONDS_IF_EXPLAINED = 0.4  # the same if the fault dictionary has a sentence already
SECONDS_FOR_OTHERS = 0.35  # the same for further Repairs, in other lines
SECONDS_FOR_PAIRS = 2.0  # the same for two edits at once, if nothing else explains the numbers
ENOUGH = 4  # lines with Repairs
MOST_OF_A_LINE = 3  # Repairs
LONGEST = 60  # characters of an expression in a sentence
MOST_ALIKE = 4  # edits at once that differ only in names


class Repair(NamedTuple):
    """An edit of the learner's function."""

    fault: faults.Fault
    values: dict  # {name: value} of the edited function's variables in the first case, after the edit
    entry: Entry | None = None  # the edit of the library's function that gives the numbers that remain, or None
    mended: frozenset = frozenset()  # names of wrong results that are right after the edit, if not all are

    @property
    def is_doubtful(self) -> bool:
        """Return True if the edit may give the right numbers by chance, or if its place is not the mistake's.

        A variable that is computed for one place alone may be the wrong one, not its use there. A division by the
        number of a loop's steps may mend what the loop does too often. The other order of an argument, or of a part of
        it, may only change which of several equal entries is the first.
        """
        operator, function = REPAIRS[self.fault.rank], self.fault.function
        if operator is insert_factor:
            return self.fault.new.rpartition(" ")[2] in _numbers_of_steps(function, self.fault.line)
        if operator is reverse and self.fault.new.endswith("[::-1]"):
            return self.fault.old in _iterated(function)
        if operator is replace_variable:
            names = [node for node in ast.walk(trees.tree_of(function)) if isinstance(node, ast.Name)]
            uses = [isinstance(node.ctx, ast.Load) for node in names if node.id == self.fault.old]
            return sum(uses) == 1 and not all(uses)
        return operator in ACCIDENTAL

    @property
    def weight(self) -> int:
        """Return 0 for an edit of what is written, 1 for an insertion or another result, 2 for the whole value."""
        operator = REPAIRS[self.fault.rank]
        return (
            2 if operator in (invert_quotient, negate) else int(operator in INSERTIONS or _renames_result(self.fault))
        )

    @property
    def is_of_a_term(self) -> bool:
        """Return True for a factor of one term of a sum."""
        return REPAIRS[self.fault.rank] is insert_in_term

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

    def __init__(self, task: judge.Task, function: Callable, first: int, seconds: float, contradicts: Callable):
        """Prepare the cases.

        Args:
            task: the judge.Task.
            function: the learner's function.
            first: the number of a case that is wrong.
            seconds: time limit.
            contradicts: see `search`.
        """
        self.contradicts = contradicts
        self.task, self.function = task, trees.plain_function(function)
        cases = judge.cases_of(task)
        self.order = sorted(range(len(cases)), key=lambda k: k != first)
        self.cases, expected = [cases[k] for k in self.order], judge.expected_of(task, cases)
        self.expected = [expected[k] for k in self.order]
        self.deadline = time.process_time() + seconds
        self.tried = []  # (draft, function) of the edits so far
        self.before = {}  # {name: leaf} of the results in the first case
        self.wrong, self.wrong_entries = self._mistakes()

    def _mistakes(self):
        """Return the names of the results that are wrong, and _wrong_entries of each case; [] if a case raises."""
        wrong, entries = set(), []
        for k, (case, expected) in enumerate(zip(self.cases, self.expected, strict=True)):
            try:
                with np.errstate(all="ignore"):
                    leaves = judge.flat(self.task, self.task.drive(self.function, named.copy_arrays(case)), expected)
                self.before = self.before or leaves
                entries.append(self._wrong_entries(leaves, k))
            except Exception:
                return set(), []
            wrong |= {name for name in expected if not self._same(leaves, expected, name)}
        return wrong, entries

    def _same(self, leaves, expected, name):
        return name not in expected or (
            name in leaves and named.same(leaves[name], expected[name], self.task.tolerance)
        )

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
            drafts.append(zip(faults.drafts(function, values, REPAIRS, is_right), itertools.repeat(function)))
        by_rank = heapq.merge(*drafts, key=lambda pair: pair[0].rank)
        for _, group in itertools.groupby(by_rank, key=lambda pair: pair[0].rank):
            for draft, function in sorted(group, key=lambda pair: _order(pair[0])):
                if time.process_time() > self.deadline:
                    return
                if _renames_result(draft):
                    last.append((draft, function))
                elif _is_short(draft) and (edit := draft.compiled(function)):
                    self.tried.append((draft, function))
                    yield edit
        for draft, function in last:
            if edit := draft.compiled(function):
                self.tried.append((draft, function))
                yield edit

    def alike(self) -> Iterator[faults.Fault]:
        """Yield edits of several places at once, such as of rows and columns: they differ only in variables' names."""
        groups = {}
        for draft, function in self.tried:
            key = function, draft.rank, _without_names(f"{draft.old} -> {draft.new}")
            groups.setdefault(key, []).append(draft)
            if draft.term and "`" not in draft.term:
                groups.setdefault((function, draft.rank, f"all: {draft.term}"), []).append(draft)
        for (function, *_), drafts in list(groups.items()):
            distinct = list({draft.slot.place: draft for draft in drafts}.values())
            if 2 <= len(distinct) <= MOST_ALIKE and time.process_time() < self.deadline:
                if edit := faults.compiled_together(distinct, function):
                    yield edit

    def proves(self, edit: faults.Fault, leaves: dict | None) -> bool:
        """Return True if all results are right after the edit, in all cases, and no argument is changed.

        Args:
            edit: the edit.
            leaves: {name: leaf} of its results in the first case, or None.
        """
        if not self.right(leaves, 0) or self.changes_arguments(edit):
            return False
        return all(self.right(self.leaves(edit, k), k) for k in range(1, len(self.cases)))

    def mended(self, edit: faults.Fault, leaves: dict) -> frozenset[str] | None:
        """Return the names of the wrong results that the edit makes right in all cases, maybe none.

        Args:
            edit: the edit.
            leaves: {name: leaf} of its results in the first case.
        Returns:
            The names, or None if the edit makes a right number wrong or no wrong one right.
        """
        if not self.wrong_entries or not self._improves(leaves, 0):
            return None
        others = [self.leaves(edit, k) for k in range(1, len(self.cases))]
        if not all(self._improves(other, k) for k, other in enumerate(others, 1)):
            return None
        every = list(enumerate([leaves, *others]))
        return frozenset(n for n in self.wrong if all(self._same(leaves, self.expected[k], n) for k, leaves in every))

    def _improves(self, leaves, k):
        """Return True if wrong numbers of a case become right and no right one becomes wrong."""
        if leaves is None:
            return False
        before, after = self.wrong_entries[k], self._wrong_entries(leaves, k)
        subset = all(np.shape(after[n]) == np.shape(before[n]) and not (after[n] & ~before[n]).any() for n in after)
        wrong_before, wrong_after = (sum(map(np.sum, parts.values())) for parts in (before, after))
        return subset and (wrong_after < wrong_before or not wrong_before)

    def _wrong_entries(self, leaves, k):
        """Return {name: bool array, True at the wrong entries} of the results of a case."""
        wrong = {}
        for name, right in self.expected[k].items():
            value = leaves[name]
            if not named.is_number(right) or np.shape(value) != np.shape(right):
                wrong[name] = np.array(not self._same(leaves, self.expected[k], name))
                continue
            a, b = np.asarray(value, float), np.asarray(right, float)
            scale = np.abs(b[np.isfinite(b)]).max(initial=0) if b.ndim else abs(float(b))
            with np.errstate(invalid="ignore"):
                near = np.abs(a - b) <= self.task.tolerance * (scale if scale > 1e-6 else 1.0)
            wrong[name] = ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))
        return wrong

    def changes(self, leaves: dict) -> bool:
        """Return True if results of the first case differ from those before the edit."""
        return not all(name in leaves and self._same(leaves, self.before, name) for name in self.before)

    def pair(self, first: tuple, second: tuple) -> tuple["Repair", ...]:
        """Return the Repairs of two edits, as (draft, function), if all numbers are right with both; else ()."""
        (draft, function), (other, owner) = first, second
        if function is not owner or draft is other:
            return ()
        edit = faults.compiled_together((draft, other), function)
        if edit is None or not all(self.right(self.leaves(edit, k), k) for k in range(len(self.cases))):
            return ()
        repair = self.repair(edit)
        second_fault = other.fault(function, edit.code)
        return repair, repair._replace(fault=second_fault)

    def of_variables(self, right: Callable) -> list[tuple]:
        """Return the edits, as (draft, function), after which the assigned variable is right; one for each variable."""
        firsts = {}
        for draft, function in self.tried:
            target = draft.target
            if target in firsts or target.startswith("return ") or function is not self.function:
                continue
            if time.process_time() > self.deadline - SECONDS_FOR_PAIRS / 2:
                break
            edit = draft.compiled(function)
            if edit and right(target, self.repair(edit).values.get(target)):
                firsts[target] = (draft, function)
        return list(firsts.values())

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


class Repairs(NamedTuple):
    """The result of a search."""

    proofs: list  # Repairs after which all numbers are right, the likeliest first; at most ENOUGH
    pair: tuple = ()  # of two Repairs after which all numbers are right together; or of one, the other is its `entry`
    parts: list = ()  # Repairs after which some of the wrong arrays are right, and none else is wrong


def search(
    task: judge.Task,
    function: Callable,
    first: int,
    right: Callable,
    table: Table | None,
    contradicts: Callable,
    is_clear: bool,
) -> Repairs:
    """Search for Repairs of a wrong function.

    Args:
        task: the judge.Task.
        function: the learner's function.
        first: the number of a case that is wrong.
        right: function of a variable's name and value that returns True if the library has one with this value.
        table: the fault dictionary, to find also the first of two mistakes, whose second is in it; or None.
        contradicts: function of {name: value} of the learner's variables that returns the number of those that differ
            from the library's variable of the same name.
        is_clear: True if the fault dictionary has a single explanation, which leaves less to search for.
    """
    with open(os.devnull, "w", encoding="utf-8") as nothing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a print or a warning would be repeated by every edit
        with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            space = Search(task, function, first, SECONDS_IF_EXPLAINED if is_clear else SECONDS, contradicts)
            return _search(space, right, table)


def _search(space, right, table):
    proofs, parts, with_entry = [], [], None
    for edit in space.edits(right):
        leaves = space.leaves(edit, 0)
        if space.proves(edit, leaves):
            same_line = [proof.fault.rank for proof in proofs if proof.fault.line == edit.line]
            if len(same_line) < MOST_OF_A_LINE and edit.rank not in same_line:
                proofs.append(space.repair(edit))
            space.deadline = min(space.deadline, time.process_time() + SECONDS_FOR_OTHERS)
            if len({proof.fault.line for proof in proofs}) == ENOUGH:
                break
        elif table and not proofs and leaves is not None:
            names = space.mended(edit, leaves)
            if names is not None:
                parts.append((*space.tried[-1], names))
            elif with_entry is None and REPAIRS[edit.rank] in OF_PAIRS and space.changes(leaves):
                entry = _entry_of_rest(space, edit, leaves, table)
                with_entry = entry and (edit, entry)
    if not proofs:
        proofs = [space.repair(edit) for edit in space.alike() if space.proves(edit, space.leaves(edit, 0))][:1]
    if proofs or not table:
        return Repairs(proofs)
    pair = _pair(space, parts, right)
    if not pair and with_entry:
        pair = (space.repair(*with_entry),)
    repairs = [space.repair(draft.compiled(owner))._replace(mended=names) for draft, owner, names in parts if names]
    return Repairs([], pair, repairs)


def _pair(space, parts, right):
    """Return two Repairs after which all numbers are right together, or ().

    The first edit makes some numbers right, or a variable of the library, or it changes what is written.
    """
    space.deadline = time.process_time() + SECONDS_FOR_PAIRS
    parts = [part[:2] for part in sorted(parts, key=lambda part: -len(part[2]))]
    written = [trial for trial in space.tried if REPAIRS[trial[0].rank] not in INSERTIONS]
    best = ()
    for pairs in (
        itertools.combinations(parts, 2),
        itertools.product([*parts[:ENOUGH], *space.of_variables(right)], space.tried),
        itertools.combinations(written, 2),
    ):
        for first, second in pairs:
            if time.process_time() > space.deadline:
                return best
            if pair := space.pair(first, second):
                if not space.contradicts(pair[0].values):
                    return pair
                best = best or pair
    return best


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


def _numbers_of_steps(function, line):
    """Return the names of the numbers of steps of the for loops over ranges around a line."""
    loops = [node for node in ast.walk(trees.tree_of(function)) if isinstance(node, ast.For)]
    loops = [loop for loop in loops if loop.lineno <= line <= loop.end_lineno and isinstance(loop.iter, ast.Call)]
    return {ast.unparse(loop.iter.args[-1]) for loop in loops if ast.unparse(loop.iter.func) == "range"}


def _iterated(function):
    """Return the names of a function's arguments and of the variables of its loops and comprehensions."""
    tree = trees.tree_of(function)
    loops = [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.comprehension))]
    targets = {part.id for loop in loops for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    return targets | {argument.arg for argument in tree.args.args}


def _without_names(text):
    """Return a text with v0, v1, ... in place of the names of its variables."""
    names = {}
    return re.sub(
        r"(?<![\w.])(?!np\.)[A-Za-z_][\w.]*", lambda match: names.setdefault(match[0], f"v{len(names)}"), text
    )


def _order(draft):
    """Return a key that sorts edits of one kind: returned results last, and short texts first."""
    return draft.target.startswith("return "), len(draft.old)


def _renames_result(draft):
    """Return True if another variable is returned: it may be equal by chance."""
    return draft.target.startswith("return ") and draft.old.isidentifier() and draft.new.isidentifier()


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
