"""Edits of a learner's function that change which entries are read: indices, slices, groups of rows, padding, copies.

The operators have the form of those in repair_operators.py.
"""

import ast
import copy

import numpy as np

from exercises.judging import operators, trees
from exercises.judging.operators import quote

ORDER = "reshape does not transpose: it fills the new shape with the numbers in their old order"
GROUPS = "caption b belongs to image b // (B / N), not b mod N: the captions of one image are side by side"


def _expression(text):
    return ast.parse(text, mode="eval").body


def _is_read(node):
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)


def _parts(node):
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _with_parts(node, parts):
    index = ast.Tuple(parts, ast.Load()) if len(parts) > 1 else parts[0]
    return ast.Subscript(node.value, index, node.ctx)


def use_all(node, scope):
    """Read or sum all entries of an axis where a single index reads one of them."""
    if not _is_read(node) or not _is_array(node.value, scope):
        return
    array, parts = ast.unparse(node.value), _parts(node)
    for axis, part in enumerate(parts):
        if not isinstance(_number(part), int) or any(not isinstance(other, ast.Slice) for other in parts[:axis]):
            continue
        which = {0: "first", -1: "last"}.get(_number(part), f"entry {_number(part)}")
        every = [ast.Slice() if k == axis else other for k, other in enumerate(parts)]
        whole = array if len(parts) == 1 else ast.unparse(_with_parts(node, every))
        for reduction in ("sum", "mean", "max"):
            words = f"only the {which} of `{array}` along axis {axis} counts, not the {reduction} over all"
            yield _expression(f"{whole}.{reduction}(axis={axis})"), words
        yield _expression(whole), f"only the {which} of `{array}` along axis {axis} is read, not all"


def change_all(node, scope):
    """Change the whole array where an index lets one entry of its first axis change."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
        if isinstance(_number(node.target.slice), int):
            words = f"only {quote(node.target)} is changed, not all of {quote(node.target.value)}"
            every = ast.Subscript(node.target.value, ast.Constant(...), ast.Store())
            yield ast.AugAssign(every, node.op, node.value, lineno=node.lineno), words


def sum_slice(node, scope):
    """Sum over the first axis where a slice keeps one of its entries."""
    if _is_read(node) and ast.unparse(node.slice) in (":1", "-1:"):
        array = ast.unparse(node.value)
        words = f"only one entry of `{array}` counts, not the sum over all"
        yield _expression(f"{array}.sum(axis=0, keepdims=True)"), words


def _number(node):
    """Return the number that a node writes, or None."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _is_array(node, scope):
    """Return True unless the node is known to be no array. The shape of an array is none."""
    if isinstance(node, ast.Attribute) and node.attr == "shape":
        return False
    value = scope.values.get(ast.unparse(node))
    return value is None or isinstance(value, np.ndarray)


def drop_index(node, scope):
    """Read the whole array where a slice reads a part."""
    if _is_read(node) and _is_array(node.value, scope) and any(isinstance(part, ast.Slice) for part in _parts(node)):
        if any(part.lower or part.upper for part in _parts(node) if isinstance(part, ast.Slice)):
            yield node.value, f"only a part of {quote(node.value)} is read: {quote(node)}"


def sum_groups(node, scope):
    """Sum over the captions of each image where a slice reads some of the rows."""
    if not _is_read(node) or not isinstance(node.slice, ast.Slice):
        return
    value = scope.values.get(ast.unparse(node.value))
    if not isinstance(value, np.ndarray) or value.ndim < 2:
        return
    for name, size in scope.values.items():
        if type(size) is int and 0 < size < len(value) and len(value) % size == 0:
            array = ast.unparse(node.value)
            shape = ", ".join(f"{array}.shape[{k}]" for k in range(1, value.ndim))
            for text in (f"{array}.reshape({name}, -1, {shape})", f"{array}.reshape(-1, {name}, {shape})"):
                yield _expression(f"{text}.sum(axis=1)"), "only one caption of each image counts, not the sum over all"


