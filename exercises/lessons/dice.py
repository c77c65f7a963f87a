"""Provide random numbers to exercises: those of a seed in checks, and those of the page in worked examples."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Dice(NamedTuple):
    """A generator that gives the numbers of a page."""

    uniforms: tuple  # arrays of different shapes
    others: np.ndarray | None = None  # integers

    def random(self, size):
        """Return the uniform numbers of this shape."""
        shape = size if isinstance(size, tuple) else (size,)
        return next(array for array in self.uniforms if array.shape == shape)

    def integers(self, low, high, size):
        """Return the integers."""
        return self.others


def drive(function: Callable, case: dict):
    """Call a function with a new generator as its first argument.

    Args:
        function: the function.
        case: its other arguments, and either "seed" or the fields of Dice.
    """
    arguments = {name: value for name, value in case.items() if name not in ("seed", *Dice._fields)}
    rng = np.random.default_rng(case["seed"]) if "seed" in case else Dice(case["uniforms"], case.get("others"))
    return function(rng, **arguments)
