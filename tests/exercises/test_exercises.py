"""Tests of the exercises: stubs are unsolved, solutions are right, hints are complete, each misuse has a message."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys

import implementations
import pytest

from exercises.judging import judge
from exercises.judging.trees import plain_function
from exercises.lessons import FOLLOWS
from exercises.runner import checks, commands, lessons, stub, worker
from numpy_sat.system.errors import InputError

ROOT = implementations.ROOT
each_lesson = pytest.mark.parametrize("lesson", implementations.LESSONS, ids=lambda lesson: lesson.name)
LINEAR = next(lesson for lesson in implementations.LESSONS if lesson.name == "ex03_linear")


def verdicts_of(lesson, path):
    """Return the worker's verdicts on a file, judged in this process."""
    *_, (verdicts, complete) = worker.judge_file(lesson, path or lesson.file)
    assert complete
    return verdicts


def test_numbers_are_without_gaps():
    assert sorted(lessons.names()) == list(range(1, len(implementations.LESSONS) + 1))
    assert len(implementations.LESSONS) >= 18


def test_second_halves_follow_the_first():
    order = list(lessons.names())
    assert all(order[order.index(first) + 1] == second for second, first in FOLLOWS.items())


@each_lesson
def test_an_exercise_has_at_most_four_functions(lesson):
    assert 1 <= len(lesson.tasks) <= 4


@each_lesson
def test_file_equals_its_lessons_stub(lesson):
    assert lesson.file.read_text(encoding="utf-8") == stub.render(lesson), f"python -m exercises reset {lesson.number}"


@each_lesson
def test_stub_has_the_librarys_signature_and_docstring_and_is_unsolved(lesson):
    module = lessons.load_file(lesson.file)
    for task in lesson.tasks:
        function, right = plain_function(getattr(module, task.name)), plain_function(task.function)
        assert inspect.signature(function) == inspect.signature(right)
        assert function.__doc__ == right.__doc__
        assert len(ast.parse(inspect.getsource(function).strip()).body[0].body) == 2 or function.__doc__
    assert [verdict.state for verdict in verdicts_of(lesson, None)] == ["unwritten"] * len(lesson.tasks)


@each_lesson
def test_solution_is_right(lesson):
    module = lessons.load_file(lesson.solution)
    for task in lesson.tasks:
        function, right = plain_function(getattr(module, task.name)), plain_function(task.function)
        assert inspect.signature(function) == inspect.signature(right)
        assert function.__doc__ == right.__doc__
    for verdict in verdicts_of(lesson, lesson.solution):
        assert verdict.state == "right", verdict


@each_lesson
def test_lesson_is_complete(lesson):
    """Check that every function has four hints, one on shapes, and its equations, in ASCII text."""
    assert set(lesson.hints) == {task.name for task in lesson.tasks}
    for task in lesson.tasks:
        assert len(lesson.hints[task.name]) == 4 and all(lesson.hints[task.name])
        assert re.search(r"\([^)]*\)|shape|number", lesson.hints[task.name][2])
        for output in task.outputs:
            has_equation = any(key.split("[")[0] == output for key in task.equations) or output == "grads"
            assert has_equation, f"{task.name}: no equation for {output}"
        assert judge.cases_of(task)
    texts = [lesson.title, lesson.intro, *(text for hints in lesson.hints.values() for text in hints)]
    texts += [equation for task in lesson.tasks for equation in task.equations.values()]
    assert all(text.isascii() for text in texts)
    assert len(lesson.title) <= 40 and max(map(len, lesson.intro.splitlines())) <= 120


