"""The operators of the fault dictionary, one for each kind of mistake.

An operator takes a node of a function's syntax tree and a Scope. It yields pairs (node that replaces it, the mistake in
words). Several edits may give the same numbers, so OPERATORS lists the likelier kinds first.
"""

import ast
import copy
import itertools
import re
from typing import NamedTuple

import numpy as np

from exercises.judging.trees import method_of, targets_of

MATRIX, TIMES, PLUS, MINUS, DIVIDED = ast.MatMult, ast.Mult, ast.Add, ast.Sub, ast.Div


class Scope(NamedTuple):
    """The function around a node, as far as operators need it."""

    values: dict  # {expression: its value in one run}, for variables and members of named tuples
    others: list  # expressions that may replace another; a member that is also a variable is listed as the variable
    statement: ast.stmt
    arguments: frozenset = frozenset()  # names of the function's arguments
    unused: frozenset = frozenset()  # names of arguments and variables that are never read


def quote(node: ast.AST) -> str:
    """Return a node's code in backquotes, for a term."""
    return f"`{ast.unparse(node)}`"


def _copy(node):
    return copy.deepcopy(node)


def _accumulates(statement, node):
    """Return True if the node is the variable x on the right side of `x = x + ...`."""
    return isinstance(statement, ast.Assign) and ast.unparse(node) in _assigned(statement)


def _assigned(statement):
    return [
        ast.unparse(part)
        for node in statement.targets
        for part in (node.elts if isinstance(node, ast.Tuple) else [node])
    ]


def drop_term(node, scope):
    """Drop a term of a sum; if the term is the variable's old value, that replaces `+=` by `=`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (PLUS, MINUS)):
        return
    left, right = node.left, node.right
    if _accumulates(scope.statement, left) and ast.unparse(left) not in scope.arguments:
        yield right, f"{quote(left)} is overwritten instead of accumulated: = where += belongs"
    else:
        remainder = right if isinstance(node.op, PLUS) else ast.UnaryOp(ast.USub(), right)
        yield remainder, f"the term {quote(left)} is missing"
        if isinstance(node.op, MINUS) and isinstance(left, ast.Constant):
            yield right, f"{quote(right)} where {quote(node)} belongs"
    yield left, f"the term {quote(right)} is missing"
    for term, rest in ((left, right), (right, left)):  # zeros keep the shape, in case the rest would broadcast
        zeros = ast.BinOp(ast.Constant(0), TIMES(), term)
        remainder = ast.BinOp(rest, PLUS(), zeros) if rest is left else ast.BinOp(zeros, node.op, rest)
        yield remainder, f"the term {quote(term)} is missing"


def overwrite(node, scope):
    """Replace `+=` by `=`."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (PLUS, MINUS)):
        target, words = node.target, f"{quote(node.target)} is overwritten instead of accumulated: = where += belongs"
        if isinstance(target, ast.Name):
            all_entries = ast.Subscript(ast.Name(target.id, ast.Load()), ast.Constant(...), ast.Store())
            yield ast.Assign([all_entries], node.value, lineno=node.lineno), words
        yield ast.Assign([target], node.value, lineno=node.lineno), words
    if isinstance(node, ast.Expr) and _function_name(node.value) == "np.add.at" and len(node.value.args) == 3:
        array, index, value = node.value.args
        place = ast.Subscript(array, index, ast.Store())
        yield (
            ast.AugAssign(place, PLUS(), value, lineno=node.lineno),
            f"{quote(place)} += counts an index that occurs twice only once: use np.add.at",
        )
        yield (
            ast.Assign([place], value, lineno=node.lineno),
            f"{quote(place)} is overwritten instead of accumulated: an index may occur twice",
        )


def drop_statement(node, scope):
    """Drop a statement that adds to a variable or assigns a part of it."""
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass(lineno=node.lineno), f"the step {quote(node)} is missing"
    if isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets):
        yield ast.Pass(lineno=node.lineno), f"the step {quote(node)} is missing"


