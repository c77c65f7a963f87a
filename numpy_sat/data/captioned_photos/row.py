"""The record that every caption file is read into."""

from typing import NamedTuple


class Row(NamedTuple):
    """One caption of one image."""

    image: str  # name of the photo as the file has it, with / between folders
    text: str  # the caption; may be blank
    number: int  # where the caption stands: its line, image or annotation, from 1
    split: str | None = None  # name of the image's split as the file has it