RIGHT = """
import numpy as np
from numpy_sat.layers import linear
from numpy_sat.layers.linear import LinearCache

def linear_forward(x, W, b):
    y = x @ W + b
    return y, LinearCache(x, W)

def linear_backward(dy, cache):
    x, W = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ W.T, rows.T @ drows, drows.sum(axis=0)
"""
RAISES = "`rows @ drows`, raises ValueError: matmul" if sys.version_info >= (3, 11) else "line 13 raises ValueError"
MISUSES = {  # {misuse: (text of RIGHT, its replacement, a part of the message)}
    "not Python": ("def linear_forward(x, W, b):", "def linear_forward(x, W, b)", "line 6 is not Python: expected ':'"),
    "import fails": ("import numpy as np", "import nunpy as np", "importing the file fails at line 2: Module"),
    "ends Python": ("import numpy as np", "raise SystemExit(1)", "importing the file fails at line 2: SystemExit: 1"),
    "no function": ("def linear_forward", "def linear_forwards", "there is no function linear_forward in the file"),
    "not a function": ("def linear_forward", "linear_forward = 3\ndef other", "linear_forward is not a function"),
    "other arguments": ("(x, W, b):", "(x, W):", "linear_forward takes (x, W), not (x, W, b)"),
    "for ever": ("    y = x @ W + b", "    while True: pass\n    y = 0", "linear_forward is still running after"),
    "recursion": ("y = x @ W + b", "y = linear_forward(x, W, b)[0]", "linear_forward calls itself without end"),
    "None": ("    return y, LinearCache(x, W)", "    y, LinearCache(x, W)", "linear_forward returns None; it should"),
    "one thing": ("return y, LinearCache(x, W)", "return y", "linear_forward returns 1 value, not 2: y, cache"),
    "a list": ("return y, LinearCache(x, W)", "return [y]", "linear_forward returns 1 value, not 2: y, cache"),
    "no such name": ("y = x @ W + b", "y = x @ w + b", "raises NameError: name 'w' is not defined"),
    "debugger": (
        "y = x @ W + b",
        "y = x @ W + b; breakpoint()",
        "RuntimeError: no debugger during a check, where a function has 4",
    ),
    "cache forgotten": ("LinearCache(x, W)\n", "None\n", "cache is of type NoneType; see the docstring"),
    "list": ("return y, Lin", "return y.tolist(), Lin", "y is of type list, not a NumPy array"),
    "shape": ("return y, Lin", "return y.swapaxes(0, -1), Lin", "y has shape (2, 3), not (3, 2): its axes"),
    "stretched": ("return y, Lin", "return y[:1], Lin", "y has shape (1, 2), not (3, 2); NumPy would"),
    "dtype": ("return y, Lin", "return y.astype('f4'), Lin", "y is float32, not float64"),
    "input changed": ("y = x @ W + b", "y = x @ W + b; x *= 2", "x is changed; inputs must stay as they are"),
    "cache changed": ("x, W = cache", "x, W = cache; W += 0.5", "cache.W is changed; inputs must stay as they are"),
    "library's": ("y = x @ W + b", "y = linear.linear_forward(x, W, b)[0]", "calls the library's linear_forward"),
    "taken": ("def linear_forward", "linear_forward = linear.linear_forward\ndef other", "is not written in the file"),
    "solution": ("import numpy as np", "import solutions", "line 2 imports solutions, which contains the answer"),
    "random": (
        "y = x @ W + b",
        "y = x @ W + b + 1e-13 * np.random.rand()",
        "y differs when linear_forward is called again",
    ),
    "raises": ("rows.T @ drows", "rows @ drows", RAISES),
}


NOTES = {  # {style: (text of RIGHT, its replacement, a part of the note)}
    "not contiguous": ("return y, Lin", "return np.asfortranarray(y), Lin", "y is not contiguous in memory: compiled"),
    "float64 only": ("y = x @ W + b", "y = x @ W + b + np.zeros(1)", "the inputs are float32, as in training: y. It"),
    "a list of results": ("return y, LinearCache(x, W)", "return [y, LinearCache(x, W)]", ""),
    "a plain cache": ("return y, LinearCache(x, W)", "return y, (x, W)", ""),
}


@pytest.mark.parametrize("style", NOTES)
def test_another_style_is_right_with_a_note(tmp_path, style):
    old, new, note = NOTES[style]
    assert RIGHT.count(old) == 1
    verdicts = check_file(tmp_path, RIGHT.replace(old, new))
    assert [verdict["state"] for verdict in verdicts] == ["right", "right"]
    assert note in " ".join(verdicts[0]["notes"]) and bool(verdicts[0]["notes"]) == bool(note)


@pytest.mark.parametrize(
    "misuse", [pytest.param(name, marks=[pytest.mark.slow] if name == "for ever" else []) for name in MISUSES]
)
def test_every_misuse_has_its_message(tmp_path, misuse):
    old, new, sentence = MISUSES[misuse]
    assert RIGHT.count(old) == 1
    verdicts = check_file(tmp_path, RIGHT.replace(old, new))
    messages = " / ".join(verdict["sentence"] for verdict in verdicts)
    assert sentence in messages, messages
    if misuse in ("dtype", "no such name"):  # no equation is wrong
        assert not any(verdict["findings"] for verdict in verdicts)


def test_files_that_cannot_be_parsed_have_a_sentence(tmp_path):
    for text, sentence in (
        ("x = " + "-" * 100_000 + "1\n", "nested too deeply"),
        ("x = 1\0\n", r"(mine\.py|line \d+) is not Python: .*null bytes"),
    ):
        path = tmp_path / "mine.py"
        path.write_text(RIGHT + text, encoding="utf-8")
        with pytest.raises(judge.Complaint, match=sentence):
            worker.load(str(path), LINEAR)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "ex03_linear.py"
    os.mkfifo(path)
    with pytest.raises(judge.Complaint, match="is a pipe or a device: remove it, and run python -m exercises"):
        worker.load(str(path), LINEAR)
    assert checks.load_result(3, path) is None or not checks.load_result(3, path).right
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path)
    with pytest.raises(InputError, match="a pipe or a device"):
        commands.reset(LINEAR)


def check_file(folder, text):
    """Return the verdicts on a file with this text, judged by the worker in its own process."""
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "exercises.runner.worker", f"3={path}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in result.stderr, result.stderr
    return json.loads(result.stdout.splitlines()[-1])["verdicts"]
