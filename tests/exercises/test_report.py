"""Tests of the text of `check` and of its JSON, made from verdicts as the worker sends them."""

import json
import time

import numpy as np
import pytest

from exercises.judging import trees
from exercises.judging.judge import Array, Task, Verdict
from exercises.runner import checks, lessons, places, records, report

LESSON = lessons.load(3)


def array(name="dW", right=False, error=0.12, index=(0, 1), yours=3.0, expected=2.5):
    return dict(name=name, right=right, error=error, index=list(index), yours=yours, expected=expected)


def finding(array="dW", certainty="certain", term="the sum is missing", runner_up=None, function="linear_backward"):
    equation = f"{array} = x^T dy"
    return dict(array=array, equation=equation, term=term, function=function, certainty=certainty, runner_up=runner_up)


def verdict(state="wrong", sentence="", arrays=(), findings=(), notes=(), line=0, name="linear_backward"):
    parts = {"arrays": list(arrays), "findings": list(findings), "notes": list(notes)}
    return dict(name=name, state=state, sentence=sentence, line=line, **parts)


def text_of(*verdicts, term=False, everything=False):
    result = checks.Result(3, list(verdicts), 0.5)
    return "\n".join(report.text_lines(LESSON, result, term, everything))


def test_where_to_look_comes_first_and_the_line_is_given():
    right = verdict("right", name="linear_forward")
    text = text_of(right, verdict(arrays=[array()], findings=[finding()], line=14))
    assert text.startswith("Look at dW in linear_backward:\n    dW = x^T dy\n  right    linear_forward\n")
    assert "\n  WRONG    linear_backward   exercises/ex03_linear.py:14\n" in text
    assert "dW: off by 12 % of the largest entry of dW, worst at dW[0, 1]: yours 3, right 2.5" in " ".join(text.split())
    assert text.endswith("Which term? python -m exercises check 3 --term")


def test_a_term_says_how_certain_it_is():
    lines = text_of(verdict(arrays=[array()], findings=[finding()]), term=True).splitlines()
    assert lines[2] == "    the sum is missing."
    likely = finding(certainty="likely", runner_up="the factor `2` is missing")
    lines = text_of(verdict(arrays=[array()], findings=[likely]), term=True).splitlines()
    assert lines[2:4] == ["    It seems: the sum is missing.", "    or: the factor `2` is missing."]
    unknown = finding(certainty="unknown", term="")
    sentence = "No single mistake that the checker knows gives exactly these numbers."
    assert sentence in text_of(verdict(arrays=[array()], findings=[unknown]), term=True)


def test_after_an_exception_there_is_no_sentence_about_numbers():
    text = text_of(
        verdict(sentence="line 9 raises ValueError", findings=[finding(certainty="unknown", term="")]), term=True
    )
    assert "line 9 raises ValueError." in text and "numbers" not in text and "off by" not in text


def test_arrays_that_are_wrong_because_of_another_one_are_counted():
    arrays = [array(f"d{letter}") for letter in "WxbhE"] + [array("y", right=True), array("cache.x", right=True)]
    text = text_of(verdict(arrays=arrays, findings=[finding()]))
    assert text.count("off by") == 1 and "4 more arrays are wrong, too\n" in text and "right: y" in text
    assert text_of(verdict(arrays=arrays, findings=[finding()]), everything=True).count("off by") == 5
    assert "right: y, cache.x" in text_of(verdict(arrays=arrays, findings=[finding()]), everything=True)
    text = text_of(verdict(arrays=arrays, findings=[finding("de")]))  # not a result: the first one stands for all
    assert "dW: off by" in text and text.count("off by") == 1


def test_text_has_at_most_25_lines_and_every_verdict():
    names = [f"function_{k}" for k in range(9)]
    findings = [finding(f"d{k}") for k in range(3)]
    verdicts = [verdict(arrays=[array(f"d{k}") for k in range(5)], findings=findings, name=name) for name in names]
    verdicts[0]["sentence"] = "line 4 raises ValueError: " + "many words " * 200
    text = text_of(*verdicts, term=True)
    lines = text.splitlines()
    assert len(lines) < report.LINES and lines[0].startswith("Look at d0 in function_0")
    assert text.count("  WRONG  ") == 9 and " more lines: python -m exercises check 3 --all" in text
    everything = text_of(*verdicts, term=True, everything=True)
    assert everything.count("Look at") == 27 and everything.count("off by") == 45 and "--all" not in everything
    assert max(map(len, everything.splitlines())) < 80


