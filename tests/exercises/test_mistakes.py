"""Mistakes that learners make: none passes its check, and nearly all are named, array, equation and term.

Each is a patch of a solution, written down in mistakes/ with what should be said of it. `pytest -s` prints the table.
"""

import ast
import functools
import io
import re
import tempfile
from collections import Counter
from pathlib import Path

import implementations
import pytest
from mistakes import MISTAKES

from exercises.runner import worker

LESSONS = {lesson.number: lesson for lesson in implementations.LESSONS}


@pytest.fixture(autouse=True)
def of_the_library(request):
    """Judged is against the library, whatever --impl says."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("learners' mistakes are judged against the library")


def patched(lesson, mistake):
    """The solution's text with the mistake in it."""
    text = lesson.solution.read_text(encoding="utf-8")
    node = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == mistake.function)
    lines = text.splitlines(keepends=True)
    places = slice(None, node.lineno - 1), slice(node.lineno - 1, node.end_lineno), slice(node.end_lineno, None)
    before, body, after = ("".join(lines[place]) for place in places)
    assert body.count(mistake.right) == 1, f"{mistake.right!r} is there {body.count(mistake.right)} times"
    return before + body.replace(mistake.right, mistake.wrong) + after


@functools.cache
def verdicts_of(mistake):
    """Return the verdicts on the solution with the mistake in it, by the function's name."""
    lesson = LESSONS[mistake.exercise]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.py"
        path.write_text(patched(lesson, mistake), encoding="utf-8")
        *_, (found, _) = worker.judge_file(lesson, path, io.StringIO())
    return {verdict.name: verdict for verdict in found}


def cases():
    """Yield all mistakes; the first two of each exercise are quick tests."""
    count = Counter()
    for mistake in MISTAKES:
        count[mistake.exercise] += 1
        words = f"{mistake.exercise}-{mistake.function}-{mistake.wrong.strip()[:40]}"
        yield pytest.param(mistake, id=words, marks=[pytest.mark.slow] if count[mistake.exercise] > 2 else [])


@pytest.mark.parametrize("mistake", list(cases()))
def test_no_mistake_passes(mistake):
    verdicts = verdicts_of(mistake)
    assert verdicts[mistake.function].state == "wrong"
    assert all(other.state == "right" for name, other in verdicts.items() if name != mistake.function)


def named(mistake, verdict):
    """Whether the first finding names array and equation, and the term; of misuses, whether the sentence does."""
    if not mistake.array:
        told = bool(re.search(mistake.term, verdict.sentence))
        return told, told
    if not verdict.findings:
        return False, False
    first = verdict.findings[0]
    right = first.array in mistake.array.split(" or ") and bool(first.equation)
    return right, right and bool(re.search(mistake.term, first.term))


@pytest.mark.slow
def test_most_mistakes_are_named():
    """Of at least 60 mistakes, 90 in 100 by array and equation, 75 in 100 by term."""
    found = {mistake: named(mistake, verdicts_of(mistake)[mistake.function]) for mistake in MISTAKES}
    print()
    for mistake, (array, term) in found.items():
        marks = f"{'array' if array else '-----'} {'term' if term else '----'}"
        print(f"{mistake.exercise:3} {mistake.function:27} {marks}  {mistake.words}")
    by_exercise = Counter(mistake.exercise for mistake in found)
    arrays, terms = (sum(told[k] for told in found.values()) for k in (0, 1))
    print(f"{len(found)} mistakes; array and equation named of {arrays}, the term of {terms}")
    assert len(found) >= 60 and set(by_exercise) == set(LESSONS)
    assert arrays >= 0.9 * len(found)
    assert terms >= 0.75 * len(found)
