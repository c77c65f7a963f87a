"""The records that every data set is read into."""

from pathlib import Path
from typing import NamedTuple


class CaptionedImage(NamedTuple):
    """An image file and its captions."""

    name: str  # the file's name, unique in its data set
    path: Path
    captions: tuple[str, ...]  # as written, stripped of surrounding blanks; never empty


class Dataset(NamedTuple):
    """Captioned images in splits, in the order of the split lists."""

    name: str
    root: Path
    splits: dict[str, list[CaptionedImage]]  # "train", "dev", "test"
    notes: tuple[str, ...]  # what is unusual about this copy, a sentence each, for a command to print
