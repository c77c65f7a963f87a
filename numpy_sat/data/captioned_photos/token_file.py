"""Read the caption files of Flickr8k's and Flickr30k's authors, with lines `name.jpg#0<TAB>caption`."""

from collections.abc import Iterator
from pathlib import Path

from numpy_sat.data.captioned_photos import text_file
from numpy_sat.data.captioned_photos.oddities import Oddities
from numpy_sat.data.captioned_photos.row import Row
from numpy_sat.system.errors import InputError, shortened

UNIT = "line"  # what Row.number counts


def rows(path: Path, oddities: Oddities) -> Iterator[Row]:
    """Yield the captions of a file in its order.

    Args:
        path: the file.
        oddities: collects what is unusual. This format has nothing of its own to report.
    Raises:
        InputError: the file or one of its lines cannot be read.
    """
    for number, line in enumerate(text_file.read_lines(path), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        name, _, index = key.rpartition("#")
        if not (tab and name and index.isdecimal()):
            raise InputError(
                f'{path}, line {number}: expected "name.jpg#0", a tab and a caption, '
                f'found "{shortened(line.strip())}"; correct the line or remove it.'
            )
        yield Row(name, caption, number)
