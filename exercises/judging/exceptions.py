"""Find the mistake behind an exception that a learner's function raises."""

import ast
import itertools

import numpy as np

from exercises.judging import named, trees
from exercises.judging.diagnosis import differ_by_reshape, equal_arrays, is_among
from exercises.judging.flow import names_in, statement_at
from exercises.judging.repair_operators import all_axes_reversed
from exercises.judging.table import variables_of

ERRORS = {  # a part of an exception's text: what the function does not expect
    "zero-size array": "an array may be empty: its maximum needs a start value, such as initial=0",
    "math domain error": "a logarithm of 0, or a root of a negative number: test for this case first",
    "ZeroDivisionError": "a division by 0: test for this case first",
}


def findings_of_error(diagnosis, function):
    """Find the equation on the learner's line that raises, and what is wrong with it.

    An undefined name gives no Finding, because its intended value is unknown.
    """
    if diagnosis.judged.error.startswith(("NameError", "UnboundLocalError")):
        return []
    at_line, yours = _at_line(diagnosis, function), variables_of(diagnosis.task, function, diagnosis.judged.cases[0])
    if evident := _exchanged(diagnosis, function, yours) or _reversed_axes(diagnosis, at_line, yours):
        return evident
    findings = _edits_that_raise(diagnosis, function, yours)
    term = next((words for text, words in ERRORS.items() if text in diagnosis.judged.error), "")
    if at_line:
        findings = [finding for finding in findings if finding.array == at_line[0].array]
    at_line = [finding._replace(term=term, certainty="likely") if term else finding for finding in at_line]
    return findings[:1] or _first_wrong_shape(diagnosis, function, yours) or at_line


def _at_line(diagnosis, function):
    """Return the Finding, in a list, for the variable that the learner's failing line assigns."""
    statement = statement_at(function, diagnosis.judged.verdict.line)
    for name in _targets(diagnosis, statement):
        if name in diagnosis.flow.order or name in diagnosis.task.equations:
            return [diagnosis.finding(diagnosis.function, name, "", False)]
    return []


def _targets(diagnosis, statement):
    """Return the variables that a statement assigns, or the returned results that contain the failing expression."""
    if not isinstance(statement, ast.Return):
        return trees.targets_of(statement) if statement else []
    parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    pairs = list(zip(diagnosis.task.outputs, parts, strict=False))
    return [name for name, part in pairs if len(pairs) == 1 or diagnosis.judged.expression in ast.unparse(part)]


def _edits_that_raise(diagnosis, function, yours):
    """Find the edits that raise the same exception as the learner's function.

    Args:
        diagnosis: the Diagnosis.
        function: the learner's function.
        yours: {name: value} of the learner's variables. A statement whose result is among them is not the wrong one.
    Returns:
        List of Findings; those in statements most like the learner's come first.
    """
    judged, scores = diagnosis.judged, []
    failing = _parse_expression(judged.expression) or statement_at(function, judged.verdict.line)
    names = names_in(failing)
    transposes = failing is not None and any(word in ast.unparse(failing) for word in (".T", "swapaxes", "transpose"))
    for entry, words in zip(diagnosis.table.entries, diagnosis.table.words, strict=True):
        if words[judged.order[0]] != judged.error:
            continue
        statement = statement_at(diagnosis.run.functions[entry.function][0], entry.line)
        if failing is not None and any(ast.dump(part) == ast.dump(failing) for part in ast.walk(statement)):
            continue  # the learner's expression equals the library's
        if not transposes and entry.term.endswith("transposed where it should not be"):
            continue
        if any(is_among(diagnosis, name, yours) for name in trees.targets_of(statement)):
            continue
        library_names = names_in(statement)
        scores.append((-len(names & library_names) / max(1, len(names | library_names)), entry))
    return [diagnosis.finding_of(entry, False) for _, entry in sorted(scores, key=lambda pair: pair[0])]


def _parse_expression(text):
    """Return the syntax tree of an expression, or None if the text is no expression."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _comparable(diagnosis, function):
    """Return the library's variables with one value, the same in both functions: neither arguments nor of a loop."""
    repeated = set()
    for code in (function, diagnosis.function):
        for loop in ast.walk(trees.tree_of(trees.plain_function(code))):
            if isinstance(loop, (ast.For, ast.While)):
                repeated |= {name for statement in (loop, *_inside(loop)) for name in trees.targets_of(statement)}
    return [name for name in diagnosis.flow.order if name not in repeated and name not in diagnosis.judged.cases[0]]


def _inside(loop):
    return [statement for statement, *_ in trees.statements(loop)]


def _exchanged(diagnosis, function, yours):
    """Return the Finding, in a list, for two variables of which each has the other's value."""
    variables = diagnosis.run.variables
    for first, second in itertools.combinations(_comparable(diagnosis, function), 2):
        a, b = variables.get(first), variables.get(second)
        mine = equal_arrays(diagnosis, yours.get(first), b) and equal_arrays(diagnosis, yours.get(second), a)
        if mine and not named.same(a, b, diagnosis.task.tolerance):
            return [diagnosis.finding(diagnosis.function, first, f"`{first}` and `{second}` are exchanged", False)]
    return []


def _reversed_axes(diagnosis, at_line, yours):
    """Return the Finding of the failing line, in a list, if its expression has the .T of more than two axes."""
    for node in ast.walk(_parse_expression(diagnosis.judged.expression) or ast.Pass()):
        array = yours.get(ast.unparse(node.value)) if isinstance(node, ast.Attribute) and node.attr == "T" else None
        if getattr(array, "ndim", 0) > 2:
            return [finding._replace(term=all_axes_reversed(node), certainty="likely") for finding in at_line]
    return []


def _first_wrong_shape(diagnosis, function, yours):
    """Return the Finding, in a list, for the first variable whose shape differs from the library's of that name."""
    for name in _comparable(diagnosis, function):
        a, b = yours.get(name), diagnosis.run.variables.get(name)
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        if arrays and a.shape != b.shape and not differ_by_reshape(diagnosis, a, b):
            term = f"`{name}` has shape {a.shape}; the library's has {b.shape}"
            return [diagnosis.finding(diagnosis.function, name, term, False)]
    return []
