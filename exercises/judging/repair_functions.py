"""Edits of a learner's function that change which function, operation or number is applied to the right entries.

The operators have the form of those in repair_operators.py.
"""

import ast
import copy

import numpy as np

from exercises.judging import operators, trees
from exercises.judging.operators import quote

FAMILIES = (  # functions that are mistaken for one another
    ("log", "log2", "log10", "log1p"),
    ("exp", "expm1", "exp2"),
    ("floor", "ceil", "round", "rint"),
    ("argmax", "argmin"),
    ("maximum", "minimum"),
    ("zeros", "ones", "empty"),
    ("zeros_like", "ones_like", "empty_like"),
    ("sin", "cos"),
    ("cumsum", "cumprod"),
    ("sum", "prod", "mean", "max", "min"),
    ("std", "var"),
    ("any", "all"),
)
SINGLE_NAMES = (("min", "max"), ("any", "all"))


def change_family(node, scope):
    """Replace a function by another one of its family, as a function of a module or as a method."""
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
        for other in _others(name, FAMILIES):
            edit = ast.Call(ast.Attribute(node.func.value, other, ast.Load()), node.args, node.keywords)
            yield edit, f"{name} where {other} belongs"
            if other in ("max", "min") and not any(keyword.arg == "initial" for keyword in node.keywords):
                initial = ast.keyword("initial", ast.Constant(0))
                yield ast.Call(edit.func, node.args, [*node.keywords, initial]), f"{name} where {other} belongs"
    if isinstance(node.func, ast.Name):
        for other in _others(node.func.id, SINGLE_NAMES):
            edit = ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)
            yield edit, f"{node.func.id} where {other} belongs"


def _others(name, families):
    return [other for family in families if name in family for other in family if other != name]


def largest_entry(node, scope):
    """Replace a norm by the largest absolute entry."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.linalg.norm" and len(node.args) == 1:
        edit = ast.parse(f"np.abs({ast.unparse(node.args[0])}).max(initial=0)", mode="eval").body
        yield edit, "a norm where the largest absolute entry belongs"


def change_degrees(node, scope):
    """Remove ddof, the number by which a variance's divisor is too small."""
    if isinstance(node, ast.Call) and any(keyword.arg == "ddof" for keyword in node.keywords):
        others = [keyword for keyword in node.keywords if keyword.arg != "ddof"]
        yield ast.Call(node.func, node.args, others), "the variance is divided by R - 1 (ddof), not by R"


FUNCTIONS = ("np.sqrt", "np.exp", "np.log", "np.abs", "np.tanh", "np.square")


def insert_function(node, scope):
    """Apply an elementwise function to an operand of the value, or to the value."""
    if not isinstance(node, (ast.Name, ast.BinOp, ast.Call, ast.Attribute, ast.Subscript)) or not _is_load(node):
        return
    value = scope.values.get(ast.unparse(node))
    is_number = isinstance(value, (np.ndarray, float)) and getattr(value, "dtype", np.dtype(float)).kind == "f"
    if is_number or (operators.is_value(node, scope) and value is None):
        for name in FUNCTIONS:
            yield ast.Call(ast.parse(name, mode="eval").body, [node], []), f"{name} of {quote(node)} is missing"


def drop_elementwise(node, scope):
    """Drop an elementwise function of NumPy, or abs."""
    names = (*FUNCTIONS, "abs", "math.exp", "math.log", "math.sqrt")
    if isinstance(node, ast.Call) and ast.unparse(node.func) in names and len(node.args) == 1:
        yield node.args[0], f"{ast.unparse(node.func)} does not belong here"


def replace_expression(node, scope):
    """Replace 1 - x, or a function of x, by a variable of the shape of x."""
    inner = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left):
        inner = node.right
    elif isinstance(node, ast.Call) and len(node.args) == 1 and ast.unparse(node.func) in FUNCTIONS:
        inner = node.args[0]
    value = scope.values.get(ast.unparse(inner)) if inner is not None else None
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1:
        for other in scope.others:
            candidate = scope.values[other]
            if isinstance(candidate, np.ndarray) and candidate.shape == value.shape and candidate.dtype.kind == "f":
                yield ast.parse(other, mode="eval").body, ""