def drop_factor(node, scope):
    """Drop a factor, a divisor or an exponent."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (TIMES, DIVIDED)):
        return
    if not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, (TIMES, MATRIX)):
        for factor, remainder in ((node.right, node.left), (node.left, node.right)):
            words = f"the factor {quote(factor)} is missing"
            yield remainder, words
            if isinstance(node.op, TIMES):  # ones keep the shape, in case the remainder would broadcast
                yield ast.BinOp(remainder, TIMES(), _call("np.ones_like", factor)), words
    elif isinstance(node.op, DIVIDED):
        yield node.left, f"the division by {quote(node.right)} is missing"
    elif isinstance(node.op, ast.Pow):
        yield node.left, f"the power {quote(node.right)} is missing"


def flip_sign(node, scope):
    """Exchange plus and minus."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (PLUS, MINUS)):
        opposite = MINUS() if isinstance(node.op, PLUS) else PLUS()
        yield ast.BinOp(node.left, opposite, node.right), f"the sign of {quote(node.right)} is flipped"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        steps = [part.step for part in ast.walk(scope.statement) if isinstance(part, ast.Slice)]
        words = "the order is not reversed" if node in steps else f"the minus of {quote(node)} is missing"
        yield node.operand, words
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, (PLUS, MINUS)):
        opposite = MINUS() if isinstance(node.op, PLUS) else PLUS()
        yield (
            ast.AugAssign(node.target, opposite, node.value, lineno=node.lineno),
            (f"the sign of {quote(node.value)} is flipped"),
        )


def negate(node, scope):
    """Flip the sign of the whole right side."""
    if is_value(node, scope) and not isinstance(node, (ast.Tuple, ast.Call, ast.Constant)):
        yield ast.UnaryOp(ast.USub(), node), f"the sign of {quote(node)} is flipped"


def is_value(node, scope):
    """Return True if the node is the value that a statement assigns or returns, or an element of that tuple."""
    whole = getattr(scope.statement, "value", None)
    in_tuple = isinstance(whole, ast.Tuple) and node in whole.elts and not isinstance(node, ast.Starred)
    return node is whole or in_tuple


def change_transpose(node, scope):
    """Drop or add a transpose, or exchange the factors of a matrix product."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"the transpose of {quote(node.value)} is missing"
        edit = ast.parse(f"({_text(node.value)}).reshape(({_text(node.value)}).shape[::-1])", mode="eval").body
        yield edit, f"{quote(node.value)} is reshaped where it should be transposed: that mixes up its numbers"
    if method_of(node) in ("ravel", "reshape") and len(_shape(scope.values.get(_text(node.func.value)))) > 1:
        edit = _copy(node)
        suffix = ".T" if node.func.attr == "ravel" else ".swapaxes(0, 1)"
        edit.func.value = ast.parse(f"({_text(node.func.value)}){suffix}", mode="eval").body
        yield edit, f"the axes of {quote(node.func.value)} are in another order before they are joined"
    if method_of(node) == "swapaxes":
        array = node.func.value
        yield array, f"the transpose of {quote(array)} is missing"
        text = "x.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2])".replace("x", f"({_text(array)})")
        edit = ast.parse(text, mode="eval").body
        yield edit, f"{quote(array)} is reshaped where it should be transposed: that mixes up its numbers"
    if isinstance(node, ast.BinOp) and isinstance(node.op, MATRIX):
        for side in ("left", "right"):
            operand = getattr(node, side)
            if isinstance(operand, ast.Attribute) and operand.attr == "T":
                continue
            edit = _copy(node)
            setattr(edit, side, _swapped_axes(operand))
            yield edit, f"{quote(operand)} is transposed where it should not be"
        yield ast.BinOp(node.right, MATRIX(), node.left), f"the factors of {quote(node)} are the wrong way round"
        yield ast.BinOp(node.left, TIMES(), node.right), f"{quote(node)} is an elementwise product: @, not *"
    if is_value(node, scope) and _assigns_square(scope):
        yield _swapped_axes(node), f"{quote(node)} is transposed"


def _shape(value):
    return getattr(value, "shape", ())


def _text(node):
    return ast.unparse(node)


def _swapped_axes(node):
    axes = [ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.UnaryOp(ast.USub(), ast.Constant(2))]
    return ast.Call(ast.Attribute(node, "swapaxes", ast.Load()), axes, [])


def _assigns_square(scope):
    for name in targets_of(scope.statement):
        shape = _shape(scope.values.get(name))
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            return True
    return False


REDUCTIONS = ("sum", "mean", "max", "min")


def change_reduction(node, scope):
    """Replace a reduction by another one, change its axis, or drop it."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in REDUCTIONS:
        return
    array, name = node.func.value, node.func.attr
    for reduction in REDUCTIONS:
        if reduction != name and ("min" not in (name, reduction) or {name, reduction} == {"max", "min"}):
            edit = _copy(node)
            edit.func.attr = reduction
            yield edit, f"a {reduction} of {quote(array)} where its {name} belongs"
    for keyword in node.keywords:
        if keyword.arg == "axis":
            for axis in (0, 1, 2, -1, None):
                edit = _copy(node)
                next(k for k in edit.keywords if k.arg == "axis").value = ast.Constant(axis)
                if ast.unparse(edit) != ast.unparse(node):
                    over = "everything" if axis is None else f"axis {axis}"
                    yield (
                        edit,
                        (f"the {name} of {quote(array)} goes over {over} instead of axis {ast.unparse(keyword.value)}"),
                    )
        if keyword.arg == "keepdims":
            edit = _copy(node)
            edit.keywords = [k for k in edit.keywords if k.arg != "keepdims"]
            yield edit, f"keepdims is missing from the {name} of {quote(array)}"
            for place, words in ((0, "first"), (-1, "last")):
                entry = _call("np.take", array, ast.Constant(place), keyword.value)
                yield entry, f"the {words} of {quote(array)} along axis {_text(keyword.value)} is used, not the {name}"
    yield array, f"the {name} of {quote(array)} is missing"


