"""Search for an edit of the learner's own function after which its numbers are right.

An edit of the library's function that gives the learner's numbers (table.py) names a mistake in the library's words. An
edit of the learner's function that gives the library's numbers is a proof in the learner's words: with it, the function
is right. If there are two mistakes, an edit of the learner's function may give the numbers of an edit in the table.
"""

import ast
import contextlib
import copy
import heapq
import itertools
import os
import time
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import NamedTuple

import numpy as np

from exercises.judging import faults, judge, named, operators, trees
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
        table: the fault dictionary, to find also an edit after which one of its edits explains the rest; or None.
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
        if space.right(leaves, 0):
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
    nodes = list(ast.walk(trees.tree_of(function)))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    return any(isinstance(node, ast.While) for node in nodes) or not calls.isdisjoint(ENDLESS)


# The operators below insert what is missing; most operators of mistakes remove or replace something.


def _show(node):
    return f"`{ast.unparse(node)}`"


def _without_words(operator):
    """Return an operator of mistakes as one of repairs: its words are about the edit, not about what it mends."""

    def edits(node, scope):
        for edit, _ in operator(node, scope):
            yield edit, ""

    return edits


def transpose(node, scope):
    """Transpose a factor of a matrix product, remove its transpose, or exchange the factors."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        for side in ("left", "right"):
            operand, edit = getattr(node, side), ast.BinOp(node.left, node.op, node.right)
            if isinstance(operand, ast.Attribute) and operand.attr == "T":
                other, words = operand.value, f"{_show(operand.value)} is transposed where it should not be"
            else:
                other, words = ast.Attribute(operand, "T", ast.Load()), f"the transpose of {_show(operand)} is missing"
            setattr(edit, side, other)
            yield edit, words
        yield ast.BinOp(node.right, node.op, node.left), "the factors are the wrong way round"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"{_show(node.value)} is transposed where it should not be"


def flip_sign(node, scope):
    """Exchange plus and minus, or the operands of a difference or a quotient."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
        words = "the sign is flipped" if isinstance(node.op, ast.Sub) else "the quotient is upside down"
        yield ast.BinOp(node.right, node.op, node.left), words
    for edit, _ in operators.flip_sign(node, scope):
        yield edit, "a sign is flipped"


def negate(node, scope):
    """Flip the sign of the assigned value, unless it is a count."""
    targets = trees.targets_of(scope.statement)
    if any(isinstance(scope.values.get(name), int) for name in targets):
        return
    for edit, _ in operators.negate(node, scope):
        yield edit, "the sign is flipped"


def exchange_variables(node, scope):
    """Exchange two variables of the same shape in a value."""
    if not operators.is_value(node, scope):
        return
    names = sorted({part.id for part in ast.walk(node) if isinstance(part, ast.Name)})
    arrays = [name for name in names if isinstance(scope.values.get(name), np.ndarray)]
    for first, second in itertools.combinations(arrays, 2):
        if scope.values[first].shape == scope.values[second].shape:
            edit = _Exchange(first, second).visit(copy.deepcopy(node))
            yield edit, f"`{first}` and `{second}` are exchanged"


class _Exchange(ast.NodeTransformer):
    """A transformer that exchanges two names."""

    def __init__(self, first, second):
        self.other = {first: second, second: first}

    def visit_Name(self, node):
        return ast.Name(self.other.get(node.id, node.id), node.ctx)


def swap_elements(node, scope):
    """Swap elements as operators.swap_elements does, but not the names that a shape is unpacked into."""
    if not (isinstance(node, ast.Tuple) and ast.unparse(scope.statement).endswith(".shape")):
        for edit, words in operators.swap_elements(node, scope):
            yield edit, words.replace("are swapped", "are exchanged")


def replace_variable(node, scope):
    """Replace a variable by another of the same kind of number."""
    kind = _kind(scope.values.get(ast.unparse(node)))
    for edit, _ in operators.replace_variable(node, scope):
        if _kind(scope.values.get(ast.unparse(edit))) == kind:
            yield edit, ""