def rename_all(node, scope):
    """Replace a variable at all its places in a value or an index by another one of the same kind and shape."""
    if not (operators.is_value(node, scope) or isinstance(node, (ast.Slice, ast.Tuple))):
        return
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_load(part)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        value = scope.values.get(name)
        if not isinstance(value, (np.ndarray, int, float)):
            continue
        for other in scope.others:
            candidate = scope.values[other]
            if other.isidentifier() and other != name and type(candidate) is type(value):
                if np.shape(candidate) == np.shape(value):
                    yield _Renaming({name: other}).visit(copy.deepcopy(node)), ""


def replace_by_other_shape(node, scope):
    """Replace an array of floats by one of another shape."""
    if not isinstance(node, (ast.Name, ast.Attribute)) or not _is_load(node):
        return
    value = scope.values.get(ast.unparse(node))
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size < 2:
        return
    for other in scope.others:
        candidate = scope.values[other]
        if isinstance(candidate, np.ndarray) and candidate.dtype.kind == "f" and candidate.size > 1:
            if candidate.shape != value.shape:
                axes = ("", "[:, None]", "[..., None]") if candidate.ndim == value.ndim - 1 else ("",)
                yield from ((ast.parse(other + axis, mode="eval").body, "") for axis in axes)


def replace_size(node, scope):
    """Read a size of another array where a size is read."""
    is_size = isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".shape")
    is_size = is_size or (isinstance(node, ast.Call) and ast.unparse(node.func) == "len")
    if is_size and operators.is_value(node, scope):
        for other in scope.others:
            value = scope.values[other]
            for axis in range(value.ndim) if isinstance(value, np.ndarray) else ():
                yield ast.parse(f"{other}.shape[{axis}]", mode="eval").body, ""


def _is_load(node):
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def limit(node, scope):
    """Limit a value from below or above."""
    whole = operators.is_value(node, scope)
    if not whole or isinstance(node, (ast.Tuple, ast.Constant, ast.List, ast.Dict, ast.ListComp)):
        return
    for name, number in (("max", 0), ("max", 1), ("min", 1)):
        words = f"the limit is missing: at {'least' if name == 'max' else 'most'} {number}"
        yield ast.Call(ast.Name(name, ast.Load()), [ast.Constant(number), node], []), words
        edit = ast.parse(f"np.{name}imum", mode="eval").body
        yield ast.Call(edit, [node, ast.Constant(number)], []), words


def drop_limit(node, scope):
    """Drop a limit: the argument of max, min, np.maximum, np.minimum or np.clip that is no number."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("max", "min", "np.maximum", "np.minimum", "np.clip"):
        if len(node.args) > 1:
            for argument in node.args:
                if not isinstance(argument, ast.Constant):
                    yield argument, f"{quote(node)} limits {quote(argument)} where no limit belongs"


OPERATIONS = {
    ast.Add: (ast.Mult, ast.Sub),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Pow, ast.Add, ast.MatMult),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Sub),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.MatMult: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}


def change_operation(node, scope):
    """Replace an operation by another one, or `and` by `or`."""
    if isinstance(node, ast.BinOp):
        for operation in OPERATIONS.get(type(node.op), ()) if not _is_one(node.left) else ():
            yield ast.BinOp(node.left, operation(), node.right), ""
        if isinstance(node.op, ast.Pow):
            yield ast.BinOp(node.right, node.op, node.left), "base and exponent are exchanged"
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values), ""
        for k, part in enumerate(node.values):
            rest = [*node.values[:k], *node.values[k + 1 :]]
            edit = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            yield edit, f"the condition {quote(part)} does not belong here"
    if isinstance(node, ast.AugAssign):
        for operation in OPERATIONS.get(type(node.op), ()):
            yield ast.AugAssign(node.target, operation(), node.value, lineno=node.lineno), ""
        yield ast.Assign([node.target], node.value, lineno=node.lineno), "= belongs here: the old value does not count"


def move_out(node, scope):
    """Move the second operand out of a function's argument: f(a) + b in place of f(a + b)."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        inside = node.args[0]
        call = ast.Call(node.func, [inside.left], node.keywords)
        words = f"{quote(inside.right)} belongs outside of {ast.unparse(node.func)}"
        yield ast.BinOp(call, inside.op, inside.right), words
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.BinOp):
        if isinstance(node.left.op, ast.Div):
            power = ast.BinOp(node.left.right, ast.Pow(), node.right)
            yield ast.BinOp(node.left.left, ast.Div(), power), ""


