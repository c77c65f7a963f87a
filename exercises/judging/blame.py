"""Find the mistake behind wrong numbers: the array, the equation and the term.

The search asks these questions in order:

1. Does a single edit of the library's function give all the learner's numbers (table.py)?
2. If there are several mistakes, does a single edit give each wrong array?
3. Is a wrong array related to the right one in a simple way, such as by a factor of the batch size (relations.py)?
4. Which local variable is the first that differs from the library's variable of the same name?
5. Which equation do all wrong arrays, and no others, depend on (flow.py)?
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from exercises.judging import named, repairs, trees
from exercises.judging.diagnosis import Diagnosis, Finding, contradictions, is_among, is_right, less_certain
from exercises.judging.doubts import is_contradicted, is_elsewhere
from exercises.judging.exceptions import findings_of_error
from exercises.judging.judge import Judged, Task
from exercises.judging.proofs import finding_of_proofs, finding_of_repair, findings_of_pair
from exercises.judging.relations import relation, wrong_part
from exercises.judging.table import Table, variables_of


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
    diagnosis = Diagnosis(task, judged, tasks, table)
    wrong = diagnosis.wrong
    if not wrong and not judged.error:
        return ()
    whole, findings = ([], {}) if judged.error else _edits_that_fit(diagnosis)
    contradicted = whole if all(is_contradicted(diagnosis, pair, function) for pair in whole) else []
    whole = [] if contradicted else whole
    terms = {name: term for name in wrong if name not in findings and (term := _relation(diagnosis, name))}
    right, contradicts = (functools.partial(part, diagnosis) for part in (is_right, contradictions))
    more = None if whole or judged.error else table
    is_clear = bool(whole) and (whole[0][1].rank < 0 or len({finding.term for finding, _ in whole}) == 1)
    search = repairs.search(task, function, judged.order[0], right, more, contradicts, is_clear)
    proofs, only_shapes = search.proofs, _only_shapes_differ(diagnosis, whole, terms)
    if only_shapes and not any("a sum" in term for term in terms.values()):  # such a sum only drops an axis of length 1
        proofs = [repair for repair in proofs if not repair.is_sum]
    if proofs:
        return (finding_of_proofs(diagnosis, proofs, whole, function),)
    if judged.error:
        return tuple(findings_of_error(diagnosis, function))
    if only_shapes:
        return tuple(diagnosis.finding(diagnosis.function, name, terms[name], True) for name in wrong)
    if whole:
        return (_best_of(diagnosis, whole, function),)
    if search.pair:
        return _two_mistakes(*findings_of_pair(diagnosis, search.pair, function))
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
                findings[name] = finding_of_repair(diagnosis, repair, function)._replace(certainty="likely")
    rest = [name for name in wrong if name not in findings]
    first = (_first_wrong_local(diagnosis, function) or _by_flow(diagnosis, rest)) if rest else None
    if first is not None:
        if any(finding.array == first.array for finding in findings.values()):
            first = diagnosis.finding(diagnosis.function, rest[0].split(".")[0], "", False)
        findings["first of the rest"] = first._replace(term=first.term or _wrong_part(diagnosis, rest))
    several = _first_per_array(findings.values())
    if contradicted and not any(finding.term for finding in several):
        return (_best_of(diagnosis, contradicted, function),)
    return tuple(finding._replace(certainty=less_certain(finding.certainty)) for finding in several)


def _best_of(diagnosis, whole, function):
    """Return the likeliest of several Findings whose edits give all numbers, with its certainty.

    It is certain only if no edit of another equation gives the same numbers, and if they are wrong in two cases.
    An edit of a function of the library that the learner's function calls is no mistake of the learner.
    """
    yours = variables_of(diagnosis.task, function, diagnosis.judged.cases[0])
    calls = {name for name in trees.plain_function(function).__code__.co_names if name not in diagnosis.tasks}
    whole = [pair for pair in whole if pair[1].function not in calls] or whole
    guilty = [pair for pair in whole if pair[1].rank < 0 or not is_among(diagnosis, pair[0].array, yours)] or whole
    possible = [pair for pair in guilty if not is_contradicted(diagnosis, pair, function)] or guilty
    best, entry = possible[0]
    same_kind = [finding for finding, other in possible if entry.rank >= 0 or other.rank < 0]
    other = next((finding for finding in same_kind if finding.term != best.term), None)
    other = other or next((finding for finding, _ in possible if finding.array != best.array), None)
    doubts = is_contradicted, is_elsewhere
    is_wrong_here = entry.rank < 0 or not is_among(diagnosis, best.array, yours)
    is_alone = other is None and len(possible) == len(guilty) and is_wrong_here
    if is_alone and diagnosis.wrong_cases >= 2 and not any(doubt(diagnosis, possible[0], function) for doubt in doubts):
        return best
    return best._replace(certainty="likely", runner_up=other.term if other else None)


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
            findings[name] = diagnosis.finding_of(entry, False)
    return [], findings


def _relation(diagnosis, name):
    judged = diagnosis.judged
    # A case may lack a name: a cache of fewer steps has fewer members.
    known = [case for case, right in enumerate(judged.expected) if name in right]
    pairs = [(judged.yours[case].get(name), judged.expected[case][name]) for case in known]
    return relation(name, pairs, [judged.cases[case] for case in known], diagnosis.run.variables)


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
