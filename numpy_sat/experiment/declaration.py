"""The declaration of one setting: its default, its meaning, its range, and conversion from and to text."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy_sat.system.errors import InputError, shortened


class Setting(NamedTuple):
    """A setting of the recipe: its name, default, meaning and range, and conditions on other settings.

    `idle` and `refuse` take a recipe.Recipe. They return the end of a sentence that gives the reason, or None.
    """

    name: str
    group: str  # the field of Recipe that holds the setting
    default: Any
    meaning: str  # one line for `train --set help`, without a full stop
    minimum: float | None = None  # smallest possible value
    maximum: float | None = None  # largest possible value
    above: float | None = None  # exclusive lower bound
    below: float | None = None  # exclusive upper bound
    limit: int = 10**9  # largest possible whole number; a larger one is a mistake that could fill the memory
    choices: tuple | None = None
    off: Any = None  # the value that an ablation uses to switch the setting off; None: not part of ablations
    option: str | None = None  # the command-line option that replaces --set
    idle: Callable | None = None  # returns why the setting does nothing, or None
    refuse: Callable | None = None  # returns why the value does not fit the other settings, or None
    read: Callable | None = None  # text -> value, instead of parsing by the default's type; raises ValueError
    write: Callable | None = None  # value -> text, the inverse of `read`
    range: str = ""  # the possible values in words, instead of those that the bounds give

    @property
    def has_own_option(self) -> bool:
        """True if `train` has an option with the setting's name, such as --learning-rate."""
        return self.option == f"--{self.name.replace('_', '-')}"

    def describe_range(self) -> str:
        """Return the possible values in words, as they follow "must be"."""
        if self.range:
            return self.range
        if self.choices:
            return f"{'any' if isinstance(self.default, tuple) else 'one'} of: {', '.join(self.choices)}"
        if isinstance(self.default, bool):
            return "true or false"
        if not isinstance(self.default, (int, float)):
            return "text"
        number = "a whole number" if isinstance(self.default, int) else "a number"
        start = f"above {self.above:g}" if self.minimum is None else f"from {self.minimum:g}"
        if self.maximum is None and self.below is None:
            return f"{number} {start}" if self.minimum is None else f"{number} of at least {self.minimum:g}"
        return f"{number} {start} to {f'below {self.below:g}' if self.maximum is None else f'{self.maximum:g}'}"

    def parse(self, text: str) -> Any:
        """Parse the text of a value.

        Raises:
            InputError: the text does not denote a possible value.
        """
        try:
            return (self.read or self._read)(text)
        except ValueError as error:
            raise InputError(f"{self.name}={shortened(text)}: must be {self.describe_expected(text)}.") from error

    def describe_expected(self, text: str) -> str:
        """Return what the text of an impossible value must be instead, as it follows "must be"."""
        try:
            return f"at most {self.limit:,}" if self._is_whole() and int(text) > self.limit else self.describe_range()
        except ValueError:
            return self.describe_range()

    def text(self, value: Any) -> str:
        """Return the text from which `parse` gets this value."""
        if self.write:
            return self.write(value)
        if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
            return ",".join(value)
        return value if isinstance(value, str) else str(value).replace(" ", "").lower()

    def _read(self, text):
        """Parse the text as a value of the default's type. Raises ValueError for other text."""
        if isinstance(self.default, tuple):
            parts = tuple(filter(None, text.split(",")))
            return _checked(parts, self.choices is None or set(parts) <= set(self.choices))
        if isinstance(self.default, str):
            return _checked(text, self.choices is None or text in self.choices)
        if isinstance(self.default, bool):
            return _checked(text.lower() == "true", text.lower() in ("true", "false"))
        value = type(self.default)(text)
        return _checked(value, self._is_in_range(value))

    def _is_whole(self):
        return type(self.default) is int

    def _is_in_range(self, value):
        return (
            abs(value) < math.inf
            and not (self._is_whole() and value > self.limit)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


def setting(default: Any, meaning: str, **properties: Any) -> Any:
    """Return a dataclass field that declares a setting. The keywords are the fields of Setting."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, **properties})


def _checked(value, is_possible):
    if not is_possible:
        raise ValueError
    return value
