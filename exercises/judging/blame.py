"""Find the mistake behind wrong numbers: the array, the equation and the term.

The search asks these questions in order:

1. Does a single edit of the library's function give all the learner's numbers (table.py)?
2. If there are several mistakes, does a single edit give each wrong array?
3. Is a wrong array related to the right one in a simple way, such as by a factor of the batch size (relations.py)?
4. Which local variable is the first that differs from the library's variable of the same name?
5. Which equation do all wrong arrays, and no others, depend on (flow.py)?
"""

import ast
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from exercises.judging import named, repairs, trees
from exercises.judging.flow import Flow, names_in, statement_at
from exercises.judging.judge import Judged, Task
from exercises.judging.relations import relation, wrong_part
from exercises.judging.repair_operators import all_axes_reversed
from exercises.judging.table import Entry, Table, look_into, variables_of

ERRORS = {  # a part of an exception's text: what the function does not expect
    "zero-size array": "an array may be empty: its maximum needs a start value, such as initial=0",
    "math domain error": "a logarithm of 0, or a root of a negative number: test for this case first",
    "ZeroDivisionError": "a division by 0: test for this case first",
}
CONSTRUCTS = re.compile(
    r"missing|forgotten|exchanged|swapped|rotated|transposed|reshape|overwritten|left out|upside down|wrong way|twice"
)
ROUNDING = 1e-5  # rounding error of float32, relative to the array's size


class Finding(NamedTuple):
    """The place of one mistake."""

    array: str  # the variable of the first wrong equation, by the library's name
    equation: str  # the equation in plain text
    term: str  # what is wrong with the equation, or "" if unknown
    function: str  # the library's function that contains the equation
    certainty: str  # of the term: "certain", "likely", or "unknown" if there is none
    runner_up: str | None = None  # another term that may be the wrong one


def blame(judged: Judged, task: Task, function: Callable, tasks: Sequence[Task], table: Table) -> tuple[Finding, ...]:
    """Find the mistakes of a wrong function.

    Args:
        judged: what judge.judge returned for the function.
        task: the judge.Task of the function.
        function: the learner's function.
        tasks: all Tasks of the exercise.
        table: the Table of the task.
    Returns:
        Tuple of Findings, the most certain first; empty if nothing is found.
    """
    diagnosis = _Diagnosis(task, judged, tasks, table)
    wrong = diagnosis.wrong
    if not wrong and not judged.error:
        return ()
    whole, findings = ([], {}) if judged.error else _edits_that_fit(diagnosis)
    terms = {name: term for name in wrong if name not in findings and (term := _relation(diagnosis, name))}
    right, contradicts = (functools.partial(part, diagnosis) for part in (_is_right, _contradictions))
    more = None if whole or judged.error else table
    is_clear = bool(whole) and (whole[0][1].rank < 0 or len({finding.term for finding, _ in whole}) == 1)
    search = repairs.search(task, function, judged.order[0], right, more, contradicts, is_clear)
    proofs, only_shapes = search.proofs, _only_shapes_differ(diagnosis, whole, terms)
    if only_shapes and not any("a sum" in term for term in terms.values()):  # such a sum only drops an axis of length 1
        proofs = [repair for repair in proofs if not repair.is_sum]
    if proofs:
        return (_proof(diagnosis, proofs, whole, function),)
    if judged.error:
        return tuple(_findings_of_error(diagnosis, function))
    if only_shapes:
        return tuple(diagnosis.finding(diagnosis.function, name, terms[name], True) for name in wrong)
    if whole:
        return (_best_of(diagnosis, whole, function),)
    if search.pair:
        return _two_mistakes(*_findings_of_pair(diagnosis, search.pair, function))
    if len(wrong) > 1 and len(terms) == len(wrong) and len(set(terms.values())) == 1:
        source = diagnosis.flow.bottleneck(set(wrong))
        if diagnosis.flow.reaches(source) == set(wrong):  # one mistake in the source explains all wrong arrays
            return (diagnosis.finding(diagnosis.function, source, terms[wrong[0]], False),)
    findings |= {
        name: diagnosis.finding(diagnosis.function, name.split(".")[0], term, False) for name, term in terms.items()
    }
    for repair in search.parts:
        for name in repair.mended:
            if name in wrong and name not in findings:
                findings[name] = _finding_of_repair(diagnosis, repair, function)._replace(certainty="likely")
    rest = [name for name in wrong if name not in findings]
    first = (_first_wrong_local(diagnosis, function) or _by_flow(diagnosis, rest)) if rest else None
    if first is not None:
        findings = {name: finding._replace(certainty=_less(finding.certainty)) for name, finding in findings.items()}
        if any(finding.array == first.array for finding in findings.values()):
            first = diagnosis.finding(diagnosis.function, rest[0].split(".")[0], "", False)
        findings["first of the rest"] = first._replace(term=first.term or _wrong_part(diagnosis, rest))
    return _first_per_array(findings.values())


