"""Check the arrays that enter a kernel: shapes, dtypes and contiguity.

Kernels do not check their indices, so a wrong shape would make them read or overwrite other memory. Every function that
runs a kernel declares its arrays in the line above it:

    @checked(x="strided (..., K)", W="(K, O)", y="optional out (..., O)", where="O % LANES == 0")

A size is a name, which means the same number everywhere, or an expression of names, arguments and constants. "..." is
any number of axes, the same in all arrays. Arrays are contiguous float32 arrays, unless words before the shape say
otherwise:

    strided    any layout in memory
    out        the function writes to it
    optional   may be None
    uint8, integer, floating    another dtype
    tuple      a shape, not an array

A tuple of arrays has a tuple of such texts. The arrays are checked in the order of the declaration, so the first one
defines the sizes. `checked` writes the checks as Python code and compiles it, so they take a quarter of a microsecond
an array.
"""

import ast
import functools
import inspect

import numpy as np

KINDS = {  # {word: (a condition that a wrong array meets, the name of the dtype in messages)}
    "float32": ("{}.dtype != float32", "float32"),
    "uint8": ("{}.dtype != uint8", "uint8"),
    "integer": ("{}.dtype.kind not in 'iu'", "integers"),
    "floating": ("{}.dtype.kind != 'f'", "floating-point numbers"),
}


def checked(where="", **declarations):
    """Declare the arrays of a function that runs a kernel.

    Args:
        where: a condition on sizes and arguments, such as "A % LANES == 0"; "" for none.
        declarations: {argument: words and shape of an array, or a tuple of such texts for a tuple of arrays}.
    Returns:
        A decorator. The decorated function raises ValueError for other arrays. `inspect.unwrap` gives the plain one.
    """

    def declare(function):
        parameters = inspect.signature(function).parameters
        constants = {name for name, value in function.__globals__.items() if isinstance(value, int)}
        defaults = {f"_{name}": p.default for name, p in parameters.items() if p.default is not p.empty}
        scope = function.__globals__ | defaults
        scope |= {"function": function, "float32": np.dtype(np.float32), "uint8": np.dtype(np.uint8)}
        exec(_source(function, parameters, defaults, declarations, where, {*parameters, *constants}), scope)
        entry = functools.wraps(function)(scope["entry"])
        entry.declarations, entry.where = declarations, where
        return entry

    return declare


def _source(function, parameters, defaults, declarations, where, known):
    """Return the source of a function `entry` that checks its arguments and calls `function`.

    Args:
        function: the function.
        parameters, defaults: names of its arguments, and those with a default, which the source calls _name.
        declarations, where: as in `checked`.
        known: names of arguments, constants and sizes that are defined; the sizes of all arrays are added.
    """
    label = f"{function.__module__.split('.')[-1]}.{function.__name__}"
    checks = []
    for name, texts in declarations.items():
        for k, text in enumerate(texts if isinstance(texts, tuple) else (texts,)):
            lines = _checks(label, f"{name}[{k}]" if isinstance(texts, tuple) else name, text, known)
            checks += [f"if {name} is not None:", *(f" {line}" for line in lines)] if "optional" in text else lines
    if where:
        checks.append(_refuse(f"not ({where})", f"{label}: {where} is required{_values(where, known)}"))
    kinds = ", ".join(f"{name}: {{type({name}).__name__}}" for name in declarations)
    return "\n".join(
        [
            f"def entry({', '.join(f'{name}=_{name}' if f'_{name}' in defaults else name for name in parameters)}):",
            " try:",
            *(f"  {line}" for line in checks),
            " except AttributeError as error:",
            f"  raise ValueError(f'{label}: NumPy arrays are required, not {kinds}') from error",
            f" return function({', '.join(parameters)})",
        ]
    )


def _checks(label, array, text, known):
    """Return lines of source that check one array. The sizes that they define are added to `known`.

    Args:
        label: name of the function in messages.
        array: expression of the array, such as W or expand[0].
        text: its declaration.
        known: names that are defined.
    """
    words, shape = text[: text.index("(")].split(), text[text.index("(") :]
    node = ast.parse(shape, mode="eval").body
    sizes = [ast.unparse(size).replace("...", "*rest") for size in getattr(node, "elts", [node])]
    needed = _values(shape, known)
    names = [size if size.strip("*").isidentifier() and size.strip("*") not in known else "_" for size in sizes]
    names = [f"*{name}" if name == "_" and size == "*rest" else name for name, size in zip(names, sizes, strict=True)]
    message = f"{label}: {array} must be {shape}{needed}, not {{shape}}"
    fixed = len(sizes) - ("*rest" in sizes)
    lines = [f"shape = {array}" if "tuple" in words else f"shape = {array}.shape"]
    if {"_", "*_"} < {"_", "*_", *names}:  # the array defines a size
        lines.append(_refuse(f"len(shape) {'!=' if fixed == len(sizes) else '<'} {fixed}", message))
        lines.append(f"{', '.join(names)}, = shape")
    lines.append(_refuse(f"shape != ({', '.join(sizes)},)", message))
    known.update(name.strip("*") for name in names)
    if "tuple" in words:
        return lines
    condition, dtype = KINDS[next((word for word in words if word in KINDS), "float32")]
    lines.append(_refuse(condition.format(array), f"{label}: {array} must be {dtype}, not {{{array}.dtype}}"))
    for flag, meaning in _flags(words):
        lines.append(_refuse(f"not {array}.flags.{flag}", f"{label}: {array} must be {meaning}"))
    return lines


def _flags(words):
    """Return the flag that an array with these words has, and its meaning, as a list of at most one pair."""
    if "out" in words:
        return [("writeable", "writeable") if "strided" in words else ("carray", "contiguous and writeable")]
    return [] if "strided" in words else [("c_contiguous", "contiguous")]


def _refuse(condition, message):
    """Return a line of source that raises ValueError under a condition. message: the source of an f-string."""
    return f"if {condition}: raise ValueError(f{message!r})"


def _values(expressions, known):
    """Return the source of the text " with A = 5, ..." for the known names and items in expressions."""
    items = ["rest"] if "..." in expressions and "rest" in known else []
    nodes = [ast.parse(expressions, mode="eval")]
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, ast.Subscript) or (isinstance(node, ast.Name) and node.id in known):
            items.append(ast.unparse(node))
        else:
            nodes.extend(ast.iter_child_nodes(node))
    texts = ["... = {(*rest,)}" if item == "rest" else f"{item} = {{{item}}}" for item in dict.fromkeys(items)]
    return f" with {', '.join(texts)}" if texts else ""
