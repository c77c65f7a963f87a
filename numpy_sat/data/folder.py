"""Read a folder of the user's own photos and captions.

* A table of captions in the folder, such as `captions.csv` or `metadata.csv` (see captioned_photos/table.py), and the
  photos beside it or in folders below it.
* Or folders `train/`, `dev/` and `test/`, each with a `metadata.csv` and its photos.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data.captioned_photos import layout, photo_files, reader, split_lists, table
from numpy_sat.data.captioned_photos.layout import Copy, Source
from numpy_sat.data.dataset import Dataset
from numpy_sat.system.errors import InputError

TASK = "captioning"
NAME = "folder"
SPLITS = split_lists.SPLITS
TABLES = ("captions.csv", "captions.tsv", "captions.txt", "metadata.csv")  # the first one counts
TABLE_SUFFIXES = (".csv", ".tsv")  # suffixes of the only table in the folder, if it has another name


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the photos and captions in a folder.

    Args:
        root: the folder.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
    Raises:
        InputError: the folder is not named, or is unusable.
    """
    if not root:
        raise InputError("--data folder reads your own photos and captions: name their folder with --root.")
    return reader.read(NAME, Path(root), _find(Path(root)), splits, skip_missing)


def read_captions(root: Path, split: str) -> dict[str, list[str]]:
    """Read the captions of a split's images, {name: captions}. The photos may be missing. Raises InputError."""
    return reader.read_captions(_find(Path(root)), split)


def _find(root: Path) -> Copy:
    """Return the files in a folder."""
    layout.refuse_no_folder(root)
    folders = [folder for folder in photo_files.subfolders(root) if folder.name in split_lists.NAMES]
    sources = [Source(path, table) for path in _tables(root)] or [
        Source(path, table, folder=f"{folder.name}/") for folder in folders for path in _tables(folder)
    ]
    files = photo_files.below(root)
    if not sources or not any(map(photo_files.is_photo, files)):
        lack = "photo" if sources else "table of captions"
        raise InputError(
            f"{root} holds no {lack}; put your photos and a file {TABLES[0]} there, with the header image,caption and "
            "a line for each caption."
        )
    return Copy(sources, files, root, {})


def _tables(folder: Path) -> list[Path]:
    """Return a list of the table of captions in a folder, or an empty list. Raises InputError if there are several."""
    names = [name for name in sorted(photo_files.list_names(folder)) if not os.path.isdir(folder / name)]
    tables = [name for name in TABLES if name in names][:1]
    tables = tables or [name for name in names if name.lower().endswith(TABLE_SUFFIXES) and not name.startswith(".")]
    if len(tables) > 1:
        raise InputError(
            f"{folder} holds the tables {tables[0]} and {tables[1]}; name the one with captions {TABLES[0]}."
        )
    return [folder / name for name in tables]