def _proof(diagnosis, proofs, whole, function):
    """Return the Finding of the likeliest Repair. It is certain if no other one is as likely in another line.

    Of several Repairs, one of what is written is likelier than an insertion, and then one of the equation of an edit of
    the table. If that edit is a Mistake of the lesson, it tells the mistake in words.
    """
    places = [finding.array for finding, _ in whole]
    ranks = {}
    for k, repair in enumerate(proofs):
        finding = _finding_of_repair(diagnosis, repair, function)
        place = places.index(finding.array) if finding.array in places else len(places)
        agrees = bool(repair.fault.term) and any(entry.term == repair.fault.term for _, entry in whole)
        odd = _contradictions(diagnosis, repair.values)
        ranks[odd, repair.weight, not agrees, place, finding.array != repair.fault.target, k] = repair, finding
    best = min(ranks)
    repair, proof = ranks.pop(best)
    others = [other for rank, other in sorted(ranks.items()) if rank[:2] == best[:2] and not _agree(repair, other[0])]
    in_place = [(finding, entry) for finding, entry in whole if finding.array == proof.array]
    same = next((finding for finding, entry in in_place if entry.rank < 0), None)
    if repair.is_of_a_term:  # 0.5 is missing, or the division by 2: the table knows which
        same = same or next((finding for finding, _ in in_place if finding.term.endswith(" is missing")), None)
    if same is not None:
        return proof._replace(term=f"{same.term} ({repair.place})" if repair.weight == 0 else same.term)
    before = _contradictions(diagnosis, variables_of(diagnosis.task, function, diagnosis.judged.cases[0]))
    chance = diagnosis.wrong_cases < 2 or (repair.is_doubtful and best[2])  # best[2]: the table does not say so
    if repair.weight == 2 or others or chance or best[0] > before:
        runner_up = others[0][1].term if others else None
        return proof._replace(certainty="likely", runner_up=runner_up)
    return proof


def _contradictions(diagnosis, values):
    """Return how many of the learner's variables differ from the library's variable of the same name and shape."""
    names = [name for name in diagnosis.flow.order if isinstance(diagnosis.run.variables.get(name), np.ndarray)]
    pairs = [(values[name], diagnosis.run.variables[name]) for name in names if name in values]
    pairs = [(mine, right) for mine, right in pairs if isinstance(mine, np.ndarray) and mine.shape == right.shape]
    return sum(not named.same(mine, right, diagnosis.task.tolerance) for mine, right in pairs)


def _agree(repair, other):
    """Return True if two Repairs are of the same kind or of the same line, such as a factor here or one step later."""
    first, second = repair.fault, other.fault
    return first.line == second.line or (bool(first.term and second.term) and first.rank == second.rank)


def _findings_of_pair(diagnosis, pair, function):
    """Return the two Findings of Repairs.pair."""
    findings = [_finding_of_repair(diagnosis, repair, function) for repair in pair]
    return findings if len(findings) == 2 else [*findings, diagnosis.finding_of(pair[0].entry, False)]


