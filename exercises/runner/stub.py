"""Rendering of a learner's file from its lesson and from the library's signatures and docstrings."""

import ast
import inspect
import textwrap
from collections.abc import Callable

from exercises.judging import trees
from exercises.runner.lessons import Lesson


def render(lesson: Lesson) -> str:
    """Return the text of the learner's file of a lessons.Lesson."""
    functions = [stub(task.function, lesson.number) for task in lesson.tasks]
    head = f'"""Exercise {lesson.number}: {lesson.title}.\n\n{lesson.intro}\n"""\n\n{lesson.imports}\n'
    return "\n\n".join([head, *functions])


def stub(function: Callable, number: int) -> str:
    """Return the function's signature and docstring, and a body that raises NotImplementedError.

    Its decorators stay, except `@float32`, which declares the library's kernel.
    """
    source = textwrap.dedent(inspect.getsource(trees.plain_function(function)))
    definition = ast.parse(source).body[0]
    lines = source.splitlines()
    parts = [lines[d.lineno - 1 : d.end_lineno] for d in definition.decorator_list if not _declares_kernel(d)]
    parts.append(lines[definition.lineno - 1 : definition.body[0].end_lineno])
    head = "\n".join(line for part in parts for line in part)
    return f'{head}\n    raise NotImplementedError("exercise {number}: {definition.name}")\n'


def _declares_kernel(decorator):
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "float32"