def drop_new_axis(node, scope):
    """Drop the new axis that makes two arrays broadcast, or move it."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    new = [k for k, part in enumerate(parts) if isinstance(part, ast.Constant) and part.value is None]
    if not new:
        return
    indices = [part for k, part in enumerate(parts) if k not in new]
    whole = all(isinstance(part, ast.Slice) or ast.unparse(part) == "..." for part in indices)
    yield (
        node.value if whole else ast.Subscript(node.value, ast.Tuple(indices, ast.Load()), ast.Load()),
        f"the new axis of {quote(node)} is missing",
    )
    if whole:
        moved = _call("np.expand_dims", node.value, ast.Constant(0 if new[0] else -1))
        yield moved, f"the new axis of {quote(node)} is in the wrong place"


def change_grouping(node, scope):
    """Group captions as if the images took turns, although the captions of an image are consecutive."""
    words = "caption b belongs to image b // (B / N), not b mod N: the captions of one image are side by side"
    if method_of(node) in REDUCTIONS and method_of(node.func.value) == "reshape" and len(node.func.value.args) > 2:
        edit = _copy(node)
        arguments = edit.func.value.args
        arguments[0], arguments[1] = arguments[1], arguments[0]
        for keyword in edit.keywords:
            if keyword.arg == "axis" and _text(keyword.value) in "01":
                keyword.value = ast.Constant(1 - keyword.value.value)
                yield edit, words
    if method_of(node) == "reshape" and len(node.args) > 2:
        edit = _copy(node)
        edit.args[0], edit.args[1] = edit.args[1], edit.args[0]
        yield ast.Call(ast.Attribute(edit, "swapaxes", ast.Load()), [ast.Constant(0), ast.Constant(1)], []), words
    if _function_name(node) == "np.repeat" and len(node.args) > 1:
        yield _call("np.concatenate", ast.BinOp(ast.List([node.args[0]], ast.Load()), TIMES(), node.args[1])), words


SLOPES = ("tanh", "sigmoid", "relu", "softmax")


def _with_slope(node, slope):
    """Return the text of dy * slope for a call f_backward(dy, cache), where y in the slope is cache.y."""
    y = f"({_text(node.args[1])}).y"
    slope_of_cache = re.sub(r"\by\b", y, slope)
    return f"({_text(node.args[0])}) * ({slope_of_cache})"


UNARY = {"exp", "log", "sqrt", "tanh", "abs"}


def drop_derivative(node, scope):
    """Drop an elementwise function or its derivative, or replace it by another one."""
    name = _function_name(node)
    if name is None:
        return
    prefix, dot, last = name.rpartition(".")
    module, (kind, _, direction) = prefix + dot, last.rpartition("_")
    if direction == "backward" and kind in SLOPES and len(node.args) == 2:
        yield node.args[0], f"the derivative of {kind} is forgotten: {quote(node.args[0])} goes through unchanged"
        if kind in ("tanh", "sigmoid"):
            other = {"tanh": "sigmoid", "sigmoid": "tanh"}[kind]
            yield _renamed(node, f"{module}{other}_backward"), f"the derivative of {other} where {kind}'s belongs"
            for slope in ("y", "1 - y", "1 + y * y"):
                wrong = ast.parse(_with_slope(node, slope), mode="eval").body
                yield wrong, f"the derivative of {kind} is computed as {slope}, where y is {kind} itself"
            again = f"{module}{kind}_forward(y)[0]"
            slope = {"tanh": f"1 - {again} ** 2", "sigmoid": f"{again} * (1 - {again})"}[kind]
            yield (
                ast.parse(_with_slope(node, slope), mode="eval").body,
                f"the slope of {kind} is taken at its output y, as if y were the input; y is {kind} already",
            )
        if kind == "softmax":
            for slope, words in (("p", "p dp"), ("p * (1 - p)", "p (1 - p) dp, the slope of sigm")):
                text = f"({_text(node.args[0])}) * ({slope.replace('p', f'({_text(node.args[1])}).p')})"
                yield ast.parse(text, mode="eval").body, f"{words} where p (dp - sum of p dp) belongs"
    elif direction == "forward" and kind in ("tanh", "sigmoid") and len(node.args) == 1:
        for other in ("tanh", "sigmoid", "relu"):
            if other != kind:
                yield _renamed(node, f"{module}{other}_forward"), f"{other} where {kind} belongs"
        identity = ast.parse(f"(lambda x: (x, {module}{kind.title()}Cache(x)))(None)", mode="eval").body
        identity.args = [node.args[0]]
        yield identity, f"{kind} is forgotten"
    elif prefix in ("np", "math") and last in UNARY and len(node.args) == 1:
        yield node.args[0], f"{last} of {quote(node.args[0])} is forgotten"
    elif name in ("np.maximum", "np.minimum"):
        other = {"np.maximum": "np.minimum", "np.minimum": "np.maximum"}[name]
        yield _renamed(node, other), f"{other} where {name} belongs"


def _call(name, *arguments):
    """Return the node of a call of a function, given by name."""
    return ast.Call(ast.parse(name, mode="eval").body, list(arguments), [])


def _function_name(node):
    return ast.unparse(node.func) if isinstance(node, ast.Call) else None


def _renamed(call, name):
    return ast.Call(ast.parse(name, mode="eval").body, call.args, call.keywords)


def swap_elements(node, scope):
    """Swap two elements of a tuple, a list or the arguments of a call, such as gates, results or indices."""
    if isinstance(node, (ast.Tuple, ast.List)) and 1 < len(node.elts) <= 8:
        for j, k in itertools.combinations(range(len(node.elts)), 2):
            if isinstance(node.elts[j], ast.Constant) and isinstance(node.elts[k], ast.Constant):
                continue
            edit = _copy(node)
            edit.elts[j], edit.elts[k] = edit.elts[k], edit.elts[j]
            yield edit, f"{quote(node.elts[j])} and {quote(node.elts[k])} are swapped"
    if isinstance(node, ast.Call) and len(node.args) > 1:
        for j, k in itertools.combinations(range(len(node.args)), 2):
            if not _may_swap(node.args[j], node.args[k], scope):
                continue
            edit = _copy(node)
            edit.args[j], edit.args[k] = edit.args[k], edit.args[j]
            yield edit, f"{quote(node.args[j])} and {quote(node.args[k])} are swapped"


def _may_swap(first, second, scope):
    """Return True if two expressions have the same shape, or if a value is unknown."""
    a, b = (scope.values.get(ast.unparse(node)) for node in (first, second))
    return a is None or b is None or _shape(a) == _shape(b)


def move_brackets(node, scope):
    """Move brackets: x (W + b) instead of x W + b, (1 - y) y instead of 1 - y y."""
    if not isinstance(node, ast.BinOp):
        return
    words = f"the brackets of {quote(node)} are in the wrong place"
    if isinstance(node.left, ast.BinOp) and not isinstance(node.left.op, type(node.op)):
        a, b, c = node.left.left, node.left.right, node.right
        yield ast.BinOp(a, node.left.op, ast.BinOp(b, node.op, c)), words
    if isinstance(node.right, ast.BinOp) and not isinstance(node.right.op, type(node.op)):
        a, b, c = node.left, node.right.left, node.right.right
        yield ast.BinOp(ast.BinOp(a, node.op, b), node.right.op, c), words
    if isinstance(node.left, ast.Call) and len(node.left.args) == 1 and not node.left.keywords:
        inside = ast.Call(node.left.func, [ast.BinOp(node.left.args[0], node.op, node.right)], [])
        yield inside, f"{quote(node.right)} belongs outside of {_function_name(node.left)}"


def swap_blocks(node, scope):
    """Swap two of the four blocks of columns of an LSTM's gates."""
    if not is_value(node, scope) or not isinstance(scope.statement, ast.Assign):
        return
    targets = targets_of(scope.statement)
    shape = _shape(scope.values.get(targets[0])) if len(targets) == 1 else ()
    for name, size in scope.values.items():
        if type(size) is not int or not shape or size < 1 or shape[-1] != 4 * size:
            continue
        for j, k in itertools.combinations(range(4), 2):
            order = [k if block == j else j if block == k else block for block in range(4)]
            blocks = ", ".join(f"y[..., {b} * {name} : {b + 1} * {name}]" for b in order)
            edit = ast.parse(f"(lambda y: np.concatenate([{blocks}], axis=-1))(0)", mode="eval").body
            edit.args = [node]
            yield edit, f"blocks {j + 1} and {k + 1} of `{targets[0]}` (of i, f, o, g) are swapped"
        return


