"""Lines of a learner's file: where a function computes its results."""

import ast
import re
from collections.abc import Callable, Sequence

from exercises.judging import judge, trees


def line_of(function: Callable, task: judge.Task, verdict: judge.Verdict) -> int:
    """Return the line of a wrong function to look at.

    It is the line of the verdict's sentence, or that of the first finding's term. Otherwise it is the line that
    computes the first array that is blamed or wrong. If there is none, it is the function's first line.

    Args:
        function: the learner's function.
        task: its judge.Task.
        verdict: the judge.Verdict on the function.
    """
    function = trees.plain_function(function)
    if verdict.line or not hasattr(function, "__code__"):
        return verdict.line
    if verdict.findings and (place := re.search(r"\(line (\d+)\b", verdict.findings[0].term)):
        return int(place[1])
    blamed = [finding.array for finding in verdict.findings if finding.function == task.name]
    wrong = [array.name for array in verdict.arrays if not array.right]
    names = [_base(name) for name in (*blamed, *wrong, *verdict.sentence.split()[:1])]
    try:
        lines = _lines(trees.tree_of(function), task.outputs)
    except (OSError, SyntaxError, IndexError):  # no source
        lines = {}
    return next((lines[name] for name in names if name in lines), function.__code__.co_firstlineno)


def _base(name):
    """Return the variable of a result: "cache" for "cache.x", "y" for "y[0]"."""
    return name.split(".")[0].split("[")[0]


def _lines(tree: ast.FunctionDef, outputs: Sequence[str]) -> dict[str, int]:
    """Return {variable or result: the first line that changes it, or that returns it}."""
    lines = {}
    for statement, *_ in trees.statements(tree):
        for name in trees.targets_of(statement):
            lines.setdefault(name, statement.lineno)
        if isinstance(statement, ast.Return) and statement.value is not None:
            is_tuple = isinstance(statement.value, ast.Tuple)
            for output, part in zip(outputs, statement.value.elts if is_tuple else [statement.value], strict=False):
                lines.setdefault(output, lines.get(ast.unparse(part), part.lineno))
    return lines