def _finding_of_repair(diagnosis, repair, function):
    """Return the Finding of a Repair: the equation is that of the first variable that is one of the library's."""
    flow = Flow(trees.plain_function(function), diagnosis.task.outputs)
    edited = set(re.findall(r"\w+", f"{repair.fault.old} {repair.fault.new}"))
    for target in sorted(repair.fault.target.split(", "), key=lambda name: name not in edited):
        own = repair.fault.function is trees.plain_function(function)
        users = _used_from(function, repair.fault.line, flow.downstream(target), flow.outputs) if own else [target]
        for user in users:
            for name in _library_names(diagnosis, user, repair.values.get(user)) if user != "_" else ():
                finding = diagnosis.finding(diagnosis.function, name, repair.sentence, True)
                if finding.equation and not diagnosis.is_right_result(finding.array):
                    return finding
    name = _first_wrong(diagnosis, function) or diagnosis.flow.bottleneck(set(diagnosis.wrong))
    name = name or next(iter(diagnosis.task.equations))
    return diagnosis.finding(diagnosis.function, name, repair.sentence, True)


def _first_wrong(diagnosis, function):
    """Return the first variable with an equation whose value is wrong in the learner's function, or None."""
    yours = variables_of(diagnosis.task, function, diagnosis.judged.cases[0])
    for name in diagnosis.flow.order:
        mine, right = yours.get(name), diagnosis.run.variables.get(name)
        is_pair = isinstance(mine, np.ndarray) and isinstance(right, np.ndarray) and mine.shape == right.shape
        if is_pair and name in diagnosis.task.equations and not named.same(mine, right, diagnosis.task.tolerance):
            return name
    return None


def _used_from(function, line, names, results):
    """Return the names without those, apart from results, that are assigned only above a line, which is in no loop."""
    tree = trees.tree_of(trees.plain_function(function))
    loops = [loop for loop in ast.walk(tree) if isinstance(loop, (ast.For, ast.While))]
    if any(loop.lineno <= line <= loop.end_lineno for loop in loops):
        return names
    assigned = {}
    for statement, *_ in trees.statements(tree):
        for name in trees.targets_of(statement):
            assigned[name] = max(statement.end_lineno, assigned.get(name, 0))
    return [name for name in names if name in results or assigned.get(name, line) >= line]


def _library_names(diagnosis, target, value):
    """Yield the library's variables that a learner's variable may be: a result, of its name and value, of its value."""
    if target.startswith("return ") or target in diagnosis.task.outputs:
        yield target
    variables = {name: diagnosis.run.variables.get(name) for name in diagnosis.flow.order}
    equal = [name for name, right in variables.items() if _equal_arrays(diagnosis, value, right)]
    yield from sorted(equal, key=lambda name: name != target)
    if target in diagnosis.task.equations:
        yield target


def _is_right(diagnosis, name, value):
    """Return True if a value is that of the library's variable of this name, or of any if it has no such variable."""
    variables = diagnosis.run.variables
    names = [name] if name in diagnosis.flow.order else diagnosis.flow.order
    return any(_is_variable(diagnosis, value, variables.get(other)) for other in names)


def _is_variable(diagnosis, value, right):
    """Return True for arrays that are equal, or equal after a reshape that is more than a new axis."""
    if _equal_arrays(diagnosis, value, right):
        return True
    arrays = isinstance(value, np.ndarray) and isinstance(right, np.ndarray) and value.size > 1
    return arrays and np.squeeze(value).ndim != np.squeeze(right).ndim and _differ_by_reshape(diagnosis, value, right)


def _equal_arrays(diagnosis, a, b):
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.size > 1
    return arrays and named.same(a, b, diagnosis.task.tolerance)


def _differ_by_reshape(diagnosis, a, b):
    """Return True if two arrays hold the same numbers in the same order, but not in the same shape."""
    return a.shape != b.shape and a.size == b.size and named.same(a.ravel(), b.ravel(), diagnosis.task.tolerance)