def change_slope(node, scope):
    """Exchange the slopes 1 - y^2, y (1 - y) and 1 - y of an output y."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left)):
        return
    y = node.right
    is_square = isinstance(y, ast.BinOp) and ast.unparse(y.left) in (ast.unparse(y.right), f"{ast.unparse(y)[:-5]}")
    if isinstance(y, ast.BinOp) and (is_square or isinstance(y.op, ast.Pow)):
        text = ast.unparse(y.left)
        yield ast.parse(f"{text} * (1 - {text})", mode="eval").body, "the slope of tanh where that of sigm belongs"
        yield ast.parse(f"1 - {text}", mode="eval").body, ""
    elif isinstance(y, (ast.Name, ast.Attribute, ast.Subscript)):
        text = ast.unparse(y)
        square = ast.parse(f"1 - {text} ** 2", mode="eval").body
        yield square, f"1 - y where the slope 1 - y^2 of tanh belongs, with y = `{text}`"


def _is_one(node):
    return isinstance(node, ast.Constant) and node.value == 1


def insert_slope(node, scope):
    """Multiply the assigned value by the slope of tanh or sigm at an output y, or at an input."""
    if not operators.is_value(node, scope) or isinstance(node, (ast.Tuple, ast.Constant)):
        return
    for text in scope.others:
        value = scope.values[text]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1:
            if np.abs(value[np.isfinite(value)]).max(initial=0) < 1:
                for slope, words in (
                    (f"(1 - {text} ** 2)", "the slope of tanh is missing: "),
                    (f"{text} * (1 - {text})", "the slope of sigm is missing: "),
                    (f"(1 - {text})", "a factor is missing: "),
                ):
                    edit = ast.parse(f"({ast.unparse(node)}) * {slope}", mode="eval").body
                    yield edit, f"{words}`{slope}`"


def divide_sum(node, scope):
    """Divide the sum by a number where a mean divides by the number of all terms."""
    if trees.method_of(node) == "mean":
        total = copy.deepcopy(node)
        total.func.attr = "sum"
        for name in scope.others:
            if type(scope.values[name]) is int and scope.values[name] > 0:
                edit = ast.BinOp(total, ast.Div(), ast.parse(name, mode="eval").body)
                yield edit, f"a mean divides by the number of all terms, where the sum divided by `{name}` belongs"


def insert_inside(node, scope):
    """Multiply what is summed by a variable."""
    if trees.method_of(node) not in ("sum", "mean") or ast.unparse(node.func.value) == "np":
        return
    array = ast.unparse(node.func.value)
    for text in scope.others:
        value = scope.values[text]
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fb" and text != array:
            for axis in ("", "[..., None]"):
                edit = copy.deepcopy(node)
                edit.func.value = ast.parse(f"{array} * {text}{axis}", mode="eval").body
                yield edit, f"the factor `{text}{axis}` is missing"


def replace_text(node, scope):
    """Exchange the sides of np.searchsorted."""
    if isinstance(node, ast.Constant) and node.value in ("left", "right"):
        yield ast.Constant("right" if node.value == "left" else "left"), ""


def round_up(node, scope):
    """Round a quotient up."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        negative = ast.BinOp(ast.UnaryOp(ast.USub(), node.left), ast.FloorDiv(), node.right)
        yield ast.UnaryOp(ast.USub(), negative), f"{quote(node)} rounds down where it must round up"


