"""The data flow of a function: which variables each result depends on, read from the source."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence

from exercises.judging import trees


class Flow:
    """The dependences between the variables and the results of one function."""

    def __init__(self, function: Callable, outputs: Sequence[str] | None):
        """Read the function's source.

        Args:
            function: a plain Python function.
            outputs: names of its results, or None for the names in its return statement.
        """
        tree = trees.tree_of(function)
        returned = next((s.value for s in reversed(tree.body) if isinstance(s, ast.Return)), None)
        elements = returned.elts if isinstance(returned, ast.Tuple) else [returned] if returned else []
        names = [element.id if isinstance(element, ast.Name) else f"return {k}" for k, element in enumerate(elements)]
        self.outputs = list(outputs) if outputs and len(outputs) == len(elements) else names
        self.order, self.uses = [], {}
        for statement, *_ in trees.statements(tree):
            self._read(statement)
        for element, output in zip(elements, self.outputs, strict=True):
            self.uses.setdefault(output, set()).update(names_in(element) - {output})

    def _read(self, statement):
        used = names_in(getattr(statement, "iter", None) or getattr(statement, "value", None) or statement)
        targets, value = trees.targets_of(statement), getattr(statement, "value", None)
        in_pairs = isinstance(value, ast.Tuple) and len(value.elts) == len(targets)
        for k, target in enumerate(targets):
            self.order += [target] if target not in self.order else []
            self.uses.setdefault(target, set()).update(names_in(value.elts[k]) if in_pairs else used)

    def named(self, target: str) -> list[str]:
        """Return the variables in the target of a Fault; "return k" becomes the name of result k."""
        if target.startswith("return "):
            k = int(target.split()[1])
            return [self.outputs[k] if k < len(self.outputs) else target]
        return [name for name in target.split(", ") if name != "_"] or [target]

    def reaches(self, variable: str) -> set[str]:
        """Return the results that depend on a variable."""
        return {output for output in self.outputs if variable in self._sources(output)}

    def downstream(self, variable: str) -> list[str]:
        """Return the variable and all that depend on it, the nearest first."""
        variables = [variable]
        for name in variables:
            variables += [user for user, used in self.uses.items() if name in used and user not in variables]
        return variables

    def bottleneck(self, wrong: set[str]) -> str | None:
        """Return the last variable on which all wrong results depend, if possible one on which no other does.

        Args:
            wrong: names of results, or of members of results such as cache.x.
        Returns:
            The variable's name, or None if `wrong` is empty.
        """
        results = {output for output in self.outputs for name in wrong if name == output or _within(name, output)}
        if len(results) == 1:
            return results.pop()
        exact = [name for name in [*self.order, *self.outputs] if results and self.reaches(name) == results]
        if exact:
            return exact[-1]
        wider = [name for name in self.order if results and self.reaches(name) >= results]
        return wider[-1] if wider else (sorted(wrong)[0] if wrong else None)

    def _sources(self, output):
        sources = [output]
        for name in sources:
            sources += [source for source in self.uses.get(name, ()) if source not in sources]
        return set(sources)


def _within(name, output):
    return name.startswith((f"{output}.", f"{output}[")) or (output == "grads" and name.startswith("d"))


def names_in(node: ast.AST | None) -> set[str]:
    """Return the names of the variables in a syntax tree."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node is not None else set()


def statement_at(function: Callable, line: int) -> ast.stmt | None:
    """Return the innermost statement of a function at a line of its file, or None."""
    function = trees.plain_function(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return None
    line -= function.__code__.co_firstlineno - 1
    enclosing = [s for s, *_ in trees.statements(tree.body[0]) if s.lineno <= line <= s.end_lineno]
    return enclosing[-1] if enclosing else None
