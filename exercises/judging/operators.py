"""The operators of the fault dictionary, by what kind of mistake they make.

Each takes a node of a function's syntax tree and yields (another node to stand in its place, the mistake in words).
Those that come first in OPERATORS are the likelier ones, for several edits may give the same numbers.
"""

import ast
import copy
import itertools
from typing import NamedTuple

import numpy as np

from exercises.judging.trees import method_of, targets_of

MATRIX, TIMES, PLUS, MINUS, DIVIDED = ast.MatMult, ast.Mult, ast.Add, ast.Sub, ast.Div


class Scope(NamedTuple):
    """What an operator may know of the function around a node."""

    values: dict  # {expression: its value in one run}, names and members of named tuples
    others: list  # of these expressions those that may stand for another: a member with a name of its own only by that
    statement: ast.stmt


def _show(node):
    return f"`{ast.unparse(node)}`"


def _copied(node):
    return copy.deepcopy(node)


def _accumulates(statement, node):
    """Whether the node is the variable itself in `x = x + ...`."""
    return isinstance(statement, ast.Assign) and ast.unparse(node) in _assigned(statement)


def _assigned(statement):
    return [
        ast.unparse(part)
        for node in statement.targets
        for part in (node.elts if isinstance(node, ast.Tuple) else [node])
    ]


def term_dropped(node, scope):
    """A term of a sum is missing; where the term is what was there before, `=` stands for `+=`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (PLUS, MINUS)):
        return
    left, right = node.left, node.right
    if _accumulates(scope.statement, left):
        yield right, f"{_show(left)} is overwritten instead of accumulated: = where += belongs"
    else:
        kept = right if isinstance(node.op, PLUS) else ast.UnaryOp(ast.USub(), right)
        yield kept, f"the term {_show(left)} is missing"
        if isinstance(node.op, MINUS) and isinstance(left, ast.Constant):
            yield right, f"{_show(right)} where {_show(node)} belongs"
    yield left, f"the term {_show(right)} is missing"
    for term, rest in ((left, right), (right, left)):  # where the rest alone would have another shape
        none = ast.BinOp(ast.Constant(0), TIMES(), term)
        kept = ast.BinOp(rest, PLUS(), none) if rest is left else ast.BinOp(none, node.op, rest)
        yield kept, f"the term {_show(term)} is missing"


def overwritten(node, scope):
    """`=` for `+=`."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (PLUS, MINUS)):
        target, words = node.target, f"{_show(node.target)} is overwritten instead of accumulated: = where += belongs"
        if isinstance(target, ast.Name):
            everywhere = ast.Subscript(ast.Name(target.id, ast.Load()), ast.Constant(...), ast.Store())
            yield ast.Assign([everywhere], node.value, lineno=node.lineno), words
        yield ast.Assign([target], node.value, lineno=node.lineno), words
    if isinstance(node, ast.Expr) and _function_name(node.value) == "np.add.at":
        array, index, value = node.value.args
        place = ast.Subscript(array, index, ast.Store())
        yield (
            ast.AugAssign(place, PLUS(), value, lineno=node.lineno),
            f"{_show(place)} += counts an index that occurs twice only once: np.add.at",
        )
        yield (
            ast.Assign([place], value, lineno=node.lineno),
            f"{_show(place)} is overwritten instead of accumulated: an index may occur twice",
        )


def statement_dropped(node, scope):
    """A whole contribution is missing."""
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass(lineno=node.lineno), f"the step {_show(node)} is missing"
    if isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets):
        yield ast.Pass(lineno=node.lineno), f"the step {_show(node)} is missing"