def _best_of(diagnosis, whole, function):
    """Return the likeliest of several Findings whose edits give all numbers, with its certainty.

    It is certain only if no edit of another equation gives the same numbers, and if they are wrong in two cases.
    An edit of a function of the library that the learner's function calls is no mistake of the learner.
    """
    yours = variables_of(diagnosis.task, function, diagnosis.judged.cases[0])
    calls = {name for name in trees.plain_function(function).__code__.co_names if name not in diagnosis.tasks}
    whole = [pair for pair in whole if pair[1].function not in calls] or whole
    guilty = [pair for pair in whole if pair[1].rank < 0 or not _is_among(diagnosis, pair[0].array, yours)] or whole
    possible = [pair for pair in guilty if not _is_contradicted(diagnosis, pair, function)] or guilty
    best, entry = possible[0]
    same_kind = [finding for finding, other in possible if entry.rank >= 0 or other.rank < 0]
    other = next((finding for finding in same_kind if finding.term != best.term), None)
    other = other or next((finding for finding, _ in possible if finding.array != best.array), None)
    doubts = _is_contradicted, _is_elsewhere
    is_alone = other is None and len(possible) == len(guilty)
    if is_alone and diagnosis.wrong_cases >= 2 and not any(doubt(diagnosis, possible[0], function) for doubt in doubts):
        return best
    return best._replace(certainty="likely", runner_up=other.term if other else None)


def _is_contradicted(diagnosis, pair, function):
    """Return True if an edit says that something is missing that the learner's function has."""
    finding, entry = pair
    missing = re.search(r"the (step|factor|term|minus)(?: of)? `([^`]+)` is missing", finding.term)
    if missing is None or entry.rank < 0:
        return False
    kind, text = missing.groups()
    if kind == "minus":  # such as that of -np.expm1(x), whatever x is
        parts = ast.walk(trees.tree_of(trees.plain_function(function)))
        return any(isinstance(part, ast.UnaryOp) and ast.unparse(part).startswith(text.split("(")[0]) for part in parts)
    statements = _changes(function, entry.target)
    if kind == "step":
        return len(statements) >= len(_changes(diagnosis.run.functions[entry.function][0], entry.target))
    return any(ast.unparse(part) == text for statement in statements for part in ast.walk(statement))


def _is_elsewhere(diagnosis, pair, function):
    """Return True if an edit names a construct, such as a missing factor, that the learner's statements do not show.

    They can show it if they change the variable in another way than the library's statements do.
    """
    finding, entry = pair
    if not CONSTRUCTS.search(finding.term):
        return False
    library_function = diagnosis.run.functions[entry.function][0]
    right, yours = (
        {ast.unparse(part) for name in entry.target.split(", ") for part in _changes(owner, name)}
        for owner in (library_function, function)
    )
    return not yours or yours == right


def _changes(function, target):
    """Return the statements of a function that change a variable, or that return for a target such as "return 0"."""
    statements = [statement for statement, *_ in trees.statements(trees.tree_of(trees.plain_function(function)))]
    if target.startswith("return "):
        return [part for part in statements if isinstance(part, ast.Return)]
    return [part for part in statements if target in trees.targets_of(part) and not hasattr(part, "body")]


def _two_mistakes(first, second):
    """Return the Findings of two mistakes that together give the numbers: one Finding if the equation is the same."""
    first, second = (finding._replace(certainty="likely") for finding in (first, second))
    if (first.function, first.array) == (second.function, second.array):
        return (first._replace(term=f"{first.term}, and {second.term}"),)
    return first, second


def _only_shapes_differ(diagnosis, whole, terms):
    """Return True if all wrong arrays hold the right numbers in another shape, and no Mistake of the lesson fits."""
    if diagnosis.judged.error:
        return False
    yours, right = diagnosis.judged.yours[0], diagnosis.judged.expected[0]
    shapes = all(np.shape(yours[name]) != np.shape(right[name]) and name in terms for name in diagnosis.wrong)
    return shapes and not any(entry.rank < 0 for _, entry in whole)


def _wrong_part(diagnosis, names):
    """Describe the wrong part of the first of these arrays that is right elsewhere, or return ""."""
    yours, right = diagnosis.judged.yours[0], diagnosis.judged.expected[0]
    return next(filter(None, (wrong_part(name, yours.get(name), right[name]) for name in names)), "")


