"""From wrong numbers to the mistake behind them: which array, which equation, which term.

Asked in this order: does one edit of our function give the learner's numbers (table.py)? If two mistakes are mixed,
does one edit give each array? Is a plain relation seen, such as a factor of the batch's size (relations.py)? Which
local variable is the first that differs from ours of the same name? And in any case: which equation reaches just the
arrays that are wrong (flow.py)?
"""

import ast
import contextlib
from typing import NamedTuple

import numpy as np

from exercises.judging import named, trees
from exercises.judging.flow import Flow, names_in, statement_at
from exercises.judging.relations import relation, wrong_part
from exercises.judging.table import look_into
from exercises.judging.watching import watching

ROUNDING = 1e-5  # of float32, relative to the array's size


class Finding(NamedTuple):
    """Where one mistake lies."""

    array: str  # the variable of the first wrong equation, by the library's name
    equation: str  # it, in plain text
    term: str  # what is wrong with it, as far as is known
    function: str  # the function of the library that states the equation
    exact: bool  # an edit of it gives just these numbers


def blame(judged, task, function, tasks, table):
    """Where the mistakes of a wrong function lie, the surest first. Returns a tuple of Findings, maybe empty.

    judged: of judge.judge; function: the learner's; tasks: all of the exercise; table: of table.load, the task's.
    """
    place = _Place(task, judged, tasks, table)
    if judged.error:
        return tuple(_of_what_raises(place, function))
    wrong = place.wrong
    if not wrong:
        return ()
    whole, found = _edits_that_fit(place)
    if whole:
        return (whole,)
    terms = {name: term for name in wrong if name not in found and (term := _relation(place, name))}
    if len(wrong) > 1 and len(terms) == len(wrong) and len(set(terms.values())) == 1:
        source = place.flow.bottleneck(set(wrong))
        if place.flow.reaches(source) == set(wrong):  # all come from this one
            return (place.finding(place.function, source, terms[wrong[0]], False),)
    found |= {name: place.finding(place.function, name.split(".")[0], term, False) for name, term in terms.items()}
    rest = [name for name in wrong if name not in found]
    first = (_first_wrong_local(place, function) or _by_flow(place, rest)) if rest else None
    if first is not None:
        found["first of the rest"] = first._replace(term=first.term or _wrong_part(place, rest))
    return _one_each(found.values())


def _wrong_part(place, names):
    """Of the first of these arrays that is wrong in a part only, which part."""
    yours, right = place.judged.yours[0], place.judged.wanted[0]
    return next(filter(None, (wrong_part(name, yours.get(name), right[name]) for name in names)), "")


def _one_each(findings):
    """The first Finding of every array."""
    return tuple({(f.function, f.array): f for f in reversed(list(findings))}.values())[::-1]


class _Place:
    """A wrong function beside the library's: its run, looked into, and how its variables depend on each other."""

    def __init__(self, task, judged, tasks, table):
        self.task, self.judged, self.table = task, judged, table
        self.tasks = {other.name: other for other in tasks}
        self.run = look_into(task, judged.cases[0])
        self.function = self.run.function
        self.flow = Flow(self.function, task.outputs)
        self.wrong = self._wrong()

    def _wrong(self):
        """Names of what differs in the first case; of the cache's members only where all else is right.

        What is float32 by mistake differs by its rounding, too: no equation is to blame for that.
        """
        yours, wanted, names = self.judged.yours, self.judged.wanted, []
        for name, right in wanted[0].items() if yours else ():
            value = yours[0].get(name)
            rounding = ROUNDING if getattr(value, "dtype", None) == np.float32 else 0
            if not named.same(value, right, max(self.task.tolerance, rounding)):
                names.append(name)
        own = [name for name in names if not name.startswith("cache")]
        return own or names

    def finding(self, function, target, term, exact):
        """A Finding for a variable of one of our functions.

        Of a function that this exercise is not about, the variable is the one that its caller makes with it.
        """
        while function.__name__ not in self.tasks:
            caller, statement = self._caller(function)
            if caller is None:
                return Finding(target, "", term, function.__name__, exact)
            function, target = caller, ", ".join(trees.targets_of(statement)) or "return 0"
        stating = self.tasks[function.__name__]
        flow = Flow(function, stating.outputs)
        targets = flow.named(target)
        if stating is self.task:
            targets = [name for name in targets if flow.reaches(name) & set(self.wrong)] or targets
        array = next((name for name in targets if name in stating.equations), None)
        array = array or next((name for name in flow.downstream(targets[0]) if name in stating.equations), None)
        if array is None:
            array = self.wrong[0].split(".")[0] if stating is self.task and self.wrong else targets[0]
        return Finding(array, stating.equations.get(array, ""), term, function.__name__, exact)

    def finding_of(self, entry, exact):
        """A Finding for an edit of the table."""
        return self.finding(self.run.functions[entry.function][0], entry.target, entry.term, exact)

    def _caller(self, function):
        """Another of our functions that calls this one, and the statement in which it does."""
        for caller, _ in self.run.functions.values():
            for statement, *_ in trees.statements(trees.tree_of(caller)):
                if caller is not function and not hasattr(statement, "body") and _calls(statement, function.__name__):
                    return caller, statement
        return None, None


def _calls(statement, name):
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func).split(".")[-1] == name for call in calls)