def factor_dropped(node, scope):
    """A factor or a divisor is missing."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (TIMES, DIVIDED)):
        return
    if not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, (TIMES, MATRIX)):
        for factor, other in ((node.right, node.left), (node.left, node.right)):
            words = f"the factor {_show(factor)} is missing"
            yield other, words
            if isinstance(node.op, TIMES):  # where the other one alone would have another shape
                yield ast.BinOp(other, TIMES(), _call("np.ones_like", factor)), words
    elif isinstance(node.op, DIVIDED):
        yield node.left, f"the division by {_show(node.right)} is missing"
    elif isinstance(node.op, ast.Pow):
        yield node.left, f"the power {_show(node.right)} is missing"


def sign_flipped(node, scope):
    """A minus is a plus, or the other way round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (PLUS, MINUS)):
        other = MINUS() if isinstance(node.op, PLUS) else PLUS()
        yield ast.BinOp(node.left, other, node.right), f"the sign of {_show(node.right)} is flipped"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand, f"the minus of {_show(node)} is missing"
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, (PLUS, MINUS)):
        other = MINUS() if isinstance(node.op, PLUS) else PLUS()
        yield (
            ast.AugAssign(node.target, other, node.value, lineno=node.lineno),
            (f"the sign of {_show(node.value)} is flipped"),
        )


def negated(node, scope):
    """The whole right side has the wrong sign."""
    if _is_value(node, scope) and not isinstance(node, (ast.Tuple, ast.Call, ast.Constant)):
        yield ast.UnaryOp(ast.USub(), node), f"the sign of {_show(node)} is flipped"


def _is_value(node, scope):
    """Whether the node is all that a statement assigns, or one of the things it returns or assigns."""
    whole = getattr(scope.statement, "value", None)
    return node is whole or (isinstance(whole, ast.Tuple) and node in whole.elts)


def transposed(node, scope):
    """A transpose too many, too few, or the factors the wrong way round."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"the transpose of {_show(node.value)} is missing"
        turned = ast.parse(f"({_text(node.value)}).reshape(({_text(node.value)}).shape[::-1])", mode="eval").body
        yield turned, f"{_show(node.value)} is reshaped where it should be transposed: that mixes up its numbers"
    if method_of(node) in ("ravel", "reshape") and len(_shape(scope.values.get(_text(node.func.value)))) > 1:
        other = _copied(node)
        turned = ".T" if node.func.attr == "ravel" else ".swapaxes(0, 1)"
        other.func.value = ast.parse(f"({_text(node.func.value)}){turned}", mode="eval").body
        yield other, f"the axes of {_show(node.func.value)} are in another order before they are made one"
    if method_of(node) == "swapaxes":
        array = node.func.value
        yield array, f"the transpose of {_show(array)} is missing"
        text = "x.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2])".replace("x", f"({_text(array)})")
        turned = ast.parse(text, mode="eval").body
        yield turned, f"{_show(array)} is reshaped where it should be transposed: that mixes up its numbers"
    if isinstance(node, ast.BinOp) and isinstance(node.op, MATRIX):
        for side in ("left", "right"):
            operand = getattr(node, side)
            if isinstance(operand, ast.Attribute) and operand.attr == "T":
                continue
            turned = _copied(node)
            setattr(turned, side, _swapped_axes(operand))
            yield turned, f"{_show(operand)} is transposed where it should not be"
        yield ast.BinOp(node.right, MATRIX(), node.left), f"the factors of {_show(node)} are the wrong way round"
        yield ast.BinOp(node.left, TIMES(), node.right), f"{_show(node)} is an elementwise product: @, not *"
    if _is_value(node, scope) and _looks_square(scope):
        yield _swapped_axes(node), f"{_show(node)} is transposed"


def _shape(value):
    return getattr(value, "shape", ())


def _text(node):
    return ast.unparse(node)


def _swapped_axes(node):
    axes = [ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.UnaryOp(ast.USub(), ast.Constant(2))]
    return ast.Call(ast.Attribute(node, "swapaxes", ast.Load()), axes, [])


def _looks_square(scope):
    for name in targets_of(scope.statement):
        shape = _shape(scope.values.get(name))
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            return True
    return False


REDUCTIONS = ("sum", "mean", "max", "min")


def reduced_otherwise(node, scope):
    """Mean for sum and the reverse, another axis, no reduction at all."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in REDUCTIONS:
        return
    array, name = node.func.value, node.func.attr
    for other in REDUCTIONS:
        if other != name and ("min" not in (name, other) or {name, other} == {"max", "min"}):
            changed = _copied(node)
            changed.func.attr = other
            yield changed, f"a {other} of {_show(array)} where its {name} belongs"
    for keyword in node.keywords:
        if keyword.arg == "axis":
            for axis in (0, 1, 2, -1, None):
                changed = _copied(node)
                next(k for k in changed.keywords if k.arg == "axis").value = ast.Constant(axis)
                if ast.unparse(changed) != ast.unparse(node):
                    over = "everything" if axis is None else f"axis {axis}"
                    yield (
                        changed,
                        (f"the {name} of {_show(array)} goes over {over} instead of axis {ast.unparse(keyword.value)}"),
                    )
        if keyword.arg == "keepdims":
            changed = _copied(node)
            changed.keywords = [k for k in changed.keywords if k.arg != "keepdims"]
            yield changed, f"keepdims is missing from the {name} of {_show(array)}"
            for place, words in ((0, "first"), (-1, "last")):
                one = _call("np.take", array, ast.Constant(place), keyword.value)
                yield one, f"the {words} of {_show(array)} along axis {_text(keyword.value)} is taken, not the {name}"
    yield array, f"the {name} of {_show(array)} is missing"


