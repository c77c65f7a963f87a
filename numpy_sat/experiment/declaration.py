"""The declaration of one setting: its default, meaning and range, and how text becomes its value and back."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy_sat.system.errors import InputError


class Setting(NamedTuple):
    """A setting of the recipe. `idle` and `refuse` are functions of a recipe.Recipe."""

    name: str
    group: str  # the field of Recipe that holds it
    default: Any
    meaning: str  # one sentence for `train --set help`
    least: float | None = None  # smallest and largest value
    most: float | None = None
    above: float | None = None  # bounds that are no values themselves
    below: float | None = None
    choices: tuple | None = None
    off: Any = None  # the value that leaves this piece of the recipe out; None if it is no piece
    option: str | None = None  # the command-line option that sets it instead of --set
    idle: Callable | None = None  # returns why the setting does nothing, the end of a sentence, or None
    refuse: Callable | None = None  # returns why the value does not fit the other settings, or None
    read: Callable | None = None  # text -> value, for a type of its own; raises ValueError
    write: Callable | None = None  # value -> text, the opposite of `read`
    range: str = ""  # in words, if `read` is given

    @property
    def has_own_option(self) -> bool:
        """True if `train` has an option of this name, such as --learning-rate."""
        return self.option == f"--{self.name.replace('_', '-')}"

    def describe_range(self) -> str:
        """Return the possible values in words: "must be ..."."""
        if self.range:
            return self.range
        if self.choices:
            return f"{'any' if isinstance(self.default, tuple) else 'one'} of: {', '.join(self.choices)}"
        if isinstance(self.default, bool):
            return "true or false"
        if not isinstance(self.default, (int, float)):
            return "text"
        number = "a whole number" if isinstance(self.default, int) else "a number"
        least = f"above {self.above:g}" if self.least is None else f"from {self.least:g}"
        if self.most is None and self.below is None:
            return f"{number} {least}" if self.least is None else f"{number} of at least {self.least:g}"
        return f"{number} {least} to {f'below {self.below:g}' if self.most is None else f'{self.most:g}'}"

    def parse(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises:
            InputError: the text is no possible value.
        """
        try:
            return (self.read or self._read)(text)
        except ValueError as error:
            raise InputError(f"{self.name}={text}: must be {self.describe_range()}.") from error

    def text(self, value: Any) -> str:
        """Return the text that `parse` reads as this value."""
        if self.write:
            return self.write(value)
        if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
            return ",".join(value)
        return value if isinstance(value, str) else str(value).replace(" ", "").lower()

    def _read(self, text):
        """Return the value of a text by the type of the default. Raises ValueError."""
        if isinstance(self.default, tuple):
            parts = tuple(filter(None, text.split(",")))
            return _checked(parts, self.choices is None or set(parts) <= set(self.choices))
        if isinstance(self.default, str):
            return _checked(text, self.choices is None or text in self.choices)
        if isinstance(self.default, bool):
            return _checked(text.lower() == "true", text.lower() in ("true", "false"))
        value = type(self.default)(text)
        return _checked(value, math.isfinite(value) and self._is_inside(value))

    def _is_inside(self, value):
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


def setting(default: Any, meaning: str, **declared: Any) -> Any:
    """Return a dataclass field that declares a setting. The keywords are the fields of Setting."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, **declared})


def _checked(value, is_possible):
    if not is_possible:
        raise ValueError
    return value
