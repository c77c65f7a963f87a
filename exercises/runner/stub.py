"""Rendering of a learner's file from its lesson and from the library's signatures, docstrings and caches.

The lines that unpack and pack a cache are given: a function's file holds them as the library's function has them.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from types import FunctionType

from exercises.judging import trees
from exercises.runner.lessons import Lesson

WIDTH = 120  # columns of a line


def render(lesson: Lesson) -> str:
    """Return the text of the learner's file of a lessons.Lesson."""
    functions = [stub(task.function, lesson.number) for task in lesson.tasks]
    head = f'"""{_headline(lesson)}\n\n{lesson.intro}\n{_last_lines(lesson)}\n"""\n\n{lesson.imports}\n'
    return "\n\n".join([head, *functions])


def _headline(lesson):
    """Return the first line: number and title on the left; difficulty, time and prerequisites on the right."""
    title, facts = f"Exercise {lesson.number}: {lesson.title}", lesson.facts
    right = f"(difficulty {facts.difficulty} of 3, about {facts.minutes} minutes{_prerequisites(facts.builds_on)})"
    return title + right.rjust(WIDTH - len('"""') - len(title))


def _prerequisites(numbers):
    if not numbers:
        return ""
    *others, last = map(str, numbers)
    text = f"{', '.join(others)} and {last}" if others else last
    return f"; builds on exercise{'s' * (len(numbers) > 1)} {text}"


def _last_lines(lesson):
    """Return the lines on how to check the answer and where to read more."""
    number = lesson.number
    commands = [f"check {number}", f"hint {number}", *[f"check {number} --pencil"] * bool(lesson.pencil())]
    lines = ["Run             " + "   ".join(f"python -m exercises {command}" for command in commands)]
    if lesson.facts.chapter:
        lines.append(f"Read            exercises/chapters/{lesson.facts.chapter}.md: the longer story, with figures")
    return "\n".join(lines)


def stub(function: Callable, number: int) -> str:
    """Return the function's signature and docstring, and a body that raises NotImplementedError.

    Its decorators stay, except `@float32`, which declares the library's kernel. Above the `raise`, the argument `cache`
    is unpacked; below it, the results are returned with their cache.
    """
    function = trees.plain_function(function)
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    lines = source.splitlines()
    parts = [lines[d.lineno - 1 : d.end_lineno] for d in definition.decorator_list if not _declares_kernel(d)]
    parts.append(lines[definition.lineno - 1 : definition.body[0].end_lineno])
    head = [line for part in parts for line in part]
    task = f'raise NotImplementedError("exercise {number}: {definition.name}")'
    body = [*_unpacking(function), task, *_packing(function)]
    return "\n".join([*head, *(f"    {line}" for line in body)]) + "\n"


def docstring(function: Callable) -> str:
    """Return the docstring of a function, read from the source, because `python -OO` drops it."""
    source = textwrap.dedent(inspect.getsource(trees.plain_function(function)))
    return ast.get_docstring(ast.parse(source).body[0]) or ""


def shapes(function: Callable) -> dict[str, tuple[str, ...]]:
    """Return {argument or result: names of its axes, such as ("B", "4S")}, from the function's docstring."""
    matches = re.findall(r"^ +([\w, ]+): \(([^()]+)\)", docstring(function), re.M)
    pairs = [(name.strip(), axes) for names, axes in matches for name in names.split(",")]
    return {name: tuple(part.strip() for part in axes.rstrip(",").split(",")) for name, axes in pairs}


def _declares_kernel(decorator):
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "float32"


def _packing(function):
    """Return the last line of a forward function, which returns its results and their cache; [] without a cache.

    A result that the library computes in this line has the name that the docstring gives it.
    """
    results, pack = _results_and_pack(function)
    if pack is None:
        return []
    names = _names_of_results(function)
    results = [node.id if isinstance(node, ast.Name) else names[k] for k, node in enumerate(results)]
    return [f"return {', '.join([*results, ast.unparse(pack)])}"]


def _results_and_pack(function):
    """Return the nodes of a function's results, and the call that makes the cache, or None."""
    tree = trees.tree_of(function)
    value = getattr(tree.body[-1], "value", None)
    if not isinstance(value, ast.Tuple):
        return [], None
    *results, cache = value.elts
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == ast.unparse(cache):
            cache = statement.value
    is_pack = isinstance(cache, ast.Call) and ast.unparse(cache.func).endswith("Cache")
    return results, cache if is_pack else None


def _names_of_results(function):
    """Return the names in the section "Returns" of a docstring."""
    section = docstring(function).split("Returns:\n")[1].split("\nRaises:")[0]
    return [name for line in section.splitlines() if ":" in line for name in line.split(":")[0].strip().split(", ")]


def _unpacking(function):
    """Return the lines that unpack the argument `cache` into variables with the names of the forward function."""
    forward = _forward_of(function)
    if "cache" not in inspect.signature(function).parameters or forward is None:
        return []
    _, pack = _results_and_pack(forward)
    record = forward.__globals__[pack.func.id]
    names = [
        node.id if isinstance(node, ast.Name) else field for node, field in zip(pack.args, record._fields, strict=True)
    ]
    if len(names) == 1:
        return [f"{names[0]} = cache.{record._fields[0]}"]
    lines = [f"{', '.join(names)} = cache"]
    nested = [
        name for name, kind in zip(names, record.__annotations__.values(), strict=True) if _is_of_activation(kind)
    ]
    if nested:  # the results of activations are in caches of their own
        results = ", ".join(name.removeprefix("cache_") for name in nested)
        lines.append(f"{results} = {', '.join(f'{name}.y' for name in nested)}")
    return lines


def _is_of_activation(kind):
    return getattr(kind, "_fields", ()) == ("y",)


def _forward_of(function) -> FunctionType | None:
    """Return the forward function whose cache a backward function takes: of the same name, or the module's only one."""
    space = function.__globals__
    name = function.__name__.replace("backward", "forward")
    if name == function.__name__ or name not in space:
        name = f"{space['__name__'].rpartition('.')[2]}_forward"
    return trees.plain_function(space[name]) if name in space else None
