"""Read tables of photos and captions: CSV files with any usual delimiter, header and further columns.

The header names the columns. A table has one column of photo names. It has one caption a row, or several numbered
caption columns, such as caption_0 to caption_4. Other columns, such as an index, are ignored. Flickr30k's `results.csv`
is such a table, with "|" between its columns.
"""

import csv
import io
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from numpy_sat.data.captioned_photos import text_file
from numpy_sat.data.captioned_photos.oddities import Oddities
from numpy_sat.data.captioned_photos.photo_files import PHOTO_SUFFIXES
from numpy_sat.data.captioned_photos.row import Row
from numpy_sat.system.errors import InputError, shortened

UNIT = "line"  # what Row.number counts
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Names of columns in lower case, the first choice first. Caption columns may end in a number.
IMAGE_COLUMNS = ("file_name", "filename", "image_name", "image_path", "image", "photo", "img", "path", "file", "name")
CAPTION_COLUMNS = ("caption", "captions", "comment", "text", "description", "sentence")
SPLIT_COLUMN = "split"
# One line of Flickr30k's results.csv lacks its second bar: "2199200615.jpg| 4   A dog runs across the grass ."
UNSEPARATED = re.compile(r"\s*\d+\s{2,}(\S.*)")
DRIVE = re.compile(r"[A-Za-z]:/")


class _Columns(NamedTuple):
    """The columns of a table by their positions."""

    delimiter: str
    names: list[str]  # from the header; without a header, descriptions
    image: int
    captions: list[int]
    split: int | None
    has_header: bool


def rows(path: Path, oddities: Oddities) -> Iterator[Row]:
    """Yield the captions of a table in its order.

    Args:
        path: the file.
        oddities: collects what is unusual.
    Raises:
        InputError: the file, its header or one of its lines cannot be read.
    """
    text = text_file.read(path)
    columns = _columns(path, text)
    if not columns.has_header:
        oddities.add("no header", 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=columns.delimiter, strict=True)
    is_header = columns.has_header
    for number, cells in _numbered(path, reader):
        if not any(cell.strip() for cell in cells):
            continue
        if is_header:
            is_header = False
            continue
        cells = _complete(path, number, cells, columns, oddities)
        image = _image_name(path, number, cells[columns.image])
        split = cells[columns.split].strip() or None if columns.split is not None else None
        captions = [cells[position] for position in columns.captions]
        # An image may leave some of several caption columns empty.
        for caption in [caption for caption in captions if caption.strip()] or captions[:1]:
            yield Row(image, caption, number, split)


def _numbered(path, reader):
    """Yield the rows of a csv.reader, each with the number of its first line."""
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path}, line {number}: {error}; correct the quotes there.") from error
        yield number, cells


def _columns(path, text):
    """Find the delimiter and the columns by the first line that is not blank."""
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    number, line = next(((number, line) for number, line in lines if line.strip()), (1, ""))
    for find in (_by_header, _by_contents):
        for delimiter in DELIMITERS:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
            if columns := find(delimiter, cells):
                return columns
    raise InputError(
        f'{path}, line {number}: expected a header such as "image,caption", found "{shortened(line.strip())}"; name '
        f"the column of photos {IMAGE_COLUMNS[0]} or image, and the column of captions caption."
    )


def _by_header(delimiter, cells):
    """Return the _Columns if the cells are a header with a column of photos and one of captions."""
    names = [re.sub(r"\s+", "_", cell.lower()) for cell in cells]
    image = next((names.index(name) for name in IMAGE_COLUMNS if name in names), None)
    captions = next(
        (
            positions
            for name in CAPTION_COLUMNS
            if (positions := [k for k, cell in enumerate(names) if re.fullmatch(rf"{name}[_-]?\d*", cell)])
        ),
        None,
    )
    if image is None or captions is None:
        return None
    split = names.index(SPLIT_COLUMN) if SPLIT_COLUMN in names else None
    return _Columns(delimiter, cells, image, captions, split, True)


def _by_contents(delimiter, cells):
    """Return the _Columns if the cells are a photo and its caption, after and between indices."""
    image = next((k for k, cell in enumerate(cells) if cell.lower().endswith(PHOTO_SUFFIXES)), None)
    captions = [] if image is None else [k for k, cell in enumerate(cells) if k > image and not cell.isdecimal()]
    if len(captions) != 1:
        return None
    names = ["number"] * len(cells)
    names[image], names[captions[0]] = "photo", "caption"
    return _Columns(delimiter, names, image, captions, None, False)


def _complete(path, number, cells, columns, oddities):
    """Return a row with as many cells as the header has. Raise InputError if it has others."""
    expected = len(columns.names)
    if len(cells) > expected and not any(cell.strip() for cell in cells[expected:]):
        return cells[:expected]  # spreadsheets fill rows up to the longest
    has_number = columns.captions == [expected - 1] and columns.image < expected - 2  # before the caption
    if has_number and len(cells) == expected - 1 and (match := UNSEPARATED.fullmatch(cells[-1])):
        oddities.add("unseparated", number)
        return [*cells[:-1], "", match[1]]
    if len(cells) != expected:
        name = DELIMITERS[columns.delimiter]
        raise InputError(
            f"{path}, line {number}: expected {expected} fields ({', '.join(columns.names)}), found {len(cells)}; put "
            f"a caption that holds {name} in double quotes, and separate the fields by {name}."
        )
    return cells


def _image_name(path, number, cell):
    """Return the name of a photo without its folder on another computer. Raise InputError for other text."""
    name = cell.strip()
    if not name:
        raise InputError(f"{path}, line {number}: a caption without the name of its photo; add the name.")
    if "://" in name:
        raise InputError(
            f"{path}, line {number}: {shortened(name)} is a web address; download the photo and name its file."
        )
    name = name.replace("\\", "/")
    return posixpath.basename(name) if name.startswith("/") or DRIVE.match(name) else posixpath.normpath(name)
