"""Search for an edit of the learner's own function after which its numbers are right.

An edit of the library's function that gives the learner's numbers (table.py) names a mistake in the library's words. An
edit of the learner's function that gives the library's numbers is a proof in the learner's words: with it, the function
is right. If there are two mistakes, an edit of the learner's function may give the numbers of an edit in the table.
"""

import ast
import contextlib
import time
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, operators, trees
from exercises.judging.table import Entry, Table, in_place
from exercises.judging.watching import watching

SECONDS = 2.5  # time limit of a search
LONGEST = 60  # characters of an expression in a sentence


class Repair(NamedTuple):
    """An edit of the learner's function."""

    fault: faults.Fault
    values: dict  # {name: value} of the edited function's variables in the first case, after the edit
    entry: Entry | None = None  # the edit of the library's function that gives the numbers that remain, or None

    @property
    def sentence(self) -> str:
        """Return what to change in which line."""
        old, new, line = self.fault.old, self.fault.new, self.fault.line
        if REPAIRS[self.fault.rank] is accumulate:
            return f"line {line}: `{old}` overwrites what is already there; add to it: `{new}`"
        if new == "pass":
            return f"line {line}: without `{old}`, the numbers are right"
        return f"line {line}: `{old}` where `{new}` belongs"


class Search:
    """The learner's function, the cases, and the edits to try."""

    def __init__(self, task: judge.Task, function: Callable, first: int):
        """Prepare the cases.

        Args:
            task: the judge.Task.
            function: the learner's function.
            first: the number of a case that is wrong.
        """
        self.task, self.function = task, trees.plain_function(function)
        cases = judge.cases_of(task)
        self.order = sorted(range(len(cases)), key=lambda k: k != first)
        self.cases, expected = [cases[k] for k in self.order], judge.expected_of(task, cases)
        self.expected = [expected[k] for k in self.order]
        self.deadline = time.monotonic() + SECONDS

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
            right: function of a value that returns True if the library has a variable with this value. A statement that
                assigns one is right.
        """
        functions = self.variables()
        if any(_may_run_for_ever(function) for function in functions):
            return
        drafts = []
        for function, values in functions.items():
            is_right = {name for name, value in values.items() if right(value)}
            for draft in faults.sorted_drafts(function, values, REPAIRS):
                if _is_short(draft) and not set(draft.target.split(", ")) <= is_right:
                    drafts.append((draft, function))
        for draft, function in sorted(drafts, key=lambda pair: (pair[0].rank, len(pair[0].old))):
            if time.monotonic() > self.deadline:
                return
            edit = draft.compiled(function)
            if edit:
                yield edit

    def leaves(self, edit: faults.Fault, k: int) -> dict | None:
        """Return {name: leaf} of the edited function's results on case k, or None if it raises."""
        with contextlib.suppress(Exception), in_place(edit.function, edit), np.errstate(all="ignore"):
            result = self.task.drive(self.function, named.copy_arrays(self.cases[k]))
            leaves = judge.flat(self.task, result, self.expected[k])
            return leaves if leaves.keys() == self.expected[k].keys() else None
        return None

    def right(self, leaves: dict | None, k: int) -> bool:
        """Return True if all results of case k are right."""
        return leaves is not None and all(
            named.same(leaves[name], right, self.task.tolerance) for name, right in self.expected[k].items()
        )

    def repair(self, edit: faults.Fault, entry: Entry | None = None) -> Repair:
        """Return the Repair of an edit, with the variables of the edited function."""
        code = edit.code
        with in_place(edit.function, edit), watching(lambda frame: frame.f_code is code) as recording:
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                self.task.drive(self.function, named.copy_arrays(self.cases[0]))
        return Repair(edit, recording.locals.get(code, {}), entry)


def search(task: judge.Task, function: Callable, first: int, right: Callable, table: Table | None) -> Repair | None:
    """Search for a Repair of a wrong function.

    Args:
        task: the judge.Task.
        function: the learner's function.
        first: the number of a case that is wrong.
        right: function of a value that returns True if the library has a variable with this value.
        table: the fault dictionary, to return also an edit after which one of its edits explains the rest; or None.
    Returns:
        The likeliest Repair after which all numbers are right, else one of a pair, else None.
    """
    space = Search(task, function, first)
    pair = None
    for edit in space.edits(right):
        leaves = space.leaves(edit, 0)
        if space.right(leaves, 0):
            if all(space.right(space.leaves(edit, k), k) for k in range(1, len(space.cases))):
                return space.repair(edit)
        elif table and pair is None and leaves is not None and REPAIRS[edit.rank] in OF_PAIRS:
            entry = _entry_of_rest(space, edit, leaves, table)
            pair = entry and (edit, entry)
    return space.repair(*pair) if pair else None


def _entry_of_rest(space, edit, leaves, table):
    """Return the likeliest edit of the table that gives the numbers of the edited function in all cases, or None."""
    fits = table.fitting(space.order[0], leaves).all(axis=1)
    for k in range(1, len(space.cases)):
        if not fits.any():
            return None
        leaves = space.leaves(edit, k)
        if leaves is None:
            return None
        fits &= table.fitting(space.order[k], leaves).all(axis=1)
    places = np.flatnonzero(fits)
    return table.entries[places[0]] if places.size else None


