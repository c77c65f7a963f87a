"""The lessons: one module for each exercise. runner/stub.py makes the learner's file from it.

A lesson's docstring is its title. INTRO opens the learner's file: the sections Goal to Given of its page. IMPORTS are
its imports. TASKS are the functions to write, with the cases and equations of their checks. HINTS has four hints for
each function: a question, the equation, the shapes and the code. pencil() returns the page's worked example. The
optional FORBIDDEN names modules that contain the answer. The optional TIMED says that a right solution is compiled and
timed. FACTS are for the headline of the learner's file and for the syllabus.
"""

from typing import NamedTuple


class Facts(NamedTuple):
    """How hard an exercise is, how long it takes, and what it builds on."""

    difficulty: int  # 1 to 3
    minutes: int  # estimate
    builds_on: tuple = ()  # numbers of exercises whose ideas help
    chapter: str = ""  # name of the page in exercises/chapters/ that tells the longer story


class Example(NamedTuple):
    """A worked example of a page: a call of one function, with numbers small enough for a pencil."""

    function: str  # its name
    case: dict  # arguments, or what the `drive` of its judge.Task takes
    outputs: tuple = ()  # names of the results; () for those of the judge.Task


FOLLOWS = {27: 4, 28: 11, 29: 21, 30: 22}  # second halves, and the exercise that each follows in the syllabus
