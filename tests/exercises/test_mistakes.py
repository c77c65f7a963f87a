"""Mistakes that learners make: none passes its check, and nearly all are named, array, equation and term.

Each is a patch of a solution, written down in mistakes/ with what should be said of it. `pytest -s` prints the table.
"""

import ast
import io
import re
from collections import Counter

import implementations
import pytest
from mistakes import MISTAKES

from exercises.runner import worker

LESSONS = {lesson.number: lesson for lesson in implementations.LESSONS}
FOUND = {}  # {mistake: (array and equation named, term named)}, filled by the tests before the last


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


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.exercise}-{m.function}-{m.wrong.strip()[:40]}")
def test_no_mistake_passes(tmp_path, mistake):
    lesson = LESSONS[mistake.exercise]
    path = tmp_path / "mine.py"
    path.write_text(patched(lesson, mistake), encoding="utf-8")
    *_, (found, _) = worker.judged(lesson, path, io.StringIO())
    verdicts = {verdict.name: verdict for verdict in found}
    verdict = verdicts[mistake.function]
    assert verdict.state == "wrong"
    assert all(other.state == "right" for name, other in verdicts.items() if name != mistake.function)
    FOUND[mistake] = named(mistake, verdict)


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


def test_most_mistakes_are_named():
    """Of at least 60 mistakes, 90 in 100 by array and equation, 75 in 100 by term."""
    if len(FOUND) < len(MISTAKES):
        pytest.skip("judges what the other tests of this file have found; run the whole file")
    print()
    for mistake, (array, term) in sorted(FOUND.items(), key=lambda found: found[0].exercise):
        marks = f"{'array' if array else '-----'} {'term' if term else '----'}"
        print(f"{mistake.exercise:3} {mistake.function:27} {marks}  {mistake.words}")
    by_exercise = Counter(mistake.exercise for mistake in FOUND)
    arrays, terms = (sum(found[k] for found in FOUND.values()) for k in (0, 1))
    print(f"{len(FOUND)} mistakes; array and equation named of {arrays}, the term of {terms}")
    assert len(FOUND) >= 60 and set(by_exercise) == set(LESSONS)
    assert arrays >= 0.9 * len(FOUND)
    assert terms >= 0.75 * len(FOUND)
