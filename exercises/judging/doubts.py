"""Reasons to doubt an edit of the library's function that gives a learner's numbers.

Such an edit names a mistake. The learner may have made another one with the same effect, which the learner's
statements show.
"""

import ast
import re

from exercises.judging import trees
from exercises.judging.flow import names_in

CONSTRUCTS = re.compile(
    r"missing|forgotten|exchanged|swapped|rotated|transposed|reshape|overwritten|left out|upside down|wrong way|twice"
)


def is_contradicted(diagnosis, pair, function):
    """Return True if something is missing or overwritten in an edit's words, but not in the learner's function."""
    finding, entry = pair
    overwritten = re.search(r"`(\w+)` is overwritten", finding.term)
    if overwritten:
        return not _is_overwritten(function, overwritten[1])
    missing = re.search(r"the (step|factor|term|minus)(?: of)? `([^`]+)` is missing", finding.term)
    if missing is None or entry.rank < 0:
        return False
    kind, text = missing.groups()
    if kind == "minus":  # such as that of -np.expm1(x), whatever x is
        parts = ast.walk(trees.tree_of(trees.plain_function(function)))
        return any(isinstance(part, ast.UnaryOp) and ast.unparse(part).startswith(text.split("(")[0]) for part in parts)
    statements = statements_that_change(function, entry.target)
    if kind == "step":
        return len(statements) >= len(statements_that_change(diagnosis.run.functions[entry.function][0], entry.target))
    return any(ast.unparse(part) == text for statement in statements for part in ast.walk(statement))


def _is_overwritten(function, name):
    """Return True if a later statement, or one in a loop, overwrites a variable, or if no statement assigns it."""
    tree = trees.tree_of(trees.plain_function(function))
    in_loops = {
        part
        for loop in ast.walk(tree)
        if isinstance(loop, (ast.For, ast.While))
        for part in ast.walk(loop)
        if part is not loop
    }
    statements = [part for part in ast.walk(tree) if isinstance(part, ast.Assign) and name in trees.targets_of(part)]
    statements.sort(key=lambda part: part.lineno)
    arguments = {argument.arg for argument in tree.args.args}
    later = [part for k, part in enumerate(statements) if k or part in in_loops or name in arguments]
    return not statements or any(name not in names_in(part.value) for part in later)


def is_elsewhere(diagnosis, pair, function):
    """Return True if an edit names a construct, such as a missing factor, that the learner's statements do not show.

    They can show it if they change the variable in another way than the library's statements do.
    """
    finding, entry = pair
    if not CONSTRUCTS.search(finding.term):
        return False
    library_function = diagnosis.run.functions[entry.function][0]
    right, yours = (
        {ast.unparse(part) for name in entry.target.split(", ") for part in statements_that_change(owner, name)}
        for owner in (library_function, function)
    )
    return not yours or yours == right


def statements_that_change(function, target):
    """Return the statements of a function that change a variable, or that return for a target such as "return 0"."""
    statements = [statement for statement, *_ in trees.statements(trees.tree_of(trees.plain_function(function)))]
    if target.startswith("return "):
        return [part for part in statements if isinstance(part, ast.Return)]
    return [part for part in statements if target in trees.targets_of(part) and not hasattr(part, "body")]