def test_notes_stand_below_right_functions():
    text = text_of(verdict("right", notes=["dW is not contiguous"]), verdict("right"))
    assert text.startswith("  right    linear_backward\n           Note: dW is not contiguous.\n") and "Solved." in text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "in_place", "index": (), "expected": np.nan}, "in_place is not what it should be"),
        ({"name": "y", "error": np.inf, "yours": np.nan, "expected": 2.0}, "y: at y[0, 1]: yours NaN, right 2"),
        ({"name": "loss", "index": (), "error": 0.2}, "loss: off by 20 % of the right number: yours 3, right 2.5"),
        ({"name": "loss", "index": (), "error": np.inf, "yours": np.inf}, "loss: yours inf, right 2.5"),
        ({"error": 3e-7}, "dW: off by 3e-05 % of the largest entry of dW, worst at dW[0, 1]: yours 3, right 2.5"),
        ({"error": 40}, "dW: off by 40 times the largest entry of dW, worst at dW[0, 1]: yours 3, right 2.5"),
        ({"error": 0.3, "yours": 0.3, "expected": 0.0}, "dW: off by 0.3, worst at dW[0, 1]: yours 0.3, right 0"),
    ],
)
def test_the_sentence_on_an_array_says_of_what(fields, sentence):
    assert report.array_sentence(array(**fields)) == sentence


def test_a_long_search_is_announced(monkeypatch, capsys):
    """Check that a line says what is wrong while the mistake is searched for, and that the text is the same."""
    monkeypatch.setattr(report, "PATIENCE", 0.0)
    first, last = verdict(arrays=[array()]), verdict(arrays=[array()], findings=[finding()])

    def results():
        yield checks.Result(3, [first], 0.1, False)
        deadline = time.monotonic() + 30
        while not capsys.readouterr().out.startswith("WRONG: linear_backward. Looking for the mistake"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield checks.Result(3, [last], 0.2)

    report.show_results(LESSON, results(), term=False)
    assert capsys.readouterr().out.startswith("Look at dW in linear_backward:\n")


def test_the_record_has_the_fields_that_programs_read(capsys):
    result = checks.Result(3, [verdict(arrays=[array(yours=np.nan, error=np.inf)], findings=[finding()], line=9)], 0.5)
    records.show(records.of_exercise(LESSON, LESSON.file, result))
    record = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert {key: record[key] for key in ("exercise", "title", "file", "solved", "seconds")} == {
        "exercise": 3,
        "title": LESSON.title,
        "file": "exercises/ex03_linear.py",
        "solved": False,
        "seconds": 0.5,
    }
    (function,) = record["functions"]
    assert list(function) == ["function", "state", "sentence", "line", "arrays", "notes", "findings"]
    assert function["arrays"][0]["yours"] == "NaN" and function["arrays"][0]["error"] == "Infinity"
    assert set(function["findings"][0]) == {"function", "array", "equation", "term", "certainty", "runner_up"}


SOURCE = """\
def linear_backward(dy, cache):
    x, W = cache
    dx = dy @ W.T
    db = dy.sum(axis=1)
    return (
        dx,
        x.T @ dy,
        db,
    )
"""


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"arrays": (Array("dx", True, 0, (), 0, 0), Array("db", False, 1, (), 0, 1))}, 4),
        ({"arrays": (Array("dW", False, 1, (), 0, 1),)}, 7),
        ({"sentence": "dx has shape (1, 2), not (2, 2)"}, 3),
        ({"sentence": "linear_backward returns None"}, 1),
        ({"sentence": "line 2 raises ValueError", "line": 2}, 2),
    ],
)
def test_the_line_computes_the_wrong_array(tmp_path, fields, line):
    path, names = tmp_path / "mine.py", {}
    path.write_text(SOURCE, encoding="utf-8")
    exec(compile(SOURCE, path, "exec"), names)
    task = Task(None, "linear_backward", None, ("dx", "dW", "db"), {})
    assert places.line_of(names["linear_backward"], task, Verdict("linear_backward", "wrong", **fields)) == line
    assert trees.plain_function(names["linear_backward"]).__code__.co_firstlineno == 1
