"""What every collection of captioned pictures looks like to the rest of the program."""

from pathlib import Path
from typing import NamedTuple


class Picture(NamedTuple):
    """One picture and what people wrote of it."""

    name: str  # the file's name, unique in its data set
    path: Path
    captions: tuple[str, ...]  # as written, stripped of surrounding blanks; never empty


class Dataset(NamedTuple):
    """Captioned pictures in splits, in the order of the split lists."""

    name: str
    root: Path
    splits: dict[str, list[Picture]]  # "train", "dev", "test"
    notes: tuple[str, ...]  # what is unusual about this copy, a sentence each, for a command to print