def pass_zeros(node, scope):
    """Pass zeros instead of an array, as if a branch or a carry were missing."""
    if isinstance(node, ast.Call) and not _function_name(node).startswith("np."):
        for k, argument in enumerate(node.args):
            if isinstance(scope.values.get(ast.unparse(argument)), np.ndarray):
                edit = _copy(node)
                edit.args[k] = ast.BinOp(ast.Constant(0), TIMES(), argument)
                yield edit, f"{quote(argument)} is not passed on: zeros replace it"


def change_steps(node, scope):
    """Reverse the steps of a loop, or leave out the first or the last."""
    if isinstance(node, ast.Call) and _function_name(node) == "reversed" and node.args:
        yield node.args[0], f"the loop over {quote(node.args[0])} goes forwards; it should go backwards"
    if isinstance(node, ast.Call) and _function_name(node) == "range" and node.args:
        stop = node.args[-1]
        shorter = ast.BinOp(stop, MINUS(), ast.Constant(1))
        start = node.args[0] if len(node.args) > 1 else ast.Constant(0)
        later = ast.BinOp(start, PLUS(), ast.Constant(1))
        yield ast.Call(node.func, [start, shorter], []), f"the last step of {quote(node)} is left out"
        yield ast.Call(node.func, [later, stop], []), f"the first step of {quote(node)} is left out"
    if isinstance(node, ast.For) and not isinstance(node.iter, ast.Call):
        backwards = ast.Subscript(node.iter, _backwards(), ast.Load())
        edit = ast.For(node.target, backwards, node.body, node.orelse, lineno=node.lineno)
        yield edit, f"the loop over {quote(node.iter)} goes backwards"


