"""Tests with typical mistakes: none passes its check, and the diagnosis names most arrays, equations and terms.

Each mistake in mistakes/ is a patch of a solution with the diagnosis to expect. `pytest -s` prints the table.
"""

import ast
import functools
import re
import tempfile
from collections import Counter
from pathlib import Path

import implementations
import pytest
from mistakes import MISTAKES

from exercises.runner import worker

LESSONS = {lesson.number: lesson for lesson in implementations.LESSONS}


def patch_solution(lesson, mistake):
    """Return the text of the solution with the mistake in it."""
    text = lesson.solution.read_text(encoding="utf-8")
    node = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == mistake.function)
    lines = text.splitlines(keepends=True)
    places = slice(None, node.lineno - 1), slice(node.lineno - 1, node.end_lineno), slice(node.end_lineno, None)
    before, body, after = ("".join(lines[place]) for place in places)
    assert body.count(mistake.right) == 1, f"{mistake.right!r} occurs {body.count(mistake.right)} times"
    return before + body.replace(mistake.right, mistake.wrong) + after


def judgements_of(mistake):
    """Yield {function name: verdict} for the solution with the mistake in it, as worker.judge_file does."""
    lesson = LESSONS[mistake.exercise]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.py"
        path.write_text(patch_solution(lesson, mistake), encoding="utf-8")
        for verdicts, _ in worker.judge_file(lesson, path):
            yield {verdict.name: verdict for verdict in verdicts}


def judged(verdicts):
    """Return True if all functions are judged. The findings may still be missing, because they take longer."""
    return all(verdict.state != "running" for verdict in verdicts.values())


@functools.cache
def verdicts_with_findings(mistake):
    """Return {function name: verdict}, with the findings."""
    *_, verdicts = judgements_of(mistake)
    return verdicts


def mistake_params():
    """Yield a pytest parameter for each mistake; all but the first two of each exercise are marked slow."""
    count = Counter()
    for mistake in MISTAKES:
        count[mistake.exercise] += 1
        name = f"{mistake.exercise}-{mistake.function}-{mistake.wrong.strip()[:40]}"
        yield pytest.param(mistake, id=name, marks=[pytest.mark.slow] if count[mistake.exercise] > 2 else [])


@pytest.mark.parametrize("mistake", list(mistake_params()))
def test_no_mistake_passes(mistake):
    verdicts = next(filter(judged, judgements_of(mistake)))
    assert verdicts[mistake.function].state == "wrong"
    assert all(verdict.state == "right" for name, verdict in verdicts.items() if name != mistake.function)


def is_named(mistake, verdict):
    """Compare the first finding with the mistake; a mistake without an array must be named by the verdict's sentence.

    Returns:
        array: True if array and equation are named.
        term: True if the term is named, too.
    """
    if not mistake.array:
        in_sentence = bool(re.search(mistake.term, verdict.sentence))
        return in_sentence, in_sentence
    if not verdict.findings:
        return False, False
    first = verdict.findings[0]
    array = first.array in mistake.array.split(" or ") and bool(first.equation)
    return array, array and bool(re.search(mistake.term, first.term))


@pytest.mark.slow
def test_most_mistakes_are_named():
    """Check that 90 % of at least 60 mistakes are named by array and equation, and 75 % by term."""
    results = {mistake: is_named(mistake, verdicts_with_findings(mistake)[mistake.function]) for mistake in MISTAKES}
    print()
    for mistake, (array, term) in results.items():
        marks = f"{'array' if array else '-----'} {'term' if term else '----'}"
        print(f"{mistake.exercise:3} {mistake.function:27} {marks}  {mistake.words}")
    arrays, terms = (sum(result[k] for result in results.values()) for k in (0, 1))
    print(f"{len(results)} mistakes; array and equation named for {arrays}, the term for {terms}")
    assert len(results) >= 60 and {mistake.exercise for mistake in results} == set(LESSONS)
    assert arrays >= 0.9 * len(results)
    assert terms >= 0.75 * len(results)