def axis_dropped(node, scope):
    """The new axis that lets two arrays meet is missing, or in another place."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    new = [k for k, part in enumerate(parts) if isinstance(part, ast.Constant) and part.value is None]
    if not new:
        return
    kept = [part for k, part in enumerate(parts) if k not in new]
    whole = all(isinstance(part, ast.Slice) or ast.unparse(part) == "..." for part in kept)
    yield (
        node.value if whole else ast.Subscript(node.value, ast.Tuple(kept, ast.Load()), ast.Load()),
        f"the new axis of {_show(node)} is missing",
    )
    if whole:
        elsewhere = _call("np.expand_dims", node.value, ast.Constant(0 if new[0] else -1))
        yield elsewhere, f"the new axis of {_show(node)} is in another place"


def grouped_otherwise(node, scope):
    """Captions go round their images in turn, where each image's stand side by side."""
    words = "captions are grouped as if they went round the images; those of one image stand side by side"
    if method_of(node) in REDUCTIONS and method_of(node.func.value) == "reshape" and len(node.func.value.args) > 2:
        other = _copied(node)
        arguments = other.func.value.args
        arguments[0], arguments[1] = arguments[1], arguments[0]
        for keyword in other.keywords:
            if keyword.arg == "axis" and _text(keyword.value) in "01":
                keyword.value = ast.Constant(1 - keyword.value.value)
                yield other, words
    if method_of(node) == "reshape" and len(node.args) > 2:
        other = _copied(node)
        other.args[0], other.args[1] = other.args[1], other.args[0]
        yield ast.Call(ast.Attribute(other, "swapaxes", ast.Load()), [ast.Constant(0), ast.Constant(1)], []), words
    if _function_name(node) == "np.repeat":
        yield _call("np.concatenate", ast.BinOp(ast.List([node.args[0]], ast.Load()), TIMES(), node.args[1])), words


SLOPES = ("tanh", "sigmoid", "relu", "softmax")


UNARY = {"exp", "log", "sqrt", "tanh", "abs"}


