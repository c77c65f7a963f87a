"""Tests of right code: no style of a right function is called wrong."""

import ast

import implementations
import pytest
from right_styles import STYLES

from exercises.runner import worker

LESSONS = {lesson.number: lesson for lesson in implementations.LESSONS}
PARAMS = [(number, k) for number, sources in STYLES.items() for k in range(len(sources))]


def with_function(text, source):
    """Return the text of a solution with one of its functions replaced by another source."""
    name = ast.parse(source).body[0].name
    node = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
    lines = text.splitlines(keepends=True)
    return "".join(lines[: node.lineno - 1]) + source.strip() + "\n\n\n" + "".join(lines[node.end_lineno :])


@pytest.mark.parametrize(("number", "k"), PARAMS)
def test_a_right_style_is_right(tmp_path, number, k):
    lesson = LESSONS[number]
    text = with_function(lesson.solution.read_text(encoding="utf-8"), STYLES[number][k])
    path = tmp_path / "mine.py"
    path.write_text("import math\nfrom collections import Counter\n\nimport numpy as np\n" + text, encoding="utf-8")
    *_, (verdicts, _) = worker.judge_file(lesson, path)
    assert [(verdict.name, verdict.state, verdict.sentence) for verdict in verdicts if verdict.state != "right"] == []


def test_there_are_many_styles():
    assert len(PARAMS) >= 40