def _kind(value):
    return value.dtype.kind if isinstance(value, np.ndarray) else type(value)


def drop_factor(node, scope):
    """Drop a factor or a divisor."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.MatMult)):
        yield node.left, f"the factor {_show(node.right)} does not belong here"
        yield node.right, f"the factor {_show(node.left)} does not belong here"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.left, f"the division by {_show(node.right)} does not belong here"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left, f"the power {_show(node.right)} does not belong here"


def drop_term(node, scope):
    """Drop a term of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield node.left, f"the term {_show(node.right)} does not belong here"
        if isinstance(node.op, ast.Add):
            yield node.right, f"the term {_show(node.left)} does not belong here"


def accumulate(node, scope):
    """Replace `=` by `+=`, and `x[i] += y` by np.add.at."""
    words = "= where += belongs: it is overwritten instead of accumulated"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Subscript)):
        yield ast.AugAssign(node.targets[0], ast.Add(), node.value, lineno=node.lineno), words
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Subscript):
            if not any(isinstance(part, ast.Slice) for part in ast.walk(target.slice)):
                call = ast.Call(ast.parse("np.add.at", mode="eval").body, [target.value, target.slice, node.value], [])
                yield ast.Expr(call), "an index that occurs twice counts only once"


def reverse(node, scope):
    """Reverse the steps of a loop, or an array along its first axis."""
    words = f"{_show(node)} is in the wrong order" if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        yield ast.Call(ast.Name("reversed", ast.Load()), [node], []), words
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "reversed":
        yield node.args[0], words
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        value = scope.values.get(ast.unparse(node))
        if (isinstance(value, np.ndarray) and value.ndim) or isinstance(value, list):
            yield ast.parse(f"{ast.unparse(node)}[::-1]", mode="eval").body, words
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "::-1":
        yield node.value, words


def add_axis(node, scope):
    """Insert a new axis or keepdims=True."""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        text, value = ast.unparse(node), scope.values.get(ast.unparse(node))
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fb":
            for index in ("[:, None]", "[..., None]", "[None]")[value.ndim == 1 :]:
                yield ast.parse(text + index, mode="eval").body, f"{_show(node)} lacks a new axis"
    if _is_reduction(node) and not any(keyword.arg == "keepdims" for keyword in node.keywords):
        keyword = ast.keyword("keepdims", ast.Constant(True))
        yield ast.Call(node.func, node.args, [*node.keywords, keyword]), "keepdims is missing"


REDUCTIONS = ("sum", "mean", "max", "min")