def derivative_forgotten(node, scope):
    """The derivative of tanh or sigmoid is not applied, or another one's is."""
    name = _function_name(node)
    if name is None:
        return
    prefix, _, last = name.rpartition(".")
    kind, _, way = last.rpartition("_")
    if way == "backward" and kind in SLOPES:
        yield node.args[0], f"the derivative of {kind} is forgotten: {_show(node.args[0])} goes through unchanged"
        if kind in ("tanh", "sigmoid"):
            other = {"tanh": "sigmoid", "sigmoid": "tanh"}[kind]
            yield _renamed(node, f"{prefix}.{other}_backward"), f"the derivative of {other} where {kind}'s belongs"
            for slope in ("y", "1 - y", "1 + y * y"):
                text = f"({_text(node.args[0])}) * ({slope.replace('y', f'({_text(node.args[1])}).y')})"
                wrong = ast.parse(text, mode="eval").body
                yield wrong, f"the derivative of {kind} is taken for {slope}, y being {kind} itself"
    elif way == "forward" and kind in ("tanh", "sigmoid"):
        for other in ("tanh", "sigmoid", "relu"):
            if other != kind:
                yield _renamed(node, f"{prefix}.{other}_forward"), f"{other} where {kind} belongs"
        unchanged = ast.parse(f"(lambda x: (x, {prefix}.{kind.title()}Cache(x)))(None)", mode="eval").body
        unchanged.args = [node.args[0]]
        yield unchanged, f"{kind} is forgotten"
    elif prefix in ("np", "math") and last in UNARY and len(node.args) == 1:
        yield node.args[0], f"{last} of {_show(node.args[0])} is forgotten"
    elif name in ("np.maximum", "np.minimum"):
        other = {"np.maximum": "np.minimum", "np.minimum": "np.maximum"}[name]
        yield _renamed(node, other), f"{other} where {name} belongs"


def _call(name, *arguments):
    return ast.Call(ast.parse(name, mode="eval").body, list(arguments), [])


def _function_name(node):
    return ast.unparse(node.func) if isinstance(node, ast.Call) else None


def _renamed(call, name):
    return ast.Call(ast.parse(name, mode="eval").body, call.args, call.keywords)


def in_wrong_order(node, scope):
    """Two of several: gates, results of a call, arguments, indices."""
    if isinstance(node, (ast.Tuple, ast.List)) and 1 < len(node.elts) <= 8:
        for j, k in itertools.combinations(range(len(node.elts)), 2):
            if isinstance(node.elts[j], ast.Constant) and isinstance(node.elts[k], ast.Constant):
                continue
            changed = _copied(node)
            changed.elts[j], changed.elts[k] = changed.elts[k], changed.elts[j]
            yield changed, f"{_show(node.elts[j])} and {_show(node.elts[k])} are in each other's place"
    if isinstance(node, ast.Call) and len(node.args) > 1:
        for j, k in itertools.combinations(range(len(node.args)), 2):
            if not _alike(node.args[j], node.args[k], scope):
                continue
            changed = _copied(node)
            changed.args[j], changed.args[k] = changed.args[k], changed.args[j]
            yield changed, f"{_show(node.args[j])} and {_show(node.args[k])} are in each other's place"


def _alike(one, other, scope):
    a, b = (scope.values.get(ast.unparse(node)) for node in (one, other))
    return a is None or b is None or _shape(a) == _shape(b)


def regrouped(node, scope):
    """Brackets in another place: x (W + b) for x W + b, (1 - y) y for 1 - y y."""
    if not isinstance(node, ast.BinOp):
        return
    words = f"the brackets of {_show(node)} are elsewhere"
    if isinstance(node.left, ast.BinOp) and not isinstance(node.left.op, type(node.op)):
        a, b, c = node.left.left, node.left.right, node.right
        yield ast.BinOp(a, node.left.op, ast.BinOp(b, node.op, c)), words
    if isinstance(node.right, ast.BinOp) and not isinstance(node.right.op, type(node.op)):
        a, b, c = node.left, node.right.left, node.right.right
        yield ast.BinOp(ast.BinOp(a, node.op, b), node.right.op, c), words
    if isinstance(node.left, ast.Call) and len(node.left.args) == 1 and not node.left.keywords:
        inside = ast.Call(node.left.func, [ast.BinOp(node.left.args[0], node.op, node.right)], [])
        yield inside, f"{_show(node.right)} belongs outside of {_function_name(node.left)}"


