"""Turn edits of the learner's function after which its numbers are right (repairs.py) into findings."""

import ast
import re
from typing import NamedTuple

import numpy as np

from exercises.judging import named, trees
from exercises.judging.diagnosis import contradictions, equal_arrays, is_right
from exercises.judging.doubts import is_contradicted
from exercises.judging.flow import Flow
from exercises.judging.table import variables_of


class _Rank(NamedTuple):
    """How likely a Repair is among others: the smallest is the likeliest."""

    contradictions: int  # number of the learner's variables that differ from the library's after the Repair
    weight: int  # see Repair.weight
    is_unknown: bool  # the table has no edit with the same words
    place: int  # number of the first edit of the table with the same equation
    is_foreign: bool  # the library's function has no such expression
    is_indirect: bool  # the equation is not that of the edited variable
    number: int  # position in the order of the search


def finding_of_proofs(diagnosis, proofs, whole, function):
    """Return the Finding of the likeliest Repair. It is certain if no other one is as likely in another line.

    A Repair that changes an expression is likelier than an insertion. After that, a Repair is likelier if the table has
    an edit of the same equation. If that edit is a Mistake of the lesson, its words describe the mistake.
    """
    ranks, library = {}, ast.unparse(trees.tree_of(diagnosis.function))
    for k, repair in enumerate(proofs):
        finding = finding_of_repair(diagnosis, repair, function)
        rank = _Rank(
            contradictions(diagnosis, repair.values),
            repair.weight,
            not (repair.fault.term and any(entry.term == repair.fault.term for _, entry in whole)),
            _place(finding, whole),
            not (repair.fault.term and _is_expression_of(library, repair.fault.new)),
            finding.array != repair.fault.target,
            k,
        )
        ranks[rank] = repair, finding
    best = min(ranks)
    repair, proof = ranks.pop(best)
    rivals = [(rank, *other) for rank, other in sorted(ranks.items()) if rank.weight <= best.weight]
    others = [
        finding
        for _, other, finding in rivals
        if not (_agree(repair, other) and _is_close(proof, repair, finding, other))
    ]
    same_line = [other for rank, other, _ in rivals if rank[:5] == best[:5] and other.fault.line == repair.fault.line]
    in_place = [
        pair for pair in whole if pair[0].array == proof.array and not is_contradicted(diagnosis, pair, function)
    ]
    mistakes = {finding.term: finding for finding, entry in in_place if entry.rank < 0}
    if repair.is_of_a_term and not mistakes:  # 0.5 is missing, or the division by 2: the table knows which
        mistakes = {finding.term: finding for finding, _ in in_place if finding.term.endswith(" is missing")}
    if mistakes:
        terms = list(mistakes)
        proof = proof._replace(term=f"{terms[0]} ({repair.place})" if repair.weight == 0 else terms[0])
        if diagnosis.wrong_cases >= 2 and len(terms) == 1:
            return proof
        return proof._replace(certainty="likely", runner_up=terms[1] if len(terms) > 1 else None)
    before = contradictions(diagnosis, variables_of(diagnosis.task, function, diagnosis.judged.cases[0]))
    chance = diagnosis.wrong_cases < 2 or (best.is_unknown and (repair.is_doubtful or same_line))
    if (
        repair.weight == 2
        or others
        or chance
        or best.contradictions > before
        or not _is_seen(diagnosis, repair, proof, whole)
    ):
        return proof._replace(certainty="likely", runner_up=others[0].term if others else None)
    return proof


def _is_expression_of(library, text):
    """Return True if the text of a function contains an expression that is more than a name or a number."""
    return not text.isidentifier() and not text.lstrip("-").isdigit() and text in library


def _place(finding, whole):
    """Return the number of the first edit of the table with this equation, or the number of all."""
    return next((k for k, (other, _) in enumerate(whole) if other.array == finding.array), len(whole))


def _is_seen(diagnosis, repair, finding, whole):
    """Return True if the equation of a Repair is wrong by other evidence than the results that it mends.

    Either an edit of the same equation gives the learner's numbers, or the edited variable becomes one of the
    library's. A result needs no other evidence.
    """
    target = repair.fault.target
    if target.startswith("return ") or target in diagnosis.task.outputs or _place(finding, whole) < len(whole):
        return True
    return any(is_right(diagnosis, name, repair.values.get(name)) for name in target.split(", "))


def _agree(repair, other):
    """Return True if two Repairs are of the same kind or of the same line, such as a factor here or one step later."""
    first, second = repair.fault, other.fault
    return first.line == second.line or (bool(first.term and second.term) and first.rank == second.rank)


def _is_close(finding, repair, other_finding, other):
    """Return True if two Repairs are of the same line or the same equation."""
    return repair.fault.line == other.fault.line or finding.array == other_finding.array


def findings_of_pair(diagnosis, pair, function):
    """Return the two Findings of Repairs.pair."""
    findings = [finding_of_repair(diagnosis, repair, function) for repair in pair]
    return findings if len(findings) == 2 else [*findings, diagnosis.finding_of(pair[0].entry, False)]


def finding_of_repair(diagnosis, repair, function):
    """Return the Finding of a Repair: the equation is that of the first variable that is one of the library's."""
    flow = Flow(trees.plain_function(function), diagnosis.task.outputs)
    edited = set(re.findall(r"\w+", f"{repair.fault.old} {repair.fault.new}"))
    for target in sorted(repair.fault.target.split(", "), key=lambda name: name not in edited):
        users = [target]
        if repair.fault.function is trees.plain_function(function):
            users = _changed_in_loop(function, repair.fault.line, target)
            users = users or _used_from(function, repair.fault.line, flow.downstream(target), flow.outputs)
        for user in users:
            for name in _library_names(diagnosis, user, repair.values.get(user)) if user != "_" else ():
                finding = diagnosis.finding(diagnosis.function, name, repair.sentence, True)
                if finding.equation and not diagnosis.is_right_result(finding.array):
                    return finding
    name = _first_wrong(diagnosis, function) or diagnosis.flow.bottleneck(set(diagnosis.wrong))
    name = name or next(iter(diagnosis.task.equations))
    return diagnosis.finding(diagnosis.function, name, repair.sentence, True)


def _changed_in_loop(function, line, name):
    """Return the variables that change in the for loop with this line and loop variable, or [] without such a loop."""
    loops = [node for node in ast.walk(trees.tree_of(trees.plain_function(function))) if isinstance(node, ast.For)]
    for loop in loops:
        if loop.lineno == line and name in trees.targets_of(loop):
            changed = [target for statement, *_ in trees.statements(loop) for target in trees.targets_of(statement)]
            return list(dict.fromkeys(changed))
    return []


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
    """Return the names without those that are assigned above a line only. Keep results, and all names in a loop."""
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
    """Yield the library's variables that a learner's variable may be, by its name and by its value."""
    if target.startswith("return ") or target in diagnosis.task.outputs:
        yield target
    if target in diagnosis.task.equations and target not in diagnosis.flow.order:  # a variable of the exercise's page
        yield target
    variables = {name: diagnosis.run.variables.get(name) for name in diagnosis.flow.order}
    equal = [name for name, right in variables.items() if equal_arrays(diagnosis, value, right)]
    yield from sorted(equal, key=lambda name: name != target)
    if target in diagnosis.task.equations:
        yield target
