"""Tests of exercises.judging.words: a term quotes the learner's variables, or expressions of the arguments."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from exercises.judging import words
from exercises.judging.blame import Finding
from exercises.judging.judge import Task


class Cache(NamedTuple):
    x: np.ndarray
    W: np.ndarray


def backward(dy, cache):
    x, W = cache
    rows = x.reshape(-1, 3)
    drows = 2 * dy
    both = drows + dy
    dW = rows.T @ both
    return both @ W.T, dW


LEARNER = """
def backward(dy, cache):
    twice = 2 * dy
    return twice @ cache.W.T, cache.x.T @ twice
"""
CASE = {"dy": np.arange(8.0).reshape(2, 4), "cache": Cache(np.ones((2, 3)), np.ones((3, 4)))}
TASK = Task(SimpleNamespace(backward=backward), "backward", None, ("dx", "dW"), {})


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("the factor `dy` is missing", "the factor `dy` is missing"),
        ("a mean of `drows` where its sum belongs", "a mean of `twice` where its sum belongs"),
        ("the transpose of `rows` is missing", "the transpose of `cache.x.reshape(-1, 3)` is missing"),
        ("`x` where `W` belongs", "`cache.x` where `cache.W` belongs"),
        ("the term `both @ W.T` is missing", "the term `(twice + dy) @ cache.W.T` is missing"),
        ("`np.sum` over `nothing of ours`", "`np.sum` over `nothing of ours`"),
        ("`dW` is transposed", "`dW` is transposed"),
    ],
)
def test_terms_name_no_variable_of_the_library(tmp_path, term, expected):
    path, names = tmp_path / "mine.py", {}
    path.write_text(LEARNER, encoding="utf-8")
    exec(compile(LEARNER, path, "exec"), names)
    finding = Finding("dW", "(1) dW", term, "backward", "likely", term)
    (result,) = words.in_learners_words([finding], TASK, names["backward"], CASE)
    assert result.term == expected and result.runner_up == result.term
    (result,) = words.in_learners_words([finding._replace(runner_up=None)], TASK, names["backward"], CASE)
    assert result.runner_up is None
