"""The records that every data set is read into."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol


class Example(Protocol):
    """Something to write about, and what people wrote: a CaptionedImage, or a phrase_language.Phrase."""

    name: str  # unique in its data set
    captions: tuple[str, ...]  # as written, stripped of surrounding blanks; never empty


class CaptionedImage(NamedTuple):
    """An image file and its captions."""

    name: str  # the file's name, unique in its data set
    path: Path
    captions: tuple[str, ...]  # as written, stripped of surrounding blanks; never empty


class Dataset(NamedTuple):
    """Examples in splits, in the order of the split lists."""

    name: str
    root: Path | None  # None of a data set that is not kept on disk
    splits: dict[str, list[Example]]  # by the names in the data set's SPLITS
    notes: tuple[str, ...]  # what is unusual about this copy, a sentence each, for a command to print
    tokenize: Callable[[str], list[str]]  # a caption's words