def _is_short(draft):
    """Return True if a sentence can quote the edit."""
    return max(len(draft.old), len(draft.new)) <= LONGEST and "\n" not in draft.old + draft.new


def _may_run_for_ever(function):
    return any(isinstance(node, ast.While) for node in ast.walk(trees.tree_of(function)))


# The operators below insert what is missing; most operators of mistakes remove or replace something.


def transpose(node, scope):
    """Transpose a factor of a matrix product, or remove its transpose."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        for side in ("left", "right"):
            operand, edit = getattr(node, side), ast.BinOp(node.left, node.op, node.right)
            is_transposed = isinstance(operand, ast.Attribute) and operand.attr == "T"
            setattr(edit, side, operand.value if is_transposed else ast.Attribute(operand, "T", ast.Load()))
            yield edit, ""
        yield ast.BinOp(node.right, node.op, node.left), ""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, ""


def accumulate(node, scope):
    """Replace `=` by `+=`, and `x[i] += y` by np.add.at."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Subscript)):
        yield ast.AugAssign(node.targets[0], ast.Add(), node.value, lineno=node.lineno), ""
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Subscript):
            if not any(isinstance(part, ast.Slice) for part in ast.walk(target.slice)):
                call = ast.Call(ast.parse("np.add.at", mode="eval").body, [target.value, target.slice, node.value], [])
                yield ast.Expr(call), ""


def reverse(node, scope):
    """Reverse the steps of a loop, or an array along its first axis."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        yield ast.Call(ast.Name("reversed", ast.Load()), [node], []), ""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "reversed":
        yield node.args[0], ""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        value = scope.values.get(ast.unparse(node))
        if (isinstance(value, np.ndarray) and value.ndim) or isinstance(value, list):
            yield ast.parse(f"{ast.unparse(node)}[::-1]", mode="eval").body, ""
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "::-1":
        yield node.value, ""


def add_axis(node, scope):
    """Insert a new axis or keepdims=True."""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        text, value = ast.unparse(node), scope.values.get(ast.unparse(node))
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fb":
            for index in ("[:, None]", "[..., None]", "[None]")[value.ndim == 1 :]:
                yield ast.parse(text + index, mode="eval").body, ""
    if _is_reduction(node) and not any(keyword.arg == "keepdims" for keyword in node.keywords):
        keyword = ast.keyword("keepdims", ast.Constant(True))
        yield ast.Call(node.func, node.args, [*node.keywords, keyword]), ""


REDUCTIONS = ("sum", "mean", "max", "min")


def _is_reduction(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REDUCTIONS


def reduce(node, scope):
    """Change the axes or the kind of a reduction, also of np.sum and the like."""
    if not _is_reduction(node):
        return
    for name in REDUCTIONS[:3]:
        if name != node.func.attr:
            yield ast.Call(ast.Attribute(node.func.value, name, ast.Load()), node.args, node.keywords), ""
    for axis in (0, 1, 2, -1, (0, 1), (0, 1, 2)):
        keywords = [keyword for keyword in node.keywords if keyword.arg != "axis"]
        is_function = isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
        arguments = node.args[: 1 if is_function else 0]
        axis_node = ast.parse(repr(axis), mode="eval").body
        yield ast.Call(node.func, arguments, [ast.keyword("axis", axis_node), *keywords]), ""


def sum_up(node, scope):
    """Sum the assigned value over an axis."""
    if operators.is_value(node, scope) and isinstance(node, (ast.Name, ast.BinOp, ast.Call)):
        for axis in (0, 1, -1):
            yield ast.parse(f"({ast.unparse(node)}).sum(axis={axis})", mode="eval").body, ""


def insert(node, scope):
    """Insert a term, a factor or a divisor that is one of the variables."""
    if not operators.is_value(node, scope) or isinstance(node, ast.Tuple):
        return
    assigned = set(trees.targets_of(scope.statement))
    for text in scope.others:
        value = scope.values[text]
        if text in assigned or isinstance(value, bool) or not isinstance(value, (np.ndarray, int, float)):
            continue
        if isinstance(value, np.ndarray) and (value.dtype.kind not in "fb" or not value.size):
            continue
        axes = ["", "[..., None]", "[:, None]"] if isinstance(value, np.ndarray) and value.ndim else [""]
        for operation in (ast.Mult(), ast.Add(), ast.Sub(), ast.Div()):
            for axis in axes if isinstance(operation, ast.Mult) else axes[:1]:
                other = ast.parse(text + axis, mode="eval").body
                yield ast.BinOp(node, operation, other), ""


REPAIRS = (
    transpose,
    accumulate,
    operators.flip_sign,
    operators.change_comparison,
    operators.swap_elements,
    reduce,
    reverse,
    operators.replace_variable,
    operators.drop_factor,
    operators.drop_term,
    operators.drop_derivative,
    operators.change_reduction,
    add_axis,
    operators.drop_new_axis,
    operators.move_brackets,
    operators.change_number,
    operators.overwrite,
    operators.drop_statement,
    operators.double_factor,
    operators.negate,
    sum_up,
    insert,
)

# Operators that lose nothing of the learner's numbers. After another one, an edit of the table may lose the same.
OF_PAIRS = (transpose, accumulate, operators.flip_sign, operators.change_comparison, operators.swap_elements, reverse)
OF_PAIRS += (add_axis, operators.move_brackets, insert)