def shift_slice(node, scope):
    """Exchange the part before a bound and the part after it, or move an index or a bound by one."""
    if isinstance(node, ast.Slice):
        if (node.lower is None) != (node.upper is None):
            words = "the other part of the array belongs here"
            yield ast.Slice(node.upper, node.lower, node.step), words
            if isinstance(node.lower, ast.UnaryOp):
                yield ast.Slice(None, node.lower.operand, node.step), words
            for name in scope.others:
                if type(scope.values[name]) is int:
                    bound = _expression(name)
                    yield (ast.Slice(bound) if node.upper is None else ast.Slice(None, bound)), words
                    yield (ast.Slice(None, bound) if node.upper is None else ast.Slice(bound)), words
        for field in ("lower", "upper"):
            bound = getattr(node, field)
            for other in _neighbors(bound) if bound is not None else ():
                edit = copy.copy(node)
                setattr(edit, field, other)
                yield edit, ""
        if node.lower is not None and node.upper is None and _number(node.lower) in (1, -1):
            yield ast.Slice(None, ast.UnaryOp(ast.USub(), ast.Constant(1)), node.step), ""
        if node.upper is not None and node.lower is None and _number(node.upper) == -1:
            yield ast.Slice(ast.Constant(1), None, node.step), ""
    if isinstance(node, ast.Subscript):
        parts = _parts(node)
        for k, part in enumerate(parts):
            if isinstance(part, (ast.Name, ast.BinOp, ast.Constant, ast.UnaryOp)) and _number(part) is not Ellipsis:
                if isinstance(part, ast.Constant) and not isinstance(part.value, int):
                    continue
                for other in _neighbors(part):
                    yield _with_parts(node, [*parts[:k], other, *parts[k + 1 :]]), f"the index {quote(part)} is wrong"


def _neighbors(node):
    """Yield the numbers next to an index or a bound, and what a sum in it adds to."""
    number = _number(node)
    if isinstance(number, int):
        yield from (ast.Constant(other) for other in (number + 1, number - 1, 0, -1) if other != number)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and _number(node.right) == 1:
        yield node.left
    else:
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))
        yield ast.BinOp(node, ast.Sub(), ast.Constant(1))
        if isinstance(node, ast.BinOp):
            yield from (part for part in ast.walk(node) if isinstance(part, ast.Name))


def read_part(node, scope):
    """Leave out the first or the last entry of an array, or of the middle of a loop."""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        value = scope.values.get(ast.unparse(node))
        if isinstance(value, np.ndarray) and value.ndim and len(value) > 1:
            for index in ("[1:]", "[:-1]"):
                yield _expression(ast.unparse(node) + index), f"{quote(node)} is read as a whole"


