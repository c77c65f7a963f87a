"""Edits of a learner's function that may repair it: operators that repairs.py tries, the likeliest first.

Most operators of mistakes (operators.py) remove or replace something. These insert what is missing, too. An operator
takes a node and a Scope, and yields pairs of an edited node and the mistake in words, or "" for no words.
"""

import ast
import copy
import itertools

import numpy as np

from exercises.judging import operators, trees
from exercises.judging import repair_functions as functions
from exercises.judging import repair_places as places
from exercises.judging.operators import quote


def _without_words(operator):
    """Return an operator of mistakes as one of repairs, without its words, which describe the opposite edit."""

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
                other, words = operand.value, f"{quote(operand.value)} is transposed where it should not be"
            else:
                other, words = ast.Attribute(operand, "T", ast.Load()), f"the transpose of {quote(operand)} is missing"
            setattr(edit, side, other)
            yield edit, words
        yield ast.BinOp(node.right, node.op, node.left), "the factors are the wrong way round"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"{quote(node.value)} is transposed where it should not be"
    if trees.method_of(node) == "swapaxes":
        yield node.func.value, f"{quote(node.func.value)} is transposed where it should not be"


def keep_first_axis(node, scope):
    """Exchange the last two axes of an array of more than two, whose .T reverses all of them."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        axes = getattr(scope.values.get(ast.unparse(node.value)), "ndim", 0)
        if axes > 2:
            edit = ast.parse(f"{ast.unparse(node.value)}.swapaxes({axes - 2}, {axes - 1})", mode="eval").body
            yield edit, all_axes_reversed(node)


def all_axes_reversed(node: ast.Attribute) -> str:
    """Return the sentence about the node x.T of an array x of more than two axes."""
    return f"{quote(node)} reverses all axes: only the last two may change places"


SORTS = ("np.sort", "np.argsort", "np.partition", "np.argpartition")


def reverse_sort(node, scope):
    """Reverse the direction of a sort: negate what it sorts, or change its `reverse`."""
    words = "the sort goes in the wrong direction"
    calls = [part for part in ast.walk(scope.statement) if isinstance(part, ast.Call)]
    if any(ast.unparse(call.func) in SORTS and call.args[:1] == [node] for call in calls):
        is_negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        yield (node.operand if is_negative else ast.UnaryOp(ast.USub(), node)), words
    if isinstance(node, ast.Call) and trees.method_of(node) == "argsort" and ast.unparse(node.func.value) != "np":
        negative = ast.UnaryOp(ast.USub(), node.func.value)
        yield ast.Call(ast.Attribute(negative, "argsort", ast.Load()), node.args, node.keywords), words
    if isinstance(node, ast.Call) and (ast.unparse(node.func) == "sorted" or trees.method_of(node) == "sort"):
        others = [keyword for keyword in node.keywords if keyword.arg != "reverse"]
        reversing = [ast.keyword("reverse", ast.Constant(True))] if others == node.keywords else []
        yield ast.Call(node.func, node.args, [*others, *reversing]), words


def flip_sign(node, scope):
    """Exchange plus and minus, or the operands of a difference."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield ast.BinOp(node.right, node.op, node.left), "the sign is flipped"
    steps = [part.step for part in ast.walk(scope.statement) if isinstance(part, ast.Slice)]
    ranges = [part for part in ast.walk(scope.statement) if isinstance(part, ast.Call) and _calls_range(part)]
    ranges = [argument for call in ranges for argument in call.args]
    ranges += [part for part in ast.walk(scope.statement) if isinstance(part, ast.Slice)]
    bounds = [part for bound in ranges for part in ast.walk(bound)]
    if node not in steps and node not in bounds:  # another step is another order, see `reverse` and `change_range`
        for edit, _ in operators.flip_sign(node, scope):
            yield edit, "a sign is flipped"


def _calls_range(call):
    return ast.unparse(call.func) == "range"