def blocks_swapped(node, scope):
    """Two blocks of columns, such as an LSTM's gates, are in each other's place."""
    if not _is_value(node, scope) or not isinstance(scope.statement, ast.Assign):
        return
    targets = targets_of(scope.statement)
    shape = _shape(scope.values.get(targets[0])) if len(targets) == 1 else ()
    for name, size in scope.values.items():
        if type(size) is not int or not shape or size < 1 or shape[-1] != 4 * size:
            continue
        for j, k in itertools.combinations(range(4), 2):
            order = [k if block == j else j if block == k else block for block in range(4)]
            blocks = ", ".join(f"y[..., {b} * {name} : {b + 1} * {name}]" for b in order)
            changed = ast.parse(f"(lambda y: np.concatenate([{blocks}], axis=-1))(0)", mode="eval").body
            changed.args = [node]
            yield changed, f"blocks {j + 1} and {k + 1} of `{targets[0]}` (of i, f, o, g) are in each other's place"
        return


def not_carried(node, scope):
    """An argument that should bring something in brings zeros: a branch or a carry is missing."""
    if isinstance(node, ast.Call) and not _function_name(node).startswith("np."):
        for k, argument in enumerate(node.args):
            if isinstance(scope.values.get(ast.unparse(argument)), np.ndarray):
                changed = _copied(node)
                changed.args[k] = ast.BinOp(ast.Constant(0), TIMES(), argument)
                yield changed, f"{_show(argument)} is not passed on: zeros in its place"


def in_time(node, scope):
    """The steps are gone through in the wrong direction, or one is left out."""
    if isinstance(node, ast.Call) and _function_name(node) == "reversed":
        yield node.args[0], f"{_show(node.args[0])} is gone through forwards where it should go backwards"
    if isinstance(node, ast.Call) and _function_name(node) == "range":
        stop = node.args[-1]
        shorter = ast.BinOp(stop, MINUS(), ast.Constant(1))
        start = node.args[0] if len(node.args) > 1 else ast.Constant(0)
        later = ast.BinOp(start, PLUS(), ast.Constant(1))
        yield ast.Call(node.func, [start, shorter], []), f"the last step of {_show(node)} is left out"
        yield ast.Call(node.func, [later, stop], []), f"the first step of {_show(node)} is left out"
    if isinstance(node, ast.For) and not isinstance(node.iter, ast.Call):
        backwards = ast.Subscript(node.iter, _backwards(), ast.Load())
        changed = ast.For(node.target, backwards, node.body, node.orelse, lineno=node.lineno)
        yield changed, f"{_show(node.iter)} is gone through backwards"


def _backwards():
    return ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))


def carry_lost(node, scope):
    """Every step of a loop begins with what was there before the first, for one variable."""
    if not isinstance(node, ast.For):
        return
    for name in dict.fromkeys(name for statement in node.body for name in targets_of(statement)):
        if not isinstance(scope.values.get(name), np.ndarray):
            continue
        loop, kept = _copied(node), f"_first_{name}"
        for statement in loop.body:
            _Renamed(name, kept).visit(statement.value if hasattr(statement, "value") else statement)
            if name in targets_of(statement):
                break
        if ast.unparse(loop) != ast.unparse(node):
            first = ast.Assign([ast.Name(kept, ast.Store())], ast.Name(name, ast.Load()), lineno=node.lineno)
            both = ast.If(ast.Constant(True), [first, loop], [], lineno=node.lineno)
            yield both, f"`{name}` is not carried from step to step: each begins with the first one"


class _Renamed(ast.NodeTransformer):
    """One variable under another name, where it is read."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit_Name(self, node):
        return ast.Name(self.new, ast.Load()) if node.id == self.old and _is_load(node) else node


def compared_otherwise(node, scope):
    """> for >=, and the like."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq):
            if isinstance(node.ops[0], other):
                continue
            changed = ast.Compare(node.left, [other()], node.comparators)
            yield changed, f"{_show(changed)} where {_show(node)} belongs"
    if isinstance(node, ast.IfExp):
        yield node.body, f"{_show(node.body)} whatever {_show(node.test)} says"
        yield node.orelse, f"{_show(node.orelse)} whatever {_show(node.test)} says"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
        yield node.operand, f"the negation of {_show(node.operand)} is missing"