def _first_per_array(findings):
    """Return the first Finding of each array."""
    return tuple({(f.function, f.array): f for f in reversed(list(findings))}.values())[::-1]


class _Diagnosis:
    """A wrong function, a run of the library's function with its variables, and the data flow between these."""

    def __init__(self, task, judged, tasks, table):
        self.task, self.judged, self.table = task, judged, table
        self.tasks = {exercise_task.name: exercise_task for exercise_task in tasks}
        self.run = look_into(task, judged.cases[0])
        self.function = self.run.function
        self.flow = Flow(self.function, task.outputs)
        self.wrong = self._wrong()

    @property
    def wrong_cases(self) -> int:
        """Return the number of cases in which a result is wrong; of a single case, of wrong results."""
        if len(self.judged.yours) == 1:
            return len(self.wrong)
        pairs = zip(self.judged.yours, self.judged.expected, strict=True)
        return sum(
            any(not named.same(yours[name], right, self.task.tolerance) for name, right in expected.items())
            for yours, expected in pairs
        )

    def cases_with_wrong(self, name: str) -> int:
        """Return the number of cases in which a result is wrong."""
        pairs = zip(self.judged.yours, self.judged.expected, strict=True)
        return sum(
            name in right and not named.same(yours[name], right[name], self.task.tolerance) for yours, right in pairs
        )

    def is_right_result(self, name: str) -> bool:
        """Return True for a result that is right in the first case, although another one is wrong there."""
        return bool(self.wrong) and name in self.task.outputs and name not in {w.split(".")[0] for w in self.wrong}

    def _wrong(self):
        """Return the names of the leaves that differ in the first case.

        Members of the cache count only if everything else is right. An array that is float32 by mistake may differ by
        its rounding error; no equation is wrong then.
        """
        yours, expected, names = self.judged.yours, self.judged.expected, []
        for name, right in expected[0].items() if yours else ():
            value = yours[0].get(name)
            rounding = ROUNDING if getattr(value, "dtype", None) == np.float32 else 0
            if not named.same(value, right, max(self.task.tolerance, rounding)):
                names.append(name)
        outside_cache = [name for name in names if not name.startswith("cache")]
        return outside_cache or names

    def finding(self, function: Callable, target: str, term: str, exact: bool) -> Finding:
        """Return the Finding for a variable of a library function.

        If the exercise is not about that function, the Finding names the variable that its caller computes with it.

        Args:
            function: the library's function, plain Python.
            target: the variable, or a target as in faults.Fault.
            term: what is wrong, or "".
            exact: True if an edit gives exactly the learner's numbers.
        """
        while function.__name__ not in self.tasks:
            caller, statement = self._caller(function)
            if caller is None:
                return Finding(target, "", term, function.__name__, _certainty(term, exact))
            function, target = caller, ", ".join(trees.targets_of(statement)) or "return 0"
        owner = self.tasks[function.__name__]
        flow = Flow(function, owner.outputs)
        targets = flow.named(target)
        if owner is self.task:
            targets = [name for name in targets if flow.reaches(name) & set(self.wrong)] or targets
        array = next((name for name in targets if name in owner.equations), None)
        array = array or next((name for name in flow.downstream(targets[0]) if name in owner.equations), None)
        if array == "grads" and owner is self.task and len(self.wrong) == 1 and self.wrong[0] in owner.equations:
            array = self.wrong[0]
        if array is None:
            array = self.wrong[0].split(".")[0] if owner is self.task and self.wrong else targets[0]
        return Finding(array, owner.equations.get(array, ""), term, function.__name__, _certainty(term, exact))

    def finding_of(self, entry: Entry, exact: bool) -> Finding:
        """Return the Finding for an edit of the table."""
        return self.finding(self.run.functions[entry.function][0], entry.target, entry.term, exact)

    def _caller(self, function):
        """Return another recorded function that calls this one, and the statement with the call."""
        for caller, _ in self.run.functions.values():
            for statement, *_ in trees.statements(trees.tree_of(caller)):
                if caller is not function and not hasattr(statement, "body") and _calls(statement, function.__name__):
                    return caller, statement
        return None, None