def invert_quotient(node, scope):
    """Exchange the operands of a quotient."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield ast.BinOp(node.right, node.op, node.left), "the quotient is upside down"


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
    names = sorted({part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {"_"})
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
    is_index = isinstance(node, ast.Tuple) and any(isinstance(part, ast.Slice) for part in node.elts)
    if not is_index and not (isinstance(node, ast.Tuple) and ast.unparse(scope.statement).endswith(".shape")):
        for edit, words in operators.swap_elements(node, scope):
            yield edit, words.replace("are swapped", "are exchanged")


def replace_variable(node, scope):
    """Replace a variable by another of the same kind of number and the same shape."""
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return
    text = ast.unparse(node)
    value = scope.values.get(text)
    if not isinstance(value, (np.ndarray, int, float)):
        return
    for other in scope.others:
        candidate = scope.values[other]
        if other != text and _kind(candidate) == _kind(value) and np.shape(candidate) == np.shape(value):
            if candidate is not value or isinstance(node, ast.Name):  # in a loop, an equal one may be older
                yield ast.parse(other, mode="eval").body, ""


def _kind(value):
    return value.dtype.kind if isinstance(value, np.ndarray) else type(value)


def drop_factor(node, scope):
    """Drop a factor or a divisor."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.MatMult)):
        yield node.left, f"the factor {quote(node.right)} does not belong here"
        yield node.right, f"the factor {quote(node.left)} does not belong here"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.left, f"the division by {quote(node.right)} does not belong here"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left, f"the power {quote(node.right)} does not belong here"