def change_range(node, scope):
    """Let a loop start or end one step earlier or later."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "range" and node.args):
        return
    start, stop, *step = node.args if len(node.args) > 1 else (ast.Constant(0), node.args[0])
    on = -1 if step and isinstance(_number(step[0]), int) and _number(step[0]) < 0 else 1  # the direction
    for text, first, last in (
        ("the last step is left out", start, _plus(stop, on)),
        ("there is one step too many", start, _plus(stop, -on)),
        ("the first step is left out", _plus(start, -on), stop),
        ("the first step does not belong here", _plus(start, on), stop),
    ):
        yield ast.Call(node.func, [first, last, *step], []), text


def _plus(node, number):
    value = _number(node)
    if isinstance(value, int):
        return ast.Constant(value + number)
    if isinstance(node, ast.BinOp) and _number(node.right) == 1:
        if isinstance(node.op, ast.Sub if number > 0 else ast.Add):
            return node.left
    return ast.BinOp(node, ast.Add() if number > 0 else ast.Sub(), ast.Constant(1))


def group_rows(node, scope):
    """Repeat or group rows so that the captions of one image are side by side."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.tile" and len(node.args) == 2:
        counts = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        axis = [ast.keyword("axis", ast.Constant(0))]
        words = f"np.tile lets the rows take turns; {GROUPS}"
        for keywords in (axis, []):
            yield ast.Call(_expression("np.repeat"), [node.args[0], *counts[:1]], keywords), words
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.concatenate", "np.vstack") and node.args:
        if isinstance(node.args[0], ast.BinOp) and isinstance(node.args[0].left, ast.List):
            rows = node.args[0].left.elts[:1]
            axis = ast.keyword("axis", ast.Constant(0))
            yield ast.Call(_expression("np.repeat"), [*rows, node.args[0].right], [axis]), GROUPS
    is_reshape = trees.method_of(node) == "reshape" and len(node.args) > 1
    if is_reshape and node not in [_swapped(part) for part in ast.walk(scope.statement)]:
        for k in range(len(node.args) - 1):
            swapped = [*node.args[:k], node.args[k + 1], node.args[k], *node.args[k + 2 :]]
            edit = ast.Call(node.func, swapped, node.keywords)
            yield edit, ""
            axes = [ast.Constant(k), ast.Constant(k + 1)]
            words = GROUPS if k == 0 and _splits_rows(node, scope) else ORDER
            yield ast.Call(ast.Attribute(edit, "swapaxes", ast.Load()), axes, []), words
    array = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    if trees.method_of(array) == "reshape" and _swapped(node) is array and len(array.args) > 1:
        first, second, *rest = array.args
        words = GROUPS if _splits_rows(array, scope) else ORDER
        yield ast.Call(array.func, [second, first, *rest], array.keywords), words
    if trees.method_of(node) in ("sum", "mean") and trees.method_of(array) == "reshape" and len(array.args) > 1:
        axes = {keyword.arg: _number(keyword.value) for keyword in node.keywords}
        if axes.get("axis") in (0, 1):
            swapped = ast.Call(array.func, [array.args[1], array.args[0], *array.args[2:]], [])
            other = [ast.keyword("axis", ast.Constant(1 - axes["axis"]))]
            words = GROUPS if _splits_rows(array, scope) else ORDER
            yield ast.Call(ast.Attribute(swapped, node.func.attr, ast.Load()), [], other), words
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mod, ast.FloorDiv)) and _number(node.right) is None:
        other = ast.FloorDiv() if isinstance(node.op, ast.Mod) else ast.Mod()
        yield ast.BinOp(node.left, other, node.right), ""
        total = scope.values.get(ast.unparse(node.right))
        for name, size in scope.values.items() if isinstance(total, int) else ():
            if type(size) is int and size > 0 and name != ast.unparse(node.right):
                if isinstance(node.op, ast.Mod):
                    for divisor in (f"({name} // {ast.unparse(node.right)})", name):
                        words = GROUPS if ast.unparse(node.right) in IMAGES else ""
                        yield _expression(f"{ast.unparse(node.left)} // {divisor}"), words


def _swapped(node):
    """Return the array whose first two axes a node exchanges by swapaxes, or None."""
    is_swap = trees.method_of(node) == "swapaxes" and [_number(part) for part in node.args] in ([0, 1], [1, 0])
    return node.func.value if is_swap else None


IMAGES = ("N", "images", "len(a)", "a.shape[0]")  # usual expressions of the number of images


def _splits_rows(node, scope):
    """Return True if x.reshape(p, q, ...) splits the first axis of x, so that captions may be grouped by image."""
    value = scope.values.get(ast.unparse(node.func.value))
    sizes = [scope.values.get(ast.unparse(part), _number(part)) for part in node.args]
    if not isinstance(value, np.ndarray) or len(node.args) <= value.ndim:
        return False
    sizes = [size if isinstance(size, int) else None for size in sizes]
    rest, axes = ([size for size in part if size != 1] for part in (sizes[2:], value.shape[1:]))
    return len(rest) == len(axes) and all(size in (None, -1, right) for size, right in zip(rest, axes, strict=True))


