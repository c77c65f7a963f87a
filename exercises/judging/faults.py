"""The fault dictionary: small edits of a function's syntax tree, each a mistake that people make.

Examples are a missing transpose, a sum over the wrong axis, and `=` instead of `+=`. If an edit of the library's
function gives a learner's numbers, it names the learner's mistake (blame.py). If no test notices an edit, the tests
have a gap (tests/exercises/test_mutations.py). operators.py makes the edits.
"""

import ast
import inspect
import itertools
import textwrap
import types
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from exercises.judging.operators import OPERATORS, Scope
from exercises.judging.trees import parse, statements, targets_of, tree_of


class Mistake(NamedTuple):
    """A mistake that no operator makes: text of a function, and its replacement."""

    right: str
    wrong: str
    term: str  # the mistake in words
    array: str = ""  # the variable whose equation is wrong, if it is not that of the first statement that differs


class Fault(NamedTuple):
    """One edit of one function."""

    function: types.FunctionType  # the original
    target: str  # the variable whose statement is edited, or "return k" for returned expression k
    line: int  # in the function's file
    rank: int  # of the operator; a lower rank is a likelier mistake
    term: str  # the mistake in words
    code: types.CodeType  # replaces function.__code__ to run the edit
    old: str = ""  # text of the edited expression or statement
    new: str = ""  # text that replaces it


def edits(function: types.FunctionType, values: dict) -> list[Fault]:
    """Make all single edits of a function that compile.

    Args:
        function: plain Python function.
        values: {name: value} of its local variables in one run. Their shapes tell which variables can be swapped.
    Returns:
        List of Faults, the likeliest first. Some of them may raise when they run.
    """
    return [fault for draft in drafts(function, values, OPERATORS) if (fault := draft.compiled(function))]


def drafts(
    function: types.FunctionType, values: dict, operators: Sequence[Callable], right: Container[str] = ()
) -> Iterator["Draft"]:
    """Yield the edits of a function that the operators make, the likeliest first, before they are compiled.

    Args:
        function: plain Python function.
        values: {name: value} of its local variables in one run.
        operators: the kinds of edits, the likeliest first.
        right: names of variables whose statements are not edited.
    """
    tree = ast.fix_missing_locations(tree_of(function))
    expressions, others = _expressions(values)
    slots = [slot for slot in _slots(tree) if not all(name in right for name in slot.target.split(", "))]
    old = [ast.unparse(slot.node) for slot in slots]
    arguments = frozenset(argument.arg for argument in tree.args.args)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    unused = (arguments | {node.id for node in names}) - read
    texts = {(slot.statement.lineno, slot.place, text) for slot, text in zip(slots, old, strict=True)}  # are no edits
    for rank, operator in enumerate(operators):
        for slot, old_text in zip(slots, old, strict=True):
            for node, term in operator(slot.node, Scope(expressions, others, slot.statement, arguments, unused)):
                new_text = ast.unparse(node)
                text = (slot.statement.lineno, slot.place, new_text)
                if text not in texts:
                    texts.add(text)
                    yield Draft(tree, slot, node, rank, term, old_text, new_text)


class Draft(NamedTuple):
    """An edit that is not compiled yet."""

    tree: ast.FunctionDef
    slot: "_Slot"
    node: ast.AST  # replaces slot.node
    rank: int  # as in Fault
    term: str
    old: str
    new: str

    @property
    def target(self) -> str:
        """Return the target as in Fault."""
        return _target(self.slot, self.node)

    def compiled(self, function: types.FunctionType) -> Fault | None:
        """Return the Fault, or None if the edit does not compile."""
        code = _compile_edit(self.tree, self.slot, self.node)
        return None if code is None else self.fault(function, code)

    def fault(self, function: types.FunctionType, code: types.CodeType) -> Fault:
        """Return the Fault with this edit's words."""
        line = getattr(self.slot.node, "lineno", self.slot.statement.lineno)  # a slice has no line
        return Fault(function, self.target, line, self.rank, self.term, code, self.old, self.new)


