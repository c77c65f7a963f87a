"""Which variables of a function reach which of its results, read from its text."""

import ast
import inspect
import textwrap

from exercises.judging import trees


class Flow:
    """The dependences of one function. outputs: the names of its results, or None for those it returns."""

    def __init__(self, function, outputs):
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
        apart = isinstance(value, ast.Tuple) and len(value.elts) == len(targets)
        for k, target in enumerate(targets):
            self.order += [target] if target not in self.order else []
            self.uses.setdefault(target, set()).update(names_in(value.elts[k]) if apart else used)

    def named(self, target):
        """The variables a target of a Fault stands for: a result by its name."""
        if target.startswith("return "):
            k = int(target.split()[1])
            return [self.outputs[k] if k < len(self.outputs) else target]
        return [name for name in target.split(", ") if name != "_"] or [target]

    def reaches(self, variable):
        """The results that a variable has a part in."""
        return {output for output in self.outputs if variable in self._sources(output)}

    def downstream(self, variable):
        """The variable and those made of it, the nearest first."""
        found = [variable]
        for name in found:
            found += [other for other, used in self.uses.items() if name in used and other not in found]
        return found

    def bottleneck(self, wrong):
        """The last variable that has a part in all of these results and, if there is one, in no other."""
        whole = {output for output in self.outputs for name in wrong if name == output or _within(name, output)}
        if len(whole) == 1:
            return whole.pop()
        fits = [name for name in [*self.order, *self.outputs] if whole and self.reaches(name) == whole]
        if fits:
            return fits[-1]
        wider = [name for name in self.order if whole and self.reaches(name) >= whole]
        return wider[-1] if wider else (sorted(wrong)[0] if wrong else None)

    def _sources(self, output):
        found = [output]
        for name in found:
            found += [other for other in self.uses.get(name, ()) if other not in found]
        return set(found)


def _within(name, output):
    return name.startswith((f"{output}.", f"{output}[")) or (output == "grads" and name.startswith("d"))


def names_in(node):
    """The variables that a piece of a syntax tree mentions."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node is not None else set()


def statement_at(function, line):
    """The innermost statement of a function at a line of its file, or None."""
    function = trees.plain_function(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return None
    line -= function.__code__.co_firstlineno - 1
    around = [s for s, *_ in trees.statements(tree.body[0]) if s.lineno <= line <= s.end_lineno]
    return around[-1] if around else None
