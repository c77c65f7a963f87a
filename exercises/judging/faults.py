"""The fault dictionary: small edits of a function's syntax tree, each a mistake that people make.

A backward pass with the transpose dropped, a sum over the wrong axis, `=` where `+=` belongs, gives numbers of its
own. An edit of our function that gives a learner's numbers names the learner's mistake (blame.py); an edit that no
test notices shows a hole in our tests (tests/exercises/test_mutations.py). operators.py makes the edits.
"""

import ast
import inspect
import textwrap
import types
from typing import NamedTuple

from exercises.judging.operators import OPERATORS, Scope
from exercises.judging.trees import parsed, statements, targets_of, tree_of


class Mistake(NamedTuple):
    """A mistake that no operator makes, written down: this text of a function replaced by that."""

    right: str
    wrong: str
    term: str  # the mistake in words


class Fault(NamedTuple):
    """One edit of one function: put code in the place of function.__code__ to run it."""

    function: types.FunctionType  # the right one
    target: str  # the variable whose statement is edited; of a returned expression, "return k", its place
    line: int  # in the function's file
    rank: int  # of the operator: the lower, the likelier
    term: str  # the mistake in words
    code: types.CodeType


def edits(function, values):
    """Every single edit of a function, likelier ones first.

    function: plain Python; values: {name: value} of its local variables in one run, to know which have one shape.
    Returns a list of Faults. Edits that do not compile are left out; such as do not run are found when run.
    """
    tree = tree_of(function)
    expressions, others = _expressions(values)
    found, seen = [], set()
    for slot in list(_slots(tree)):
        scope = Scope(expressions, others, slot.statement)
        seen.add((slot.statement.lineno, slot.place, ast.unparse(slot.node)))  # what is there already is no edit
        for rank, operator in enumerate(OPERATORS):
            for node, term in operator(slot.node, scope):
                text = (slot.statement.lineno, slot.place, ast.unparse(node))
                if text in seen:
                    continue
                seen.add(text)
                code = _compiled(tree, slot, node)
                if code is not None:
                    found.append(Fault(function, _target(slot, node), slot.node.lineno, rank, term, code))
    return sorted(found, key=lambda fault: fault.rank)


def _target(slot, node):
    """What the edit is about: of a tuple with two elements swapped, the first of the two; of a carry lost, that."""
    if isinstance(slot.node, ast.For) and isinstance(node, ast.If):
        return node.body[0].value.id
    if not (isinstance(slot.node, ast.Tuple) and isinstance(node, ast.Tuple) and slot.field == "value"):
        return slot.target
    pairs = zip(slot.node.elts, node.elts, strict=False)
    k = next((k for k, (old, new) in enumerate(pairs) if ast.unparse(old) != ast.unparse(new)), 0)
    targets = slot.target.split(", ")
    return f"return {k}" if isinstance(slot.statement, ast.Return) else targets[min(k, len(targets) - 1)]


def written(function, mistakes):
    """The Faults of Mistakes written down for a function. Raises ValueError where a text is not there just once."""
    source, found = textwrap.dedent(inspect.getsource(function)), []
    for mistake in mistakes:
        if source.count(mistake.right) != 1:
            raise ValueError(f"{function.__name__}: {mistake.right!r} is there {source.count(mistake.right)} times")
        before, after = parsed(source), parsed(source.replace(mistake.right, mistake.wrong))
        target, line = _first_difference(before, after)
        found.append(Fault(function, target, line + _offset(function), -1, mistake.term, _code(after)))
    return found


def _first_difference(before, after):
    """The target, and the line, of the first statement that is another; of a return, of the first other result."""
    old, new = ([statement for statement, *_ in statements(tree)] for tree in (before, after))
    known = {name for statement in old for name in _targets(statement)}
    headers = [_header(statement) for statement in old], [_header(statement) for statement in new]
    changed = [statement for statement, header in zip(new, headers[1], strict=True) if header not in headers[0]]
    gone = [statement for statement, header in zip(old, headers[0], strict=True) if header not in headers[1]]
    ours = [statement for statement in changed if known & set(_targets(statement))]
    found = (ours or changed or gone or old)[0]
    of_several = isinstance(found, ast.Return) and isinstance(found.value, ast.Tuple)
    if of_several and gone and isinstance(gone[0], ast.Return):
        pairs = enumerate(zip(gone[0].value.elts, found.value.elts, strict=False))
        other = next((k for k, (a, b) in pairs if ast.unparse(a) != ast.unparse(b)), 0)
        return f"return {other}", found.lineno
    return ", ".join(_targets(found)) or "return 0", found.lineno


def _header(statement):
    """A statement's text; of a loop or a condition without what it holds."""
    parts = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)]
    return type(statement), [ast.dump(part) for part in parts]


def _offset(function):
    return function.__code__.co_firstlineno - 1


class _Slot(NamedTuple):
    """A place in the tree, and the statement it is in."""

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


def _compiled(tree, slot, node):
    slot.put(node)
    try:
        return _code(tree)
    except (SyntaxError, ValueError, TypeError):
        return None
    finally:
        slot.put(slot.node)


def _code(tree):
    module = compile(ast.fix_missing_locations(ast.Module([tree], [])), "<fault>", "exec")
    return next(const for const in module.co_consts if isinstance(const, types.CodeType))


def _slots(function):
    """Every place of a function's body, with the statement it is in."""
    for statement, parent, field, index in statements(function):
        targets = _targets(statement)
        yield _Slot(parent, field, index, statement, statement, ", ".join(targets))
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse"):
                continue
            for slot in _children(statement, name, value, statement, ", ".join(targets)):
                yield from _apart(slot, targets)


def _targets(statement):
    """The targets of a statement; of a condition, those of what it decides on; of a return, the first result."""
    while isinstance(statement, ast.If):
        statement = statement.body[0]
    return ["return 0"] if isinstance(statement, ast.Return) else targets_of(statement)


def _apart(slot, targets):
    """The places within; elements of a tuple that is returned or assigned belong to a target each."""
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
    """{expression: value} of local variables and members of named tuples, and which of them may stand for others."""
    found, named = {}, {id(value) for value in values.values()}

    def add(text, value, depth=0):
        found[text] = value
        if hasattr(value, "_fields") and depth < 3:
            for field in value._fields:
                add(f"{text}.{field}", getattr(value, field), depth + 1)

    for name, value in values.items():
        add(name, value)
    return found, [text for text, value in found.items() if text in values or id(value) not in named]