def _less(certainty):
    """Return the certainty of a finding that leaves a wrong array unexplained."""
    return "likely" if certainty == "certain" else certainty


def _certainty(term, exact):
    if not term:
        return "unknown"
    return "certain" if exact else "likely"


def _calls(statement, name):
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func).split(".")[-1] == name for call in calls)


def _edits_that_fit(diagnosis):
    """Look up the edits that give the learner's numbers.

    Returns:
        whole: [(Finding, Entry), ...] of the edits that give all numbers.
        findings: {array: Finding} of edits that give a single wrong array and leave the right ones right.
    """
    orders = diagnosis.judged.order
    fits = np.stack([diagnosis.table.fitting(k, flat) for k, flat in zip(orders, diagnosis.judged.yours, strict=True)])
    in_all_cases = fits.all(axis=0)  # (entries, names)
    whole = np.flatnonzero(in_all_cases.all(axis=1))
    if whole.size:
        entries = [diagnosis.table.entries[k] for k in whole]
        return [(diagnosis.finding_of(entry, True), entry) for entry in entries], {}
    names, findings = diagnosis.table.names, {}
    right = [k for k, name in enumerate(names) if name not in diagnosis.wrong and not name.startswith("cache")]
    harmless = in_all_cases[:, right].all(axis=1)  # an edit that changes a right result is not the learner's mistake
    for name in diagnosis.wrong:
        fitting = np.flatnonzero(in_all_cases[:, names.index(name)] & harmless)
        if fitting.size:
            entry = diagnosis.table.entries[fitting[0]]
            findings[name] = diagnosis.finding_of(entry, diagnosis.cases_with_wrong(name) >= 2)
    return [], findings


def _relation(diagnosis, name):
    judged = diagnosis.judged
    # A case may lack a name: a cache of fewer steps has fewer members.
    known = [case for case, right in enumerate(judged.expected) if name in right]
    pairs = [(judged.yours[case].get(name), judged.expected[case][name]) for case in known]
    return relation(name, pairs, [judged.cases[case] for case in known], diagnosis.run.variables)


def _findings_of_error(diagnosis, function):
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
        diagnosis: the _Diagnosis.
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
        if any(_is_among(diagnosis, name, yours) for name in trees.targets_of(statement)):
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


def _is_among(diagnosis, name, yours):
    """Return True if one of the learner's variables, under any name, equals this variable of the library's function."""
    right = diagnosis.run.variables.get(name)
    return isinstance(right, np.ndarray) and any(
        isinstance(value, np.ndarray) and named.same(value, right, diagnosis.task.tolerance) for value in yours.values()
    )


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
        mine = _equal_arrays(diagnosis, yours.get(first), b) and _equal_arrays(diagnosis, yours.get(second), a)
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
        if arrays and a.shape != b.shape and not _differ_by_reshape(diagnosis, a, b):
            term = f"`{name}` has shape {a.shape}; the library's has {b.shape}"
            return [diagnosis.finding(diagnosis.function, name, term, False)]
    return []


def _first_wrong_local(diagnosis, function):
    """Return the Finding for the first variable that differs from the library's variable of the same name, or None."""
    yours, variables = variables_of(diagnosis.task, function, diagnosis.judged.cases[0]), diagnosis.run.variables
    arguments = diagnosis.judged.cases[0]
    for name in diagnosis.flow.order:
        a, b = yours.get(name), variables.get(name)
        if not (named.is_number(a) and named.is_number(b)) or np.shape(a) != np.shape(b):
            continue
        if named.same(a, b, diagnosis.task.tolerance):
            continue
        if name in arguments and named.same(a, arguments[name], 0):  # only the library's function reassigns it
            continue
        if diagnosis.flow.reaches(name) <= set(diagnosis.wrong):  # no right result depends on it
            return diagnosis.finding(diagnosis.function, name, "", False)
    return None


def _by_flow(diagnosis, wrong):
    """Return the Finding for the last equation that all wrong arrays depend on, or None."""
    best = diagnosis.flow.bottleneck(set(wrong))
    return diagnosis.finding(diagnosis.function, best, "", False) if best else None
