"""Read Flickr8k in its usual layouts.

* The authors' two zips: `Flicker8k_Dataset/` (sic) with the photos, `Flickr8k.token.txt` with lines
  `name.jpg#0<TAB>caption`, and split lists `Flickr_8k.{train,dev,test}Images.txt`.
* Karpathy's `dataset_flickr8k.json`, with captions and splits.
* A later single zip: `Images/` with the photos and `captions.txt`, a CSV file. It has no split lists.

Two photos of train are byte-identical. Both are kept, because their captions differ.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from numpy_sat.data.captioned_photos import karpathy, layout, reader, split_lists, table, text_file, token_file
from numpy_sat.data.captioned_photos.layout import Copy, Layout
from numpy_sat.data.captioned_photos.oddities import count
from numpy_sat.data.dataset import Dataset
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError, shortened

TASK = "captioning"
SPLITS = split_lists.SPLITS
SPLIT_LIST = "Flickr_8k.{}Images.txt"
TOKEN_FILE = "Flickr8k.token.txt"
FOLDERS = ("Flicker8k_Dataset", "Flickr8k_Dataset", "Images")
LAYOUTS = (
    Layout({TOKEN_FILE: None}, token_file, FOLDERS[:2]),
    Layout({"dataset_flickr8k.json": None}, karpathy, FOLDERS),
    Layout({"captions.txt": None}, table, FOLDERS[2:]),
)
FLICKR_NAME = re.compile(r"\d+_[0-9a-f]{10}\.jpg")  # all photos of Flickr8k have such names
OFFICIAL_SIZES = {"train": 6000, "dev": 1000, "test": 1000}
OFFICIAL_DIGESTS = {  # SHA-256 of the sorted names of each official split, joined by zero bytes
    "train": "b952103e00723fb6c726b70d3bfde109e615fb13878e4f3e7fb822131c2287cd",
    "dev": "485224271f2aebfc05c3978bbe071491e561705b618564d110ffa0a34370bc18",
    "test": "7895d5b62fdbd8d33a761e1dc34d2298a17fd52cd788e7d3861b6d7bab8390d4",
}


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the copy in a folder, by default the folder into which python -m numpy_sat.flickr8k downloads.

    Args:
        root: the folder.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
    Raises:
        InputError: the copy is missing or unusable.
    """
    root = Path(root or machine.cache_folder() / "flickr8k")
    if not root.exists():
        raise InputError(
            f"{root}: there is no such folder; python -m numpy_sat.flickr8k --download downloads the data set, "
            "--root names a copy that you have."
        )
    return read(root, splits, skip_missing)


def read(
    root: Path, splits: Sequence[str] = ("train", "dev"), skip_missing: bool = False, name: str = "flickr8k"
) -> Dataset:
    """Read the captions and the photo paths of some splits. The photos themselves are not opened.

    Args:
        root: folder of the copy.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
        name: name of the data set.
    Returns:
        The data set. Its notes list harmless irregularities of the copy.
    Raises:
        InputError: the copy is unusable, or a photo is missing without skip_missing.
    """
    dataset = reader.read(name, Path(root), _find(Path(root), splits), splits, skip_missing)
    return dataset._replace(notes=(*dataset.notes, *_notes_on_sizes(dataset)))


def read_captions(root: Path, split: str) -> dict[str, list[str]]:
    """Read the captions of a split's images. The photos may be missing.

    Args:
        root: folder of the copy.
        split: name of the split.
    Returns:
        The captions by image name.
    Raises:
        InputError: the copy is unusable, or an image of the split has no caption.
    """
    return reader.read_captions(_find(Path(root), [split]), split)


def is_official(split: str, names: Iterable[str]) -> bool:
    """Return True if the names are those of the complete official split of Flickr8k, in any order."""
    return hashlib.sha256("\0".join(sorted(names)).encode()).hexdigest() == OFFICIAL_DIGESTS[split]


def _notes_on_sizes(dataset: Dataset) -> list[str]:
    """Return notes on splits of Flickr8k's photos that do not have the official sizes."""
    return [
        f"Split {split} has {count(len(images), 'image')}; the official split has {OFFICIAL_SIZES[split]:,}."
        for split, images in dataset.splits.items()
        if len(images) != OFFICIAL_SIZES[split] and all(FLICKR_NAME.fullmatch(image.name) for image in images)
    ]


def _find(root: Path, splits: Sequence[str]) -> Copy:
    """Return the files of a copy, with the split lists that lie beside its captions."""
    split_lists.refuse_unknown(splits)
    copy = layout.find(root, LAYOUTS)
    (source,) = copy.sources
    if source.reader is karpathy:  # has its own splits
        return copy
    return copy._replace(lists=_read_lists(source.path.parent, splits))


def _read_lists(folder: Path, splits: Sequence[str]) -> dict[str, list[str]]:
    """Read all existing split lists. Return none, or at least those of `splits`."""
    lists: dict[str, list[str]] = {}
    for split in SPLITS:
        path = folder / SPLIT_LIST.format(split)
        if path.is_file():
            lists[split] = [line.strip() for line in text_file.read_lines(path) if line.strip()]
    absent = [SPLIT_LIST.format(split) for split in splits if split not in lists]
    if absent and (lists or (folder / TOKEN_FILE).is_file()):
        raise InputError(f"{folder} lacks the split list {absent[0]}; copy it there from the data set's zip.")
    _refuse_repeated(lists, folder)
    return lists


def _refuse_repeated(lists: dict[str, list[str]], folder: Path) -> None:
    """Raise InputError if an image is listed twice: the model could train on images that test it."""
    split_of: dict[str, str] = {}
    for split, names in lists.items():
        path = folder / SPLIT_LIST.format(split)
        for name in names:
            if name in split_of:
                raise InputError(
                    f"{path}: {shortened(name)} is already listed in split {split_of[name]}; remove one of the lines."
                )
            split_of[name] = split
