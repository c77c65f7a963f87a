"""Read Flickr8k, and any other data set in one of its two layouts.

* The authors' two zips: `Flicker8k_Dataset/` (sic) with the photos, `Flickr8k.token.txt` with lines
  `name.jpg#0<TAB>caption`, and split lists `Flickr_8k.{train,dev,test}Images.txt`.
* A later single zip: `Images/` with the photos and `captions.txt`, a CSV file. It has no split lists.

In both layouts the parts may lie up to two folders below the root.

Two photos of train are byte-identical. Both are kept, because their captions differ.
"""

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.data.vocabulary import tokenize
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError, shortened

TASK = "captioning"
SPLITS = ("train", "dev", "test")
SPLIT_LIST = "Flickr_8k.{}Images.txt"
TOKEN_FILE = "Flickr8k.token.txt"
CSV_FILE = "captions.txt"
CSV_HEADER = ["image", "caption"]
LAYOUTS = ((TOKEN_FILE, ("Flicker8k_Dataset", "Flickr8k_Dataset")), (CSV_FILE, ("Images",)))
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
DEPTH = 2  # the photos lie this deep if each zip was unpacked into its own folder
HELD_OUT = 1000  # images in dev, and in test, of the official split
OFFICIAL_DIGESTS = {  # SHA-256 of the sorted names of each official split, joined by zero bytes
    "train": "b952103e00723fb6c726b70d3bfde109e615fb13878e4f3e7fb822131c2287cd",
    "dev": "485224271f2aebfc05c3978bbe071491e561705b618564d110ffa0a34370bc18",
    "test": "7895d5b62fdbd8d33a761e1dc34d2298a17fd52cd788e7d3861b6d7bab8390d4",
}
# Letters of Chinese, Japanese, Thai, Lao, Burmese and Khmer, which put no blanks between words.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class _Copy(NamedTuple):
    """The paths of the parts of one copy."""

    captions: Path
    photos: Path
    files: frozenset[str]  # names of all files in the photo folder


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
    root = Path(root)
    _refuse_unknown(splits)
    copy = _find_copy(root)
    captions, notes = _read_captions(copy.captions)
    lists = _read_lists(copy.captions.parent, splits)
    if not lists:
        lists = _hashed_lists(captions)
        sizes = "/".join(f"{len(names):,}" for names in lists.values())
        notes.append(
            f"There are no split lists beside {copy.captions.name}; its images were split {sizes} "
            f"({'/'.join(lists)}) in the order of the SHA-256 of their names."
        )
    examples = {}
    for split in splits:
        _refuse_uncaptioned(split, lists[split], captions, copy)
        examples[split], split_notes = _images(split, lists[split], captions, copy, skip_missing)
        notes += split_notes
    notes += _notes_on_unused(lists, splits, captions, copy)
    notes += _notes_on_blanks(text for images in examples.values() for image in images for text in image.captions)
    return Dataset(name, root, examples, tuple(notes), tokenize)


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
    _refuse_unknown([split])
    copy = _find_copy(Path(root))
    captions, _ = _read_captions(copy.captions)
    names = (_read_lists(copy.captions.parent, [split]) or _hashed_lists(captions))[split]
    _refuse_uncaptioned(split, names, captions, copy)
    return {name: captions[name] for name in names}


def is_official(split: str, names: Iterable[str]) -> bool:
    """Return True if the names are those of the complete official split of Flickr8k, in any order."""
    return hashlib.sha256("\0".join(sorted(names)).encode()).hexdigest() == OFFICIAL_DIGESTS[split]


def _refuse_unknown(splits: Sequence[str]) -> None:
    for split in splits:
        if split not in SPLITS:
            raise InputError(f'There is no split "{split}"; choose among {", ".join(SPLITS)}.')


def _find_copy(root: Path) -> _Copy:
    """Return the captions and photos of the first layout for which both exist."""
    if not root.exists():
        raise InputError(f"{root}: there is no such folder; name the one that holds the unpacked data set.")
    if not root.is_dir():
        raise InputError(f"{root} is a file, not a folder; unpack the data set and name its folder.")
    folders = list(_folders(root))
    for caption_file, photo_folders in LAYOUTS:
        # os.path.isfile returns False for a file in an unreadable folder, where Path.is_file raises PermissionError.
        captions = next((folder / caption_file for folder in folders if os.path.isfile(folder / caption_file)), None)
        for photos in (folder for folder in folders if folder.name in photo_folders):
            files = frozenset(_list_names(photos))
            if captions and any(name.lower().endswith(PHOTO_SUFFIXES) for name in files):
                return _Copy(captions, photos, files)
    contents = _first_names(sorted(_list_names(root)), limit=8) or "nothing"
    expected = " or ".join(f"{file} with photos in a folder {names[0]}" for file, names in LAYOUTS)
    raise InputError(
        f"{root} does not hold the data set: looked for {expected}; found {contents}. Unpack all of its zips."
    )


def _list_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error


def _folders(root: Path) -> Iterator[Path]:
    """Yield the root and the folders below it, nearest first, without the folders that macOS adds to zips."""
    level = [root]
    for _ in range(DEPTH):
        yield from level
        level = [subfolder for folder in level for subfolder in _subfolders(folder)]
    yield from level


