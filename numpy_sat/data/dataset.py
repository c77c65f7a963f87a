"""The records that hold a data set."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol


class Example(Protocol):
    """A model input with its captions: a CaptionedImage or a phrase_language.Phrase."""

    name: str  # unique in its data set
    captions: tuple[str, ...]  # unchanged except for surrounding blanks, which are stripped; never empty


class CaptionedImage(NamedTuple):
    """An image file and its captions."""

    name: str  # the file's name, unique in its data set
    path: Path
    captions: tuple[str, ...]  # as in Example


class Dataset(NamedTuple):
    """Examples in splits, in the order of the split lists."""

    name: str
    root: Path | None  # None if the data set is not stored on disk
    splits: dict[str, list[Example]]  # keys are names in the data set's SPLITS
    notes: tuple[str, ...]  # anything unusual about this copy, one sentence each; commands print them
    tokenize: Callable[[str], list[str]]  # splits a caption into words
