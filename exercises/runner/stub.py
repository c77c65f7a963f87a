"""A learner's file as it is handed out, made from its lesson and from the library's own signatures and docstrings."""

import ast
import inspect
import textwrap


def render(lesson):
    """The text of an exercise's file. lesson: a workshop.lessons.Lesson."""
    functions = [stub(task.function, lesson.number) for task in lesson.tasks]
    head = f'"""Exercise {lesson.number}: {lesson.title}.\n\n{lesson.intro}\n"""\n\n{lesson.imports}\n'
    return "\n\n".join([head, *functions])


def stub(function, number):
    """The function's decorators, signature and docstring, and a body that raises NotImplementedError."""
    source = textwrap.dedent(inspect.getsource(getattr(function, "py_func", function)))
    definition = ast.parse(source).body[0]
    head = "\n".join(source.splitlines()[: definition.body[0].end_lineno])
    return f'{head}\n    raise NotImplementedError("exercise {number}: {definition.name}")\n'