def _subfolders(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # an unreadable folder may belong to something else
        return []
    return [folder / name for name in names if name != "__MACOSX" and os.path.isdir(folder / name)]


def _read_captions(path: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Read the captions by image name, in the file's order. Return them and a note on empty captions."""
    rows = _token_rows(path) if path.name == TOKEN_FILE else _csv_rows(path)
    captions: dict[str, list[str]] = {}
    empty = 0
    for name, caption in rows:
        if caption.strip():
            captions.setdefault(name, []).append(caption.strip())
        else:
            empty += 1
    return captions, [f"Left out: {_count(empty, 'empty caption')} of {path.name}."] if empty else []


def _token_rows(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        name, _, index = key.rpartition("#")
        if not (tab and name and index.isdecimal()):
            raise InputError(
                f'{path}, line {number}: expected "name.jpg#0", a tab and a caption, '
                f'found "{line.strip()[:60]}"; correct the line or remove it.'
            )
        yield name, caption


def _csv_rows(path: Path) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != CSV_HEADER:
            raise InputError(
                f'{path}, line 1: expected the header "{",".join(CSV_HEADER)}", found "{",".join(header)[:60]}"; save '
                "the table with these two columns alone, separated by commas (in pandas: to_csv with index=False)."
            )
        for row in reader:
            if len(row) == 2:
                yield row[0], row[1]
            elif row:
                raise InputError(
                    f"{path}, line {reader.line_num}: expected a name and a caption, found {len(row)} fields; "
                    "put a caption that holds commas in double quotes."
                )
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; correct the quotes there.") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: the file is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); change its permissions.") from error


def _read_lists(folder: Path, splits: Sequence[str]) -> dict[str, list[str]]:
    """Read all existing split lists. Return none, or at least those of `splits`."""
    lists: dict[str, list[str]] = {}
    for split in SPLITS:
        path = folder / SPLIT_LIST.format(split)
        if path.is_file():
            lists[split] = [line.strip() for line in _read_text(path).split("\n") if line.strip()]
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


def _hashed_lists(captions: dict[str, list[str]]) -> dict[str, list[str]]:
    """Split the images by a hash of their names, so that the splits are the same on every machine."""
    names = [name for name in captions if name.lower().endswith(PHOTO_SUFFIXES)]
    names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = min(HELD_OUT, len(names) // 8)
    return {"train": names[2 * held_out :], "dev": names[:held_out], "test": names[held_out : 2 * held_out]}


def _refuse_uncaptioned(split: str, names: list[str], captions: dict[str, list[str]], copy: _Copy) -> None:
    uncaptioned = [name for name in names if name not in captions]
    if uncaptioned:
        raise InputError(
            f"{copy.captions} has no caption for {_count(len(uncaptioned), 'image')} that split {split} lists: "
            f"{_first_names(uncaptioned)}; add captions, or remove the names from the list."
        )


def _images(
    split: str, names: list[str], captions: dict[str, list[str]], copy: _Copy, skip_missing: bool
) -> tuple[list[CaptionedImage], list[str]]:
    """Return the images of a split, and a note on those left out."""
    missing = [name for name in names if name not in copy.files]
    lack = f"Split {split} lacks {_count(len(missing), 'photo')} of {len(names):,}"
    if missing and not skip_missing:
        raise InputError(
            f"{copy.photos}: {lack}: {_first_names(missing)}; unpack them again, or leave them out with --skip-missing."
        )
    present = [CaptionedImage(name, copy.photos / name, tuple(captions[name])) for name in names if name in copy.files]
    if not present:
        raise InputError(f"{copy.photos}: split {split} has no image at all; get its photos, or name other splits.")
    return present, [f"{lack}; left out: {_first_names(missing)}."] if missing else []


def _notes_on_unused(
    lists: dict[str, list[str]], splits: Sequence[str], captions: dict[str, list[str]], copy: _Copy
) -> list[str]:
    """Return notes on the splits that are not read and on the images that are in no split."""
    notes = []
    for split, names in lists.items():
        missing = sum(name not in copy.files for name in names)
        if missing and split not in splits:
            notes.append(f"Split {split}, not used here, lacks {_count(missing, 'photo')} of {len(names):,}.")
    split_names = {name for names in lists.values() for name in names}
    unlisted = [name for name in captions if name not in split_names and name in copy.files]
    if unlisted:
        notes.append(f"Left out: {_count(len(unlisted), 'photo')} with captions but in no split.")
    strays = [name for name in captions if name not in split_names and name not in copy.files]
    if strays:
        notes.append(f"Left out: the captions of {_count(len(strays), 'name')} with neither photo nor split.")
    return notes


def _notes_on_blanks(captions: Iterable[str]) -> list[str]:
    """Return a note if most captions of a script without blanks between words have no blank."""
    unspaced = [text for text in captions if not text.isascii() and UNSPACED.search(text)]
    unsplit = sum(len(text.split()) == 1 for text in unspaced)
    if unsplit <= len(unspaced) / 2:
        return []
    return [
        f"{_count(unsplit, 'caption')} without a blank, such as {unspaced[0]}: words are separated by blanks here, so "
        "each whole phrase counts as one word. Put blanks between the words; a word segmenter does it."
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _first_names(names: Iterable[str], limit: int = 3) -> str:
    names = list(names)
    return ", ".join(map(shortened, names[:limit])) + (", and more" if len(names) > limit else "")