def change_padding(node, scope):
    """Change what np.pad puts around an array, and on which sides."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "np.pad"):
        return
    others = [keyword for keyword in node.keywords if keyword.arg not in ("mode", "constant_values")]
    arguments = node.args[:2]
    for text, words in (("0", "zeros belong"), ("-np.inf", "-inf belongs")):
        keywords = [*others, ast.keyword("constant_values", _expression(text))]
        old = next((quote(k.value) for k in node.keywords if k.arg in ("mode", "constant_values")), "zeros")
        yield ast.Call(node.func, arguments, keywords), f"the padding is {old} where {words}"
    if len(arguments) == 2 and isinstance(arguments[1], ast.Tuple):
        pairs = [pair for pair in arguments[1].elts if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
        uneven = [pair for pair in pairs if ast.unparse(pair.elts[0]) != ast.unparse(pair.elts[1])]
        for size in ("padding", "pad", "p"):
            if uneven and isinstance(scope.values.get(size), int):
                even = ast.Tuple([ast.Name(size, ast.Load())] * 2, ast.Load())
                elements = [even if pair in uneven else pair for pair in arguments[1].elts]
                edit = ast.Call(node.func, [arguments[0], ast.Tuple(elements, ast.Load())], node.keywords)
                yield edit, f"the padding belongs on both sides: {size} before and {size} after"


PADDINGS = ("padding", "pad")  # usual names


def insert_padding(node, scope):
    """Add the padding of both sides to a size."""
    value = scope.values.get(ast.unparse(node)) if isinstance(node, (ast.Name, ast.Subscript)) else None
    if type(value) is int and value > 0 and isinstance(node.ctx, ast.Load):
        for name in PADDINGS:
            if name in scope.values and name != ast.unparse(node):
                words = f"the padding of {quote(node)} is forgotten: {name} on both sides"
                yield _expression(f"{ast.unparse(node)} + 2 * {name}"), words


COPIES = ("flatten", "copy")


def write_through(node, scope):
    """Change the array itself where a copy of it is changed, or a name is bound to a new array."""
    if trees.method_of(node) in COPIES and not node.args:
        array = node.func.value
        words = f"{quote(node)} is a copy: a change of it never reaches {quote(array)}"
        if node.func.attr == "flatten":
            yield ast.Call(ast.Attribute(array, "reshape", ast.Load()), [ast.Constant(-1)], []), words
        else:
            yield array, words
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.copy", "np.array") and len(node.args) == 1:
        yield node.args[0], f"{quote(node)} is a copy: a change of it never reaches {quote(node.args[0])}"
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if isinstance(scope.values.get(name), np.ndarray):
            words = f"`{name}` becomes a new array: the array that it was before stays unchanged"
            target = ast.Subscript(ast.Name(name, ast.Load()), ast.Constant(...), ast.Store())
            yield ast.Assign([target], node.value, lineno=node.lineno), words
    if isinstance(node, (ast.Name, ast.Attribute)) and operators.is_value(node, scope):
        if isinstance(scope.values.get(ast.unparse(node)), np.ndarray):
            yield ast.Call(ast.Attribute(node, "copy", ast.Load()), [], []), f"{quote(node)} must be copied first"


def _shape(value):
    return getattr(value, "shape", ())


def change_key(node, scope):
    """Read another entry of a dict, of the same shape."""
    if not _is_read(node) or not isinstance(_number(node.slice), str):
        return
    entries, key = scope.values.get(ast.unparse(node.value)), _number(node.slice)
    if isinstance(entries, dict):
        for other, value in entries.items():
            if isinstance(other, str) and other != key and _shape(value) == _shape(entries.get(key)):
                yield ast.Subscript(node.value, ast.Constant(other), node.ctx), ""