def off_by_one(node, scope):
    """An index, a size, a padding, a stride, a constant: one more, one less, or ignored."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        if isinstance(node.slice, ast.Constant):
            for other in range(4):
                if other != node.slice.value:
                    changed = ast.Subscript(node.value, ast.Constant(other), ast.Load())
                    yield changed, f"the size {_show(changed)} where {_show(node)} belongs"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        names = [element for element in node.slice.elts if isinstance(element, ast.Name)]
        if len(names) == len(node.slice.elts) and isinstance(node.ctx, ast.Load):
            turned = ast.Subscript(node.value, ast.Tuple([_backwards()] * len(names), ast.Load()), ast.Load())
            changed = ast.Subscript(turned, node.slice, ast.Load())
            yield changed, f"{_show(node.value)} is turned by half a turn"
    value = scope.values.get(ast.unparse(node)) if isinstance(node, (ast.Name, ast.Attribute)) else None
    is_count = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and _is_load(node)
    if is_count:
        for sign, words in ((PLUS, "one too many"), (MINUS, "one too few")):
            yield ast.BinOp(node, sign(), ast.Constant(1)), f"{_show(node)} is {words}"
        yield ast.Constant(1), f"{_show(node)} is ignored: 1 in its place"
        yield ast.Constant(0), f"{_show(node)} is ignored: 0 in its place"
        yield ast.Constant(-1), f"{_show(node)} is ignored: -1, the last, in its place"
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for other in dict.fromkeys((1, 2 * node.value, node.value + 1, node.value - 1)):
            if other != node.value:
                yield ast.Constant(other), f"{other} where {node.value} belongs"


def _is_load(node):
    return isinstance(node.ctx, ast.Load)


def factor_doubled(node, scope):
    """A factor is there twice, or a product is a quotient."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, TIMES):
        if _text(node.left) == _text(node.right):
            yield _call("np.abs", node.left), f"the absolute value of {_show(node.left)} where its square belongs"
        for factor in (node.left, node.right):
            yield ast.BinOp(node, TIMES(), factor), f"the factor {_show(factor)} is there twice"
        yield ast.BinOp(node.left, DIVIDED(), node.right), f"divided by {_show(node.right)} instead of multiplied"
    if isinstance(node, ast.BinOp) and isinstance(node.op, DIVIDED):
        yield ast.BinOp(node.left, TIMES(), node.right), f"multiplied by {_show(node.right)} instead of divided"
    if isinstance(node, ast.BinOp) and isinstance(node.op, PLUS):
        for term in (node.left, node.right):
            yield ast.BinOp(node, PLUS(), term), f"the term {_show(term)} is there twice"


def swapped(node, scope):
    """A variable of the same shape, or another member of the cache, in a variable's place."""
    if not isinstance(node, (ast.Name, ast.Attribute)) or not _is_load(node):
        return
    text = ast.unparse(node)
    value = scope.values.get(text)
    if not _swappable(value):
        return
    for other in scope.others:
        candidate = scope.values[other]
        if other != text and _swappable(candidate) and _shape(candidate) == _shape(value):
            if type(candidate) is type(value) and candidate is not value:
                yield ast.parse(other, mode="eval").body, f"`{other}` where `{text}` belongs"


def _swappable(value):
    return (isinstance(value, np.ndarray) and value.size > 0) or type(value) in (int, float)


OPERATORS = (
    overwritten,
    term_dropped,
    derivative_forgotten,
    factor_dropped,
    sign_flipped,
    transposed,
    reduced_otherwise,
    grouped_otherwise,
    axis_dropped,
    in_wrong_order,
    blocks_swapped,
    statement_dropped,
    regrouped,
    not_carried,
    carry_lost,
    in_time,
    compared_otherwise,
    off_by_one,
    factor_doubled,
    negated,
    swapped,
)