def _backwards():
    return ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))


def drop_carry(node, scope):
    """Let every step of a loop start from the value that a variable has before the loop."""
    if not isinstance(node, ast.For):
        return
    for name in dict.fromkeys(name for statement in node.body for name in targets_of(statement)):
        if not isinstance(scope.values.get(name), np.ndarray):
            continue
        loop, first_name = _copy(node), f"_first_{name}"
        for statement in loop.body:
            _ReadRenamer(name, first_name).visit(getattr(statement, "value", None) or statement)
            if name in targets_of(statement):
                break
        if ast.unparse(loop) != ast.unparse(node):
            first = ast.Assign([ast.Name(first_name, ast.Store())], ast.Name(name, ast.Load()), lineno=node.lineno)
            both = ast.If(ast.Constant(True), [first, loop], [], lineno=node.lineno)
            yield both, f"`{name}` is not carried from step to step: each step starts from the first value"


class _ReadRenamer(ast.NodeTransformer):
    """A transformer that renames a variable where it is read."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit_Name(self, node):
        return ast.Name(self.new, ast.Load()) if node.id == self.old and _is_load(node) else node


def change_comparison(node, scope):
    """Replace a comparison by another one, such as >= by >, or drop a condition or a negation."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for comparison in (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq):
            if isinstance(node.ops[0], comparison):
                continue
            edit = ast.Compare(node.left, [comparison()], node.comparators)
            yield edit, f"{quote(edit)} where {quote(node)} belongs"
    if isinstance(node, ast.IfExp):
        yield node.body, f"always {quote(node.body)}: the condition {quote(node.test)} is ignored"
        yield node.orelse, f"always {quote(node.orelse)}: the condition {quote(node.test)} is ignored"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
        yield node.operand, f"the negation of {quote(node.operand)} is missing"