def drop_term(node, scope):
    """Drop a term of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield node.left, f"the term {quote(node.right)} does not belong here"
        if isinstance(node.op, ast.Add):
            yield node.right, f"the term {quote(node.left)} does not belong here"
        elif isinstance(node.left, ast.Constant):
            yield node.right, ""


def accumulate(node, scope):
    """Replace `=` by `+=`, and `x[i] += y` by np.add.at."""
    words = "= where += belongs: it is overwritten instead of accumulated"
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in scope.arguments:
        total = ast.BinOp(ast.parse(ast.unparse(node.targets[0]), mode="eval").body, ast.Add(), node.value)
        words_of_term = f"the term {quote(node.targets[0])} is missing"
        yield ast.Assign(node.targets, total, lineno=node.lineno), words_of_term
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Subscript)):
        old = scope.values.get(ast.unparse(node.targets[0]))
        if isinstance(old, (bool, np.bool_)) or (isinstance(old, np.ndarray) and old.dtype.kind == "b"):
            words_of_bool = f"the old {quote(node.targets[0])} is lost: once true, it must stay true"
            yield ast.AugAssign(node.targets[0], ast.BitOr(), node.value, lineno=node.lineno), words_of_bool
        yield ast.AugAssign(node.targets[0], ast.Add(), node.value, lineno=node.lineno), words
    if isinstance(node, ast.Assign) or (isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Subscript):
            if not any(isinstance(part, ast.Slice) for part in ast.walk(target.slice)):
                call = ast.Call(ast.parse("np.add.at", mode="eval").body, [target.value, target.slice, node.value], [])
                yield ast.Expr(call), "an index that occurs twice counts only once"


def reverse(node, scope):
    """Reverse the steps of a loop, or an array along its first axis."""
    words = f"{quote(node)} is in the wrong order" if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        yield ast.Call(ast.Name("reversed", ast.Load()), [node], []), words
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "reversed" and node.args:
        yield node.args[0], words
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        value = scope.values.get(ast.unparse(node).removesuffix(".T"))
        if _is_indexed(node, scope):  # x[::-1][0] is x[-1], see places.shift_slice
            value = None
        if (isinstance(value, np.ndarray) and value.ndim) or isinstance(value, list):
            yield ast.parse(f"{ast.unparse(node)}[::-1]", mode="eval").body, words
    if isinstance(node, (ast.Call, ast.BinOp)) and operators.is_value(node, scope):
        targets = trees.targets_of(scope.statement)
        if len(targets) == 1 and getattr(scope.values.get(targets[0]), "ndim", 0):
            yield ast.parse(f"({ast.unparse(node)})[::-1]", mode="eval").body, words
    if trees.method_of(node) == "cumsum":
        array, arguments = ast.unparse(node.func.value), ", ".join(map(ast.unparse, [*node.args, *node.keywords]))
        edit = ast.parse(f"{array}[::-1].cumsum({arguments})[::-1]", mode="eval").body
        yield edit, f"{quote(node)} sums from the start where the sum to the end belongs"
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "::-1":
        yield node.value, words
    if isinstance(node, ast.Slice) and ast.unparse(node) == "::-1":  # one of several axes
        yield ast.Slice(), f"{quote(node)} reverses an axis whose order is right"


def _is_indexed(node, scope):
    parts = [part for part in ast.walk(scope.statement) if isinstance(part, ast.Subscript) and part.value is node]
    return any(isinstance(part.slice, (ast.Constant, ast.UnaryOp)) for part in parts)


def drop_function(node, scope):
    """Drop an elementwise function or its derivative, where a sentence can quote what remains."""
    for edit, _ in operators.drop_derivative(node, scope):
        if not any(word in ast.unparse(edit) and word not in ast.unparse(node) for word in ("relu", "lambda")):
            yield edit, ""


def add_axis(node, scope):
    """Insert a new axis or keepdims=True."""
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        text, value = ast.unparse(node), scope.values.get(ast.unparse(node))
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fb":
            for index in ("[:, None]", "[..., None]", "[None]")[value.ndim == 1 :]:
                yield ast.parse(text + index, mode="eval").body, f"{quote(node)} lacks a new axis"
    if _is_reduction(node) and not any(keyword.arg == "keepdims" for keyword in node.keywords):
        keyword = ast.keyword("keepdims", ast.Constant(True))
        yield ast.Call(node.func, node.args, [*node.keywords, keyword]), "keepdims is missing"


REDUCTIONS = ("sum", "mean", "max", "min")


def drop_keepdims(node, scope):
    """Remove keepdims=True."""
    if _is_reduction(node):
        others = [keyword for keyword in node.keywords if keyword.arg != "keepdims"]
        if others != node.keywords:
            yield ast.Call(node.func, node.args, others), "leave out keepdims=True"


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
            yield edit, f"a {name} of {quote(array)} where its {other} belongs"
    others = [keyword for keyword in node.keywords if keyword.arg != "axis"]
    for axis in (0, 1, 2, -1, (0, 1), (0, 1, 2)):
        keyword = ast.keyword("axis", ast.parse(repr(axis), mode="eval").body)
        edit = ast.Call(node.func, node.args[: 1 if is_function else 0], [keyword, *others])
        yield edit, f"the {name} of {quote(array)} goes over the wrong axis: axis={axis} is right"


FUNCTIONS = {
    "np.empty": ("np.zeros", "np.empty holds arbitrary numbers"),
    "np.empty_like": ("np.zeros_like", "np.empty_like holds arbitrary numbers"),
    "np.ones": ("np.zeros", ""),
    "np.ones_like": ("np.zeros_like", ""),
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


def insert_unused(node, scope):
    """Add, multiply by or divide by a variable that is given or computed, but never used."""
    if not operators.is_value(node, scope) or isinstance(node, (ast.Tuple, ast.Constant)):
        return
    for name in sorted(scope.unused - {"_", *trees.targets_of(scope.statement)}):
        value = scope.values.get(name)
        if type(value) is int or isinstance(value, float) or getattr(value, "dtype", np.dtype(str)).kind in "fb":
            for operation, words in (
                (ast.Add(), "the term"),
                (ast.Mult(), "the factor"),
                (ast.Div(), "the division by"),
            ):
                for axis in (
                    ("", "[..., None]") if getattr(value, "ndim", 0) and isinstance(operation, ast.Mult) else ("",)
                ):
                    edit = ast.BinOp(node, operation, ast.parse(name + axis, mode="eval").body)
                    yield edit, f"{words} `{name + axis}` is missing"


def insert_term(node, scope):
    """Add or subtract one of the variables."""
    terms = _addends(node)
    for text, _ in _insertable(node, scope):
        if text in terms:
            continue
        for operation in (ast.Add(), ast.Sub()):
            edit = ast.BinOp(node, operation, ast.parse(text, mode="eval").body)
            yield edit, f"the term `{text}` is missing"


def _addends(node):
    """Return the texts of all terms of sums and differences in an expression."""
    sums = [part for part in ast.walk(node) if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Add, ast.Sub))]
    return {ast.unparse(term) for part in sums for term in (part.left, part.right)}


def insert_factor(node, scope):
    """Multiply by 2 or one of the variables, or divide by 2 or one that is a single number."""
    numbers = [("2", 2), ("100", 100)]
    for text, value in [*numbers, *_insertable(node, scope)] if operators.is_value(node, scope) else ():
        is_array = isinstance(value, np.ndarray) and value.ndim > 0
        for axis in ("", "[..., None]", "[:, None]") if is_array else ("",):
            edit = ast.BinOp(node, ast.Mult(), ast.parse(text + axis, mode="eval").body)
            yield edit, f"the factor `{text + axis}` is missing"
        if not is_array:
            edit = ast.BinOp(node, ast.Div(), ast.parse(text, mode="eval").body)
            yield edit, f"the division by `{text}` is missing"
            if isinstance(value, float) and 0 < value < 1:
                edit = ast.BinOp(ast.parse(f"1 - {text}", mode="eval").body, ast.Mult(), node)
                yield edit, f"the factor `1 - {text}` is missing"


def insert_in_term(node, scope):
    """Multiply or divide a term of a sum by a single number."""
    numbers = [text for text in scope.others if type(scope.values[text]) in (int, float)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        for side in ("left", "right"):
            term = getattr(node, side)
            if isinstance(term, (ast.Constant, ast.Slice)) or ast.unparse(term) in numbers:
                continue
            if side == "left" and isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name):
                yield ast.BinOp(node, ast.Div(), ast.Constant(2)), f"the division of {quote(node)} by 2 is missing"
            for text in ["2", *numbers]:
                for operation, words in ((ast.Mult(), "the factor"), (ast.Div(), "the division by")):
                    edit = ast.BinOp(node.left, node.op, node.right)
                    setattr(edit, side, ast.BinOp(term, operation, ast.parse(text, mode="eval").body))
                    yield edit, f"{words} `{text}` is missing"


def _insertable(node, scope):
    """Yield (expression, value) of the variables of floats, and of single numbers, that a value may lack."""
    if not operators.is_value(node, scope) or isinstance(node, ast.Tuple):
        return
    assigned = {*trees.targets_of(scope.statement), ast.unparse(node)}
    if isinstance(node, ast.UnaryOp):  # x - 2 x for -x is a matter of the sign
        assigned.add(ast.unparse(node.operand))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # x.copy() - x is zero by chance
        assigned.add(ast.unparse(node.func.value))
    for text in scope.others:
        value = scope.values[text]
        if text in assigned or isinstance(value, bool) or not isinstance(value, (np.ndarray, int, float)):
            continue
        if not isinstance(value, np.ndarray) or (value.dtype.kind in "fb" and value.size):
            yield text, value


REPAIRS = (
    insert_unused,
    keep_first_axis,
    reverse_sort,
    drop_keepdims,
    transpose,
    accumulate,
    places.change_range,
    reverse,
    flip_sign,
    _without_words(operators.change_comparison),
    swap_elements,
    exchange_variables,
    functions.exchange_operands,
    reduce,
    places.group_rows,
    change_function,
    functions.change_degrees,
    functions.largest_entry,
    places.change_padding,
    places.insert_padding,
    drop_factor,
    drop_term,
    places.use_all,
    places.sum_slice,
    places.sum_groups,
    places.drop_index,
    replace_variable,
    places.change_key,
    drop_function,
    functions.drop_elementwise,
    functions.rename_all,
    functions.replace_expression,
    places.change_all,
    functions.change_family,
    functions.divide_by_count,
    functions.divide_sum,
    functions.change_slope,
    functions.move_out,
    functions.replace_text,
    places.shift_slice,
    functions.change_shape,
    functions.change_operation,
    functions.round_up,
    functions.count_all,
    functions.drop_limit,
    places.write_through,
    functions.replace_number,
    _without_words(operators.change_reduction),
    _without_words(operators.change_number),
    _without_words(operators.drop_new_axis),
    _without_words(operators.move_brackets),
    add_axis,
    sum_up,
    functions.insert_slope,
    insert_term,
    insert_factor,
    functions.insert_inside,
    functions.insert_function,
    insert_in_term,
    functions.replace_size,
    functions.replace_by_other_shape,
    _without_words(operators.overwrite),
    _without_words(operators.drop_statement),
    functions.limit,
    places.read_part,
    negate,
    invert_quotient,
)

# Operators that add what the learner's function does not have. They may repair a mistake of another kind elsewhere.
INSERTIONS = (
    add_axis,
    sum_up,
    insert_term,
    insert_factor,
    insert_in_term,
    functions.insert_inside,
    functions.insert_slope,
    functions.insert_function,
    functions.limit,
    places.read_part,
)

# Operators whose edit may give the right numbers by chance: exp restores the order of a sort, and a new axis lets an
# index change all entries. Such a Repair is never certain by itself.
ACCIDENTAL = (
    add_axis,
    functions.insert_function,
    functions.limit,
    functions.replace_size,
    functions.replace_by_other_shape,
    functions.replace_number,
    functions.change_shape,
    places.read_part,
    places.shift_slice,
    places.write_through,
    negate,
    invert_quotient,
)

# Operators that lose nothing of the learner's numbers. After another one, an edit of the table may lose the same.
OF_PAIRS = (transpose, accumulate, flip_sign, swap_elements, exchange_variables, reduce, places.use_all)
