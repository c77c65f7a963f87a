"""The record of a mistake and of the diagnosis to expect."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """A mistake in one function."""

    exercise: int
    function: str
    right: str  # text of the solution, which occurs exactly once in the function
    wrong: str  # its replacement
    array: str  # the variable to be named, or several joined by " or "; "" if the verdict has a sentence instead
    term: str  # pattern that the wrong term, or the sentence, must match
    words: str  # the mistake in words
