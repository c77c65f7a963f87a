"""The record of one mistake, and of what its diagnosis should say."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """One mistake in one function."""

    exercise: int
    function: str
    right: str  # this text of the solution's function, which is there once,
    wrong: str  # is replaced by that
    array: str  # the variable whose equation should be named, or several joined by " or "; "" for a misuse
    term: str  # a pattern that the words for the wrong term must match; of a misuse, that the sentence must match
    words: str  # the mistake in words