def _edits_that_fit(place):
    """The edit that gives all the learner's numbers, as a Finding, or None; and {array: Finding} of each alone."""
    orders = place.judged.order
    fits = np.stack([place.table.fitting(k, flat) for k, flat in zip(orders, place.judged.yours, strict=True)])
    everywhere = fits.all(axis=0)  # (entries, names)
    whole = np.flatnonzero(everywhere.all(axis=1))
    if whole.size:
        return place.finding_of(place.table.entries[whole[0]], True), {}
    names, found = place.table.names, {}
    right = [k for k, name in enumerate(names) if name not in place.wrong and not name.startswith("cache")]
    innocent = everywhere[:, right].all(axis=1)  # an edit that spoils what is right is not the learner's
    for name in place.wrong:
        alone = np.flatnonzero(everywhere[:, names.index(name)] & innocent)
        if alone.size:
            found[name] = place.finding_of(place.table.entries[alone[0]], True)
    return None, found


def _relation(place, name):
    pairs = [
        (yours.get(name), right[name]) for yours, right in zip(place.judged.yours, place.judged.wanted, strict=True)
    ]
    return relation(name, pairs, place.judged.cases, place.run.variables)


def _of_what_raises(place, function):
    """The equation on the learner's line that raises, and what is wrong: an edit of ours, or a variable's shape.

    None where it is a name that is not there: what is meant to stand in its place nobody knows.
    """
    if place.judged.error.startswith(("NameError", "UnboundLocalError")):
        return []
    stated, yours = _at_line(place, function), _variables_of(place, function)
    found = _edits_that_raise(place, function, yours)
    if stated:
        found = [finding for finding in found if finding.array == stated[0].array]
    return found[:1] or _of_other_shape(place, yours) or stated


def _at_line(place, function):
    """The equation of the variable that the learner's line gives a value to."""
    statement = statement_at(function, place.judged.verdict.line)
    for name in _targets(place, statement):
        if name in place.flow.order or name in place.task.equations:
            return [place.finding(place.function, name, "", False)]
    return []


def _targets(place, statement):
    """What a learner's statement gives a value to; of several results it returns, those with what raised in them."""
    if not isinstance(statement, ast.Return):
        return trees.targets_of(statement) if statement else []
    parts = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    pairs = list(zip(place.task.outputs, parts, strict=False))
    return [name for name, part in pairs if len(pairs) == 1 or place.judged.expression in ast.unparse(part)]


def _edits_that_raise(place, function, yours):
    """Findings of the edits that raise with the learner's words, those in statements most like the learner's first.

    yours: the learner's variables; what is right among them was not made by a wrong statement.
    """
    judged, found = place.judged, []
    raising = _parsed(judged.expression) or statement_at(function, judged.verdict.line)
    mine = names_in(raising)
    for entry, words in zip(place.table.entries, place.table.words, strict=True):
        if words[judged.order[0]] != judged.error:
            continue
        statement = statement_at(place.run.functions[entry.function][0], entry.line)
        if raising is not None and any(ast.dump(part) == ast.dump(raising) for part in ast.walk(statement)):
            continue  # the learner has this as we have it
        if any(_is_among(place, name, yours) for name in trees.targets_of(statement)):
            continue
        theirs = names_in(statement)
        found.append((-len(mine & theirs) / max(1, len(mine | theirs)), entry))
    return [place.finding_of(entry, False) for _, entry in sorted(found, key=lambda pair: pair[0])]


def _parsed(text):
    """An expression's tree, or None where the text is not one."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _variables_of(place, function):
    """The learner's variables, by name, when the function ends or raises on the first case."""
    function = trees.plain_function(function)
    with watching(lambda frame: frame.f_code is function.__code__) as seen, np.errstate(all="ignore"):
        with contextlib.suppress(Exception):
            place.task.drive(function, named.copied(place.judged.cases[0]))
    return seen.locals.get(function.__code__, {})


def _is_among(place, name, yours):
    """Whether one of the learner's variables is ours of this name, whatever they call it."""
    right = place.run.variables.get(name)
    return isinstance(right, np.ndarray) and any(
        isinstance(value, np.ndarray) and named.same(value, right, place.task.tolerance) for value in yours.values()
    )


def _of_other_shape(place, yours):
    """The first variable, in our order, that the learner calls the same and that has another shape."""
    for name in place.flow.order:
        a, b = yours.get(name), place.run.variables.get(name)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape != b.shape:
            term = f"`{name}` has shape {a.shape}; the library's has {b.shape}"
            return [place.finding(place.function, name, term, False)]
    return []


def _first_wrong_local(place, function):
    """The first variable, in our order, that the learner calls the same and that differs."""
    yours, ours, given = _variables_of(place, function), place.run.variables, place.judged.cases[0]
    for name in place.flow.order:
        a, b = yours.get(name), ours.get(name)
        if not (named.is_number(a) and named.is_number(b)) or np.shape(a) != np.shape(b):
            continue
        if named.same(a, b, place.task.tolerance):
            continue
        if name in given and named.same(a, given[name], 0):  # an argument to which only ours gives a new value
            continue
        if place.flow.reaches(name) <= set(place.wrong):  # it has no part in what is right
            return place.finding(place.function, name, "", False)
    return None


def _by_flow(place, wrong):
    """The last equation on the way to just the arrays that are wrong."""
    best = place.flow.bottleneck(set(wrong))
    return place.finding(place.function, best, "", False) if best else None
