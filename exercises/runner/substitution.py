"""Substitution of a learner's functions for the library's, with a count of their calls."""

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from exercises.judging import judge, trees
from numpy_sat import kernels
from numpy_sat.bench import rungs
from numpy_sat.layers import conv


class Broken(Exception):
    """A learner's function fails in the model; the message is one sentence."""


class Part:
    """A learner's function that replaces the library's function of the same name."""

    def __init__(
        self, module: ModuleType, name: str, function: Callable, before_call: Callable[[], None] | None = None
    ):
        self.module, self.name, self.function, self.before_call = module, name, function, before_call
        self.right, self.calls = getattr(module, name), 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.before_call:
            self.before_call()
        try:
            return self.function(*args, **kwargs)
        except Broken:  # raised by another part that this one calls
            raise
        except Exception as error:
            raise Broken(self._sentence(error)) from error

    @property
    def space(self) -> dict:
        """Return the global names of the learner's file."""
        return trees.plain_function(self.function).__globals__

    def _sentence(self, error):
        if type(error).__module__.startswith("numba"):
            return f"numba cannot compile {self.name}: {_numba_message(error)}"
        file = trees.plain_function(self.function).__code__.co_filename
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        return (
            f"{self.name}, right in the check, fails in the model (line {lines[-1] if lines else '?'} of "
            f"{Path(file).name}: {judge.error_text(error)}). The model's arrays are larger, and float32: does your "
            "code depend on the arrays of the check?"
        )


def _numba_message(error):
    """Return the second line of numba's message, because the first says nothing, and the line of the file."""
    first, *others = [line.strip() for line in re.sub(r"\x1b\[\d*m", "", str(error)).splitlines() if line.strip()]
    line = re.search(r"line (\d+)", str(error))
    return (others or [first])[0] + (f" (line {line[1]})" if line else "")


@contextlib.contextmanager
def in_place(parts: Sequence[Part]) -> Iterator[None]:
    """Replace the library's functions by Parts inside this context, in the library and in all learners' files."""
    replacements = {id(function): part for part in parts for function in (part.right, part.function)}
    spaces = {id(space): space for part in parts for space in (vars(part.module), part.space)}.values()
    before = [(space, name, value) for space in spaces for name, value in space.items() if id(value) in replacements]
    loops = [(vars(conv), "conv_forward", conv.conv_forward)] * any(part.right is rungs.correlate for part in parts)
    try:
        for space, name, value in before:
            space[name] = replacements[id(value)]
        for space, name, _ in loops:
            space[name] = _by_loops(space[name])
        yield
    finally:
        for space, name, value in loops + before:
            space[name] = value


def _by_loops(definition):
    """Return a conv_forward that runs exercise 8's loops instead of kernels, and otherwise calls `definition`."""

    def conv_forward(x, W, b, stride=1, padding=0):
        if not kernels.use_kernels(x) or stride != 1:
            return definition(x, W, b, stride, padding)
        conv.check_arguments(x, W, b, stride, padding)
        x_padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        (N, H, width, _), (P, Q, _, O) = x_padded.shape, W.shape
        y = np.empty((N, H - P + 1, width - Q + 1, O), x.dtype)
        rungs.correlate(x_padded, W, b, y)
        return y, conv.ConvCache(x, W, stride, padding)

    return conv_forward