def _is_reduction(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REDUCTIONS


def reduce(node, scope):
    """Change the axes or the kind of a reduction, also of np.sum and the like."""
    if not _is_reduction(node):
        return
    name, is_function = node.func.attr, ast.unparse(node.func.value) == "np"
    array = node.args[0] if is_function and node.args else node.func.value
    for other in REDUCTIONS[:2]:
        if other != name:
            edit = ast.Call(ast.Attribute(node.func.value, other, ast.Load()), node.args, node.keywords)
            yield edit, f"a {name} of {_show(array)} where its {other} belongs"
    others = [keyword for keyword in node.keywords if keyword.arg != "axis"]
    for axis in (0, 1, 2, -1, (0, 1), (0, 1, 2)):
        keyword = ast.keyword("axis", ast.parse(repr(axis), mode="eval").body)
        edit = ast.Call(node.func, node.args[: 1 if is_function else 0], [keyword, *others])
        yield edit, f"the {name} of {_show(array)} goes over the wrong axis: axis={axis} is right"


FUNCTIONS = {
    "np.empty": ("np.zeros", "np.empty holds arbitrary numbers"),
    "np.empty_like": ("np.zeros_like", "np.empty_like holds arbitrary numbers"),
    "np.ones": ("np.zeros", ""),
    "np.ones_like": ("np.zeros_like", ""),
    "np.tile": ("np.repeat", "np.tile lets the rows take turns; those of one image are side by side"),
    "np.repeat": ("np.tile", ""),
    "np.argmax": ("np.argmin", ""),
    "np.argmin": ("np.argmax", ""),
    "np.maximum": ("np.minimum", ""),
    "np.minimum": ("np.maximum", ""),
}


def change_function(node, scope):
    """Replace a function of NumPy by the one it is mistaken for, or np.full by np.zeros."""
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if name in FUNCTIONS:
        other, words = FUNCTIONS[name]
        yield ast.Call(ast.parse(other, mode="eval").body, node.args, node.keywords), words
    if name in ("np.full", "np.full_like") and len(node.args) > 1:
        other = ast.parse(name.replace("full", "zeros"), mode="eval").body
        yield ast.Call(other, [node.args[0], *node.args[2:]], node.keywords), "the array must start from zeros"


def sum_up(node, scope):
    """Sum the assigned value over an axis."""
    if operators.is_value(node, scope) and isinstance(node, (ast.Name, ast.BinOp, ast.Call)):
        for axis in (0, 1, -1):
            edit = ast.parse(f"({ast.unparse(node)}).sum(axis={axis})", mode="eval").body
            yield edit, f"a sum over axis {axis} is missing"


def insert_term(node, scope):
    """Add or subtract one of the variables."""
    for text, _ in _insertable(node, scope):
        for operation in (ast.Add(), ast.Sub()):
            edit = ast.BinOp(node, operation, ast.parse(text, mode="eval").body)
            yield edit, f"the term `{text}` is missing"


def insert_factor(node, scope):
    """Multiply by 2 or one of the variables, or divide by 2 or one that is a single number."""
    for text, value in [("2", 2), *_insertable(node, scope)] if operators.is_value(node, scope) else ():
        is_array = isinstance(value, np.ndarray) and value.ndim > 0
        for axis in ("", "[..., None]", "[:, None]") if is_array else ("",):
            edit = ast.BinOp(node, ast.Mult(), ast.parse(text + axis, mode="eval").body)
            yield edit, f"the factor `{text + axis}` is missing"
        if not is_array:
            edit = ast.BinOp(node, ast.Div(), ast.parse(text, mode="eval").body)
            yield edit, f"the division by `{text}` is missing"


def _insertable(node, scope):
    """Yield (expression, value) of the variables of floats, and of single numbers, that a value may lack."""
    if not operators.is_value(node, scope) or isinstance(node, ast.Tuple):
        return
    assigned = {*trees.targets_of(scope.statement), ast.unparse(node)}
    if isinstance(node, ast.UnaryOp):  # x - 2 x for -x is a matter of the sign
        assigned.add(ast.unparse(node.operand))
    for text in scope.others:
        value = scope.values[text]
        if text in assigned or isinstance(value, bool) or not isinstance(value, (np.ndarray, int, float)):
            continue
        if not isinstance(value, np.ndarray) or (value.dtype.kind in "fb" and value.size):
            yield text, value


REPAIRS = (
    transpose,
    accumulate,
    flip_sign,
    _without_words(operators.change_comparison),
    swap_elements,
    exchange_variables,
    reduce,
    reverse,
    change_function,
    drop_factor,
    drop_term,
    replace_variable,
    _without_words(operators.drop_derivative),
    add_axis,
    _without_words(operators.drop_new_axis),
    _without_words(operators.move_brackets),
    sum_up,
    insert_term,
    insert_factor,
    _without_words(operators.change_reduction),
    _without_words(operators.change_number),
    _without_words(operators.overwrite),
    _without_words(operators.drop_statement),
    negate,
)

# Operators that lose nothing of the learner's numbers. After another one, an edit of the table may lose the same.
OF_PAIRS = (transpose, accumulate, flip_sign, swap_elements, exchange_variables, reverse, add_axis, insert_term)