def compiled_together(drafts: Sequence[Draft], function: types.FunctionType) -> Fault | None:
    """Return the Fault of several edits of a function at once, with the words of the first one, or None.

    None stands for edits that do not compile, or of which one replaces a part of another one.
    """
    slots = [draft.slot for draft in drafts]
    for first, second in itertools.permutations(slots, 2):
        if any(part is second.node for part in ast.walk(first.node)) or first.place == second.place:
            return None
    for draft in drafts:
        draft.slot.put(_with_lines(draft.node, draft.slot.statement))
    try:
        code = _code(drafts[0].tree)
    except (SyntaxError, ValueError, TypeError):
        return None
    finally:
        for slot in reversed(slots):
            slot.put(slot.node)
    return drafts[0].fault(function, code)


def _target(slot, node):
    """Return the target of an edit: of two swapped tuple elements the first one, of a lost carry its variable."""
    if isinstance(slot.node, ast.For) and isinstance(node, ast.If):
        return node.body[0].value.id
    if not (isinstance(slot.node, ast.Tuple) and isinstance(node, ast.Tuple) and slot.field == "value"):
        return slot.target
    pairs = zip(slot.node.elts, node.elts, strict=False)
    k = next((k for k, (old, new) in enumerate(pairs) if ast.unparse(old) != ast.unparse(new)), 0)
    targets = slot.target.split(", ")
    return f"return {k}" if isinstance(slot.statement, ast.Return) else targets[min(k, len(targets) - 1)]


def from_mistakes(function: types.FunctionType, mistakes: Iterable[Mistake]) -> list[Fault]:
    """Return the Faults of a function's Mistake records.

    Raises:
        ValueError: the text that a Mistake replaces does not occur exactly once.
    """
    source, faults = textwrap.dedent(inspect.getsource(function)), []
    for mistake in mistakes:
        if source.count(mistake.right) != 1:
            raise ValueError(f"{function.__name__}: {mistake.right!r} occurs {source.count(mistake.right)} times")
        before, after = parse(source), parse(source.replace(mistake.right, mistake.wrong))
        target, line = _first_difference(before, after)
        target = mistake.array or target
        faults.append(
            Fault(function, target, line + _offset(function), -1, mistake.term, _code(ast.fix_missing_locations(after)))
        )
    return faults


def _first_difference(before, after):
    """Return the target and the line of the first statement that differs, or of the first such element of a tuple."""
    old, new = ([statement for statement, *_ in statements(tree)] for tree in (before, after))
    names = {name for statement in old for name in _targets(statement)}
    headers = [_header(statement) for statement in old], [_header(statement) for statement in new]
    new_only = [statement for statement, header in zip(new, headers[1], strict=True) if header not in headers[0]]
    old_only = [statement for statement, header in zip(old, headers[0], strict=True) if header not in headers[1]]
    same_target = [statement for statement in new_only if names & set(_targets(statement))]
    first = (same_target or new_only or old_only or old)[0]
    is_tuple = isinstance(first, (ast.Return, ast.Assign)) and isinstance(first.value, ast.Tuple)
    if is_tuple and old_only and type(old_only[0]) is type(first) and isinstance(old_only[0].value, ast.Tuple):
        pairs = enumerate(zip(old_only[0].value.elts, first.value.elts, strict=False))
        place = next((k for k, (a, b) in pairs if ast.unparse(a) != ast.unparse(b)), 0)
        if isinstance(first, ast.Return):
            return f"return {place}", first.lineno
        if len(_targets(first)) == len(first.value.elts):
            return _targets(first)[place], first.lineno
    return ", ".join(_targets(first)) or "return 0", first.lineno


def _header(statement):
    """Return a statement's type and text, without the body of a loop or a condition."""
    parts = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)]
    return type(statement), [ast.dump(part) for part in parts]


def _offset(function):
    return function.__code__.co_firstlineno - 1


