"""Say a term in the learner's words: quotes name no variable that only the library's function has.

A term quotes code in backquotes, such as "the factor `du` is missing". A variable of the library becomes the learner's
variable with the same value, or else the expression that computes it from arguments.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence

import numpy as np

from exercises.judging import named, trees
from exercises.judging.diagnosis import Finding
from exercises.judging.judge import Task
from exercises.judging.table import look_into, variables_of

LONGEST = 60  # characters of a quote in which variables are replaced by expressions
DEPTH = 4  # of expressions within expressions


def in_learners_words(findings: Sequence[Finding], task: Task, function: Callable, case: dict) -> tuple[Finding, ...]:
    """Return the findings with terms and runners-up in the learner's words.

    Args:
        findings: what blame.blame returned.
        task: the judge.Task of the function.
        function: the learner's function.
        case: the first wrong case.
    """
    known = _words_of(function)
    results = []
    for finding in findings:
        words = known | set(re.findall(r"\w+", f"{finding.equation} {' '.join(task.outputs)}"))
        texts = [finding.term, finding.runner_up or ""]
        if any(_names_in(quote) - words for text in texts for quote in re.findall(r"`([^`]+)`", text)):
            speaker = _Speaker(task, function, case, finding.function, words)
            term, runner_up = map(speaker.translate, texts)
            finding = finding._replace(term=term, runner_up=runner_up or None)
        results.append(finding)
    return tuple(results)


def _words_of(function):
    """Return the names of the variables that a function uses. (co_names holds names of attributes, too.)"""
    function = trees.plain_function(function)
    code = function.__code__
    own_names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    own_names |= {node.id for node in ast.walk(trees.tree_of(function)) if isinstance(node, ast.Name)}  # comprehensions
    return own_names | set(code.co_names).intersection(function.__globals__)


def _names_in(quote):
    """Return the names of the variables in a quoted expression; none if it is no Python."""
    try:
        tree = ast.parse(quote.strip())
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


class _Speaker:
    """What the library's variables of one function are called in the learner's function."""

    def __init__(self, task, function, case, place, words):
        run = look_into(task, case)
        self._words, self._values, self._definitions = words, {}, {}
        self._yours = variables_of(task, function, case)
        ran = sorted(run.functions.values(), key=lambda pair: pair[0].__name__ != place)  # `place` first
        for library_function, values in reversed(ran):
            self._values |= values
            self._definitions |= dict.fromkeys(values) | _definitions(library_function, values)

    def translate(self, text):
        """Return a term with its quotes in the learner's words."""
        return re.sub(r"`([^`]+)`", lambda match: f"`{self._quote(match[1])}`", text)

    def _quote(self, quote):
        unknown = {name for name in _names_in(quote) - self._words if name in self._values}
        for name in unknown:
            text = self._equal(name) or self._definition(name, DEPTH)
            if text:
                replaced = re.sub(rf"(?<![\w.]){re.escape(name)}\b", lambda _, text=text: text, quote)
                quote = replaced if len(replaced) <= LONGEST else quote
        return quote

    def _equal(self, name):
        """Return the learner's variable with the value of a library's variable, or ""."""
        right = self._values[name]
        equal = (mine for mine, value in self._yours.items() if _are_equal(value, right))
        return next(equal, "")

    def _definition(self, name, depth):
        """Return the expression that computes a variable, with known names only, or ""."""
        tree = self._definitions.get(name)
        if tree is None or not depth:
            return ""
        text = ast.unparse(tree)
        for other in _names_in(text) - self._words:
            if other in self._values:
                inner = self._equal(other) or self._definition(other, depth - 1)
                if not inner:
                    return ""
                text = re.sub(rf"(?<![\w.]){re.escape(other)}\b", lambda _, inner=inner: inner, text)
        return f"({text})" if isinstance(tree, (ast.BinOp, ast.UnaryOp, ast.Compare)) else text


def _are_equal(a, b):
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and b.size > 1
    return arrays and named.same(a, b, 1e-9)


def _definitions(function, values):
    """Return {variable: the expression that a function assigns to it}, for variables that are assigned once.

    A variable that is unpacked from a named tuple, such as the cache, is its member. values: {variable: value}.
    """
    definitions, changes = {}, []
    for statement, *_ in trees.statements(ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]):
        targets = trees.targets_of(statement)
        changes += targets
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
        fields = getattr(values.get(ast.unparse(statement.value)), "_fields", ())
        if len(fields) == len(targets) > 1:
            parts = [ast.Attribute(statement.value, field, ast.Load()) for field in fields]
        if len(parts) == len(targets):
            definitions.update(zip(targets, parts, strict=True))
    return {name: value for name, value in definitions.items() if changes.count(name) == 1}
