"""Find the files of a data set: its caption files and its photos, in the usual layouts."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from numpy_sat.data.captioned_photos import photo_files
from numpy_sat.data.captioned_photos.oddities import first_names
from numpy_sat.system.errors import InputError

DEPTH = 2  # the photos lie this deep if each zip was unpacked into its own folder


class Source(NamedTuple):
    """A caption file."""

    path: Path
    reader: ModuleType  # token_file, table, karpathy or coco_file
    split: str | None = None  # the split of all its images, by its name in split_lists.NAMES
    folder: str = ""  # what to put before its photo names, with / at the end


class Copy(NamedTuple):
    """The parts of one copy of a data set."""

    sources: Sequence[Source]
    files: dict[str, Path]  # {file: folder} as in photo_files.match
    photos: Path  # the folder of photos, for messages
    lists: dict[str, list[str]]  # {split: names} from lists beside the captions; {} without lists


class Layout(NamedTuple):
    """The names by which a data set's files are found."""

    captions: dict[str, str | None]  # {name of a caption file: the split of its images, or None}; one is enough
    reader: ModuleType
    photos: Sequence[str]  # names of the folders of photos; all that exist are read


def find(root: Path, layouts: Sequence[Layout]) -> Copy:
    """Find the first layout of which both captions and photos are there, up to DEPTH folders below the root.

    Args:
        root: folder of the copy.
        layouts: the layouts, the best first.
    Returns:
        The Copy, without lists.
    Raises:
        InputError: no layout is there.
    """
    refuse_no_folder(root)
    folders = list(_folders(root))
    for layout in layouts:
        sources = [
            Source(path, layout.reader, split)
            for name, split in layout.captions.items()
            if (path := _first_file(folders, name))
        ]
        photos = list(_photo_folders(folders, layout.photos))
        if sources and photos:
            return Copy(sources, photo_files.in_folders(photos), photos[0], {})
    contents = first_names(sorted(photo_files.list_names(root)), limit=8) or "nothing"
    expected = " or ".join(
        f"{next(iter(layout.captions))} with photos in a folder {layout.photos[0]}" for layout in layouts
    )
    raise InputError(
        f"{root} does not hold the data set: looked for {expected}; found {contents}. Unpack all of its zips."
    )


def refuse_no_folder(root: Path) -> None:
    """Raise InputError if the root of a data set is not a folder."""
    if not root.exists():
        raise InputError(f"{root}: there is no such folder; name the one that holds the unpacked data set.")
    if not root.is_dir():
        raise InputError(f"{root} is a file, not a folder; unpack the data set and name its folder.")


def _folders(root: Path) -> Iterator[Path]:
    """Yield the root and the folders below it, nearest first."""
    level = [root]
    for _ in range(DEPTH):
        yield from level
        level = [subfolder for folder in level for subfolder in photo_files.subfolders(folder)]
    yield from level


def _first_file(folders, name):
    # os.path.isfile returns False for a file in an unreadable folder, where Path.is_file raises PermissionError.
    return next((folder / name for folder in folders if os.path.isfile(folder / name)), None)


def _photo_folders(folders, names):
    """Yield the nearest folder of each name that holds photos."""
    for name in names:
        matches = (folder for folder in folders if folder.name.lower() == name.lower())
        if folder := next(
            (folder for folder in matches if any(map(photo_files.is_photo, photo_files.list_names(folder)))), None
        ):
            yield folder