def count_all(node, scope):
    """Count repeated entries, too: sum the counts of a dict where its length is taken, or leave out a set."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        argument = node.args[0]
        if node.func.id == "len" and isinstance(scope.values.get(ast.unparse(argument)), dict):
            edit = ast.parse(f"sum({ast.unparse(argument)}.values())", mode="eval").body
            yield edit, f"{quote(node)} counts different entries, not repeated ones"
        if node.func.id == "set":
            yield argument, f"{quote(node)} drops repeated entries"


def divide_by_count(node, scope):
    """Take the mean where a sum is divided by another number."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and trees.method_of(node.left) == "sum":
        edit = copy.deepcopy(node.left)
        edit.func.attr = "mean"
        yield edit, f"the sum is divided by {quote(node.right)}, which is not the number of its terms"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        for name in scope.others:
            if type(scope.values[name]) is int and name != ast.unparse(node.right):
                edit = ast.BinOp(node.left, node.op, ast.parse(name, mode="eval").body)
                yield edit, f"divided by {quote(node.right)} where `{name}` belongs"


def replace_number(node, scope):
    """Replace a constant by a common one, or by a variable that is a single number."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and type(node.operand.value) is int:
        for name in scope.others:
            if type(scope.values[name]) is int:
                yield ast.parse(name, mode="eval").body, ""
    if isinstance(node, ast.Name) and _is_load(node) and isinstance(scope.values.get(node.id), np.ndarray):
        yield ast.Constant(1), ""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float, bool):
        return
    for name in scope.others:
        if type(scope.values[name]) is type(node.value):
            yield ast.parse(name, mode="eval").body, ""
    if type(node.value) is bool:
        yield ast.Constant(not node.value), ""
        return
    for number in (0, 1, 2, 0.5, 3, 100, -np.inf, np.inf):
        if number != node.value:
            text = str(number).replace("inf", "np.inf")
            yield ast.parse(text, mode="eval").body, ""


def change_shape(node, scope):
    """Read another size of a shape, or the size of another array."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        axis = node.slice.value if isinstance(node.slice, ast.Constant) else None
        array = ast.unparse(node.value.value)
        dimensions = getattr(scope.values.get(array), "ndim", 4)
        for other in (*range(dimensions), -1):
            if other != axis:
                yield ast.parse(f"{array}.shape[{other}]", mode="eval").body, ""
        if dimensions > 1:
            rows = ast.parse(f"({array}.size // {array}.shape[-1])", mode="eval").body
            yield rows, f"{quote(node)} counts the entries of one axis where the number of all rows belongs"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and len(node.args) == 1:
        array = ast.unparse(node.args[0])
        dimensions = getattr(scope.values.get(array), "ndim", 0)
        for other in range(1, dimensions):
            yield ast.parse(f"{array}.shape[{other}]", mode="eval").body, ""
        if dimensions > 1:
            rows = ast.parse(f"({array}.size // {array}.shape[-1])", mode="eval").body
            yield rows, f"{quote(node)} counts the entries of one axis where the number of all rows belongs"


def exchange_operands(node, scope):
    """Exchange the names of two numbers, such as p and q, in a value or an index."""
    if not (operators.is_value(node, scope) or isinstance(node, (ast.Tuple, ast.Subscript, ast.Slice))):
        return
    names = sorted({part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {"_"})
    numbers = [name for name in names if type(scope.values.get(name)) in (int, float)]
    for k, first in enumerate(numbers):
        for second in numbers[k + 1 :]:
            edit = _Renaming({first: second, second: first}).visit(copy.deepcopy(node))
            yield edit, f"`{first}` and `{second}` are exchanged"


class _Renaming(ast.NodeTransformer):
    """A transformer that renames variables."""

    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        return ast.Name(self.names.get(node.id, node.id), node.ctx)
