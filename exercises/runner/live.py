"""The state of all exercises while the page is open: a thread checks each file when it is saved.

The learner's code runs in processes of their own with the limits of `check` (isolation.py), one exercise at a time.
"""

import io
import sys
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from exercises.runner import array_figures, checks, commands, isolation, lessons, plug, terminal
from exercises.runner.learner_output import MARK

SECONDS = 0.2  # seconds between two looks at the files
LARGEST = 4000  # largest number of an array's entries on the page
END_SECONDS = 5  # seconds to wait for the thread at the end


class State(NamedTuple):
    """The part of an exercise that the page shows. `version` grows with each change."""

    version: int = 0
    result: checks.Result | None = None
    time: str = ""  # time of the check, if this program has made it
    printed: tuple = ()  # lines that the learner's code has printed
    arrays: tuple | None = None  # dicts, see _as_json; None: not computed yet


class Live:
    """The states of exercises, kept up to date by a thread. Use it as a context."""

    def __init__(self, numbers: Iterable[int]):
        self._files = lessons.files(numbers)
        self._states = {number: State() for number in self._files}
        self._wanted, self._lock, self._stop = set(), threading.Lock(), threading.Event()
        self._output = _Output()
        self._saved = {number: commands.save_time(path) for number, path in self._files.items()}
        self._curves = {number: _curve_time(number) for number in self._files}
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Live":
        terminal.use(self._output, self._output)  # not a terminal, so that no text is colored
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        isolation.end_all()
        self._thread.join(END_SECONDS)
        terminal.restore()

    def states(self) -> dict[int, State]:
        """Return {number: State} of all exercises, in the order of the syllabus."""
        with self._lock:
            return dict(self._states)

    def want_arrays(self, number: int) -> None:
        """Compute the arrays of an exercise soon, if it is wrong and they are missing."""
        self._wanted.add(number)

    def touch(self, number: int) -> None:
        """Let the page load an exercise again."""
        self._change(number)

    def _change(self, number, **fields):
        with self._lock:
            state = self._states[number]
            self._states[number] = state._replace(version=state.version + 1, **fields)

    def _work(self):
        """Judge the exercises without a cached result, then those whose file is saved."""
        for result in checks.results(list(self._files)):
            self._change(result.number, result=result, printed=self._output.take())
            self._look()
            if self._stop.is_set():
                return
        while not self._stop.wait(SECONDS):
            self._look()

    def _look(self):
        """Check the files that were saved since the last look, and compute the arrays that a page wants."""
        for number, path in self._files.items():
            saved, curve = commands.save_time(path), _curve_time(number)
            if saved and saved != self._saved[number] and not self._stop.is_set():
                self._saved[number] = saved
                self._check(number)
            if curve != self._curves[number]:
                self._curves[number] = curve
                self._change(number)
        while self._wanted and not self._stop.is_set():
            number = self._wanted.pop()
            if self._lacks_arrays(self._states[number]):
                self._change(number, arrays=tuple(_arrays(lessons.load(number))))
                self._output.take()

    def _lacks_arrays(self, state):
        verdicts = state.result.verdicts if state.result and state.result.complete else []
        return state.arrays is None and any(verdict["state"] == "wrong" for verdict in verdicts)

    def _check(self, number):
        self._output.take()
        for result in checks.run_in_steps(number):
            if self._stop.is_set():
                return
            fields = {"printed": tuple(self._output.lines), "arrays": None, "time": time.strftime("%H:%M:%S")}
            self._change(number, result=result, **fields)


class _Output(io.TextIOBase):
    """The stream for what learners' code prints: it keeps the lines, and prints them in the terminal, too."""

    def __init__(self):
        self.lines = []

    def write(self, text):
        """Keep a line and print it."""
        sys.stderr.write(text)
        if text.startswith(MARK):
            self.lines.append(text.removeprefix(MARK).rstrip("\n"))
        return len(text)

    def flush(self):
        sys.stderr.flush()

    def take(self):
        """Return the lines, and forget them."""
        lines, self.lines = tuple(self.lines), []
        return lines


def _curve_time(number):
    return commands.save_time(plug.folder_of(number) / plug.CURVES)


def _arrays(lesson):
    """Return the wrong arrays of an exercise as data, those that the check blames first."""
    axes = array_figures.axes_of(lesson)
    for result in array_figures.results_of(lesson):
        if result["state"] == "wrong" and result["pairs"]:
            for name, (yours, right) in array_figures.in_order(lesson, result).items():
                yield _as_json(result["name"], name, yours, right, axes.get(name, ()))


def _as_json(function, name, yours, right, axes):
    """Return a wrong array as data. Each of yours, right and difference is a list of numbers, or None."""
    data = {"function": function, "name": name, "axes": list(axes), "whole": right.dtype.kind in "biu"}
    data |= {"shape": list(yours.shape), "right_shape": list(right.shape), "difference": None, "worst": 0}
    if max(yours.size, right.size) > LARGEST:
        return data | {"yours": None, "right": None}
    if yours.shape == right.shape and right.size:
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.subtract(yours, right, dtype=float)
            equal = (yours == right) | (np.isnan(yours) & np.isnan(right))  # inf - inf is no number
        difference = np.where(equal, 0.0, difference)
        data["worst"] = int(np.argmax(np.nan_to_num(np.abs(difference), nan=np.inf)))
        data["difference"] = _numbers(difference)
    return data | {"yours": _numbers(yours), "right": _numbers(right)}


def _numbers(array):
    """Return the entries of an array with six digits, in the order of its memory."""
    return [float(f"{value:.6g}") for value in np.ravel(array).tolist()]