def change_number(node, scope):
    """Change a number, such as an index, a size, a padding, a stride or a constant, or ignore it."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        if isinstance(node.slice, ast.Constant):
            for axis in range(4):
                if axis != node.slice.value:
                    edit = ast.Subscript(node.value, ast.Constant(axis), ast.Load())
                    yield edit, f"the size {quote(edit)} where {quote(node)} belongs"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        names = [element for element in node.slice.elts if isinstance(element, ast.Name)]
        if len(names) == len(node.slice.elts) and isinstance(node.ctx, ast.Load):
            rotated = ast.Subscript(node.value, ast.Tuple([_backwards()] * len(names), ast.Load()), ast.Load())
            edit = ast.Subscript(rotated, node.slice, ast.Load())
            yield edit, f"{quote(node.value)} is rotated by half a turn"
    value = scope.values.get(ast.unparse(node)) if isinstance(node, (ast.Name, ast.Attribute)) else None
    is_count = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and _is_load(node)
    if is_count:
        for sign, words in ((PLUS, "one too many"), (MINUS, "one too few")):
            yield ast.BinOp(node, sign(), ast.Constant(1)), f"{quote(node)} is {words}"
        yield ast.Constant(1), f"{quote(node)} is ignored: 1 replaces it"
        yield ast.Constant(0), f"{quote(node)} is ignored: 0 replaces it"
        if _is_index_or_size(node, scope):
            yield ast.Constant(-1), f"{quote(node)} is ignored: -1, the last index, replaces it"
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for number in dict.fromkeys((1, 2 * node.value, node.value + 1, node.value - 1)):
            if number != node.value:
                yield ast.Constant(number), f"{number} where {node.value} belongs"


def _is_index_or_size(node, scope):
    """Return True if a node is part of an index or of an argument of a call, such as a size for reshape."""
    parts = list(ast.walk(scope.statement))
    places = [part.slice for part in parts if isinstance(part, ast.Subscript)]
    places += [argument for part in parts if isinstance(part, ast.Call) for argument in part.args]
    return any(part is node for place in places for part in ast.walk(place))


def _is_load(node):
    return isinstance(node.ctx, ast.Load)


def double_factor(node, scope):
    """Use a factor or a term twice, or exchange multiplication and division."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, TIMES):
        if _text(node.left) == _text(node.right):
            yield _call("np.abs", node.left), f"the absolute value of {quote(node.left)} where its square belongs"
        for factor in (node.left, node.right):
            yield ast.BinOp(node, TIMES(), factor), f"the factor {quote(factor)} occurs twice"
        yield ast.BinOp(node.left, DIVIDED(), node.right), f"divided by {quote(node.right)} instead of multiplied"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield ast.BinOp(node.left, TIMES(), node.right), f"a product where the power {quote(node)} belongs"
    if isinstance(node, ast.BinOp) and isinstance(node.op, DIVIDED):
        yield ast.BinOp(node.left, TIMES(), node.right), f"multiplied by {quote(node.right)} instead of divided"
    if isinstance(node, ast.BinOp) and isinstance(node.op, PLUS):
        for term in (node.left, node.right):
            yield ast.BinOp(node, PLUS(), term), f"the term {quote(term)} occurs twice"


def replace_variable(node, scope):
    """Replace a variable or a member of the cache by another of the same shape."""
    if not isinstance(node, (ast.Name, ast.Attribute)) or not _is_load(node):
        return
    text = ast.unparse(node)
    value = scope.values.get(text)
    if not _is_swappable(value):
        return
    for other in scope.others:
        candidate = scope.values[other]
        if other != text and _is_swappable(candidate) and _shape(candidate) == _shape(value):
            if type(candidate) is type(value) and candidate is not value:
                yield ast.parse(other, mode="eval").body, f"`{other}` where `{text}` belongs"


def _is_swappable(value):
    return (isinstance(value, np.ndarray) and value.size > 0) or type(value) in (int, float)


OPERATORS = (
    overwrite,
    drop_term,
    drop_derivative,
    drop_factor,
    flip_sign,
    change_transpose,
    change_reduction,
    change_grouping,
    drop_new_axis,
    swap_elements,
    swap_blocks,
    drop_statement,
    move_brackets,
    pass_zeros,
    drop_carry,
    change_steps,
    change_comparison,
    change_number,
    double_factor,
    negate,
    replace_variable,
)