class _Slot(NamedTuple):
    """A place in the tree and the statement that contains it."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    statement: ast.stmt
    target: str

    @property
    def place(self):
        return id(self.parent), self.field, self.index

    def put(self, node):
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _compile_edit(tree, slot, node):
    slot.put(_with_lines(node, slot.statement))
    try:
        return _code(tree)
    except (SyntaxError, ValueError, TypeError):
        return None
    finally:
        slot.put(slot.node)


def _with_lines(node, statement):
    """Give the parts of a node that have no line the line of a statement, and return the node."""
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "col_offset"):
            part.lineno, part.col_offset = getattr(part, "lineno", statement.lineno), statement.col_offset
    return node


def _code(tree):
    module = compile(ast.Module([tree], []), "<fault>", "exec")
    code = next(const for const in module.co_consts if isinstance(const, types.CodeType))
    if not GROWTH.isdisjoint(code.co_names):
        if any(_grows_its_list(loop) for loop in ast.walk(tree) if isinstance(loop, ast.For)):
            raise ValueError("a loop over a list that its body makes longer never ends")
    return code


GROWTH = {"append", "extend", "insert"}  # methods that make a list longer


def _grows_its_list(loop):
    """Return True if the body of a for loop may append to the list that it goes over."""
    calls = [part.func for statement in loop.body for part in ast.walk(statement) if isinstance(part, ast.Call)]
    methods = [func for func in calls if isinstance(func, ast.Attribute) and func.attr in GROWTH]
    return ast.unparse(loop.iter) in [ast.unparse(func.value) for func in methods]


def _slots(function):
    """Yield a _Slot for every place in a function's body."""
    for statement, parent, field, index in statements(function):
        targets = _targets(statement)
        yield _Slot(parent, field, index, statement, statement, ", ".join(targets))
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse"):
                continue
            for slot in _children(statement, name, value, statement, ", ".join(targets)):
                yield from _element_slots(slot, targets)


def _targets(statement):
    """Return the targets of a statement: of a condition, those of its first statement; of a return, "return 0"."""
    while isinstance(statement, ast.If):
        statement = statement.body[0]
    return ["return 0"] if isinstance(statement, ast.Return) else targets_of(statement)


def _element_slots(slot, targets):
    """Yield the slots inside a slot, where each element of a returned or assigned tuple has its own target."""
    if slot.field != "value" or not isinstance(slot.node, ast.Tuple):
        yield from _inner(slot)
        return
    yield slot
    for k, element in enumerate(slot.node.elts):
        if isinstance(slot.statement, ast.Return):
            target = f"return {k}"
        else:
            target = targets[k] if len(targets) == len(slot.node.elts) else slot.target
        yield from _inner(_Slot(slot.node, "elts", k, element, slot.statement, target))


def _children(parent, field, value, statement, target):
    if isinstance(value, ast.AST):
        yield _Slot(parent, field, None, value, statement, target)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, ast.AST):
                yield _Slot(parent, field, index, item, statement, target)


def _inner(slot):
    yield slot
    for field, value in ast.iter_fields(slot.node):
        for child in _children(slot.node, field, value, slot.statement, slot.target):
            yield from _inner(child)


def _expressions(values):
    """Collect the expressions that can replace one another.

    Args:
        values: {name: value} of the local variables.
    Returns:
        expressions: {expression: value} of the local variables and the members of named tuples.
        others: the expressions an operator may put in another's place. A member that is also a variable is left out.
    """
    expressions, variables = {}, {id(value) for value in values.values()}

    def add(text, value, depth=0):
        expressions[text] = value
        if hasattr(value, "_fields") and depth < 3:
            for field in value._fields:
                add(f"{text}.{field}", getattr(value, field), depth + 1)

    for name, value in values.items():
        add(name, value)
    others = [text for text, value in expressions.items() if text in values or id(value) not in variables]
    others = [text for text in others if text != "_"]  # by convention, its value is not used
    return expressions, others
