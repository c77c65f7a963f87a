"""The photos of a data set, found by the names that its caption files give them."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from numpy_sat.data.captioned_photos.oddities import count
from numpy_sat.system.errors import InputError, shortened

DEPTH = 3  # users' own photos may lie in folders such as photos/2024/june
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".jp2", ".avif"),
    *(".heic", ".heif"),  # photos of iPhones; images.py reads them if the package pillow-heif is installed
)
# The releases of COCO of 2014 and 2017 hold the same photos. The release of 2017 drops this part of their names.
COCO_2014 = re.compile(r"COCO_(?:train|val)2014_")


def list_names(folder: Path) -> list[str]:
    """Return the names of everything in a folder.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        return os.listdir(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones and those that macOS adds to zips."""
    return [folder / name for name in _contents(folder)[1]]


def _contents(folder):
    """Return the names of the files and of the subfolders in a folder, sorted."""
    files, folders = [], []
    with suppress(OSError), os.scandir(folder) as entries:  # an unreadable folder may belong to something else
        for entry in entries:
            (folders if _is_folder(entry) else files).append(entry.name)
    return sorted(files), sorted(name for name in folders if name != "__MACOSX" and not name.startswith("."))


def _is_folder(entry):
    """Return True for the os.DirEntry of a folder. It knows that without looking at each of 118,000 photos."""
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def is_photo(name: str) -> bool:
    """Return True for the name of a photo, and False for a hidden file that macOS adds beside photos."""
    return name.lower().endswith(PHOTO_SUFFIXES) and not PurePosixPath(name).name.startswith(".")


def in_folders(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the files of some folders, {name: folder}."""
    return {name: folder for folder in folders for name in list_names(folder)}


def below(root: Path) -> dict[str, Path]:
    """Return the files in a folder and up to DEPTH folders below it, {path in the folder: the folder}."""
    files: dict[str, Path] = {}
    level, visited = [""], set()  # a link may lead to a folder that was visited, such as the root
    for _ in range(DEPTH + 1):
        deeper = []
        for prefix in level:
            if (place := os.path.realpath(root / prefix)) not in visited:
                visited.add(place)
                names, folders = _contents(root / prefix)
                files |= {prefix + name: root for name in names}
                deeper += [f"{prefix}{folder}/" for folder in folders]
        level = deeper
    return files


def match(names: Iterable[str], files: dict[str, Path], place: Path) -> tuple[dict[str, str], list[str]]:
    """Find the file of each name of a caption file.

    A name that no file has is compared less and less strictly: without its folder, without COCO's year, without the
    difference between upper and lower case or between ways to write an accent, and without its suffix. Files that
    another name has exactly are left to it.

    Args:
        names: names of photos, with / between folders.
        files: {file: folder}; `file` is the path in `folder`, with / between folders.
        place: what to name in messages.
    Returns:
        file_of: {name: file} of all names whose photo exists.
        notes: a sentence on the names that are spelled differently.
    Raises:
        InputError: a name fits several files, or two names fit one.
    """
    names = dict.fromkeys(names)
    file_of = {name: name for name in names if name in files}
    others = [name for name in names if name not in file_of]
    if not others:
        return file_of, []
    rest = [file for file in files if file not in file_of]
    indices = [(key, _index(rest, key)) for key in KEYS]
    claims: dict[str, str] = {}
    for name in others:
        if file := _candidate(name, indices, place):
            if file in claims:
                raise InputError(
                    f"{place}: {shortened(claims[file])} and {shortened(name)} both name the photo {file}; "
                    "use one spelling in the captions."
                )
            claims[file] = name
            file_of[name] = file
    respelled = {name: file for file, name in claims.items() if PurePosixPath(file).name != PurePosixPath(name).name}
    return file_of, _note(respelled)


def _candidate(name, indices, place):
    """Return the one file that a name fits by the strictest comparison, or None."""
    for key, index in indices:
        files = index.get(key(name), ())
        if len(files) > 1:
            raise InputError(
                f"{place}: {shortened(name)} may be {files[0]} or {files[1]}; write the folder and the suffix of the "
                "photo into its name."
            )
        if files:
            return files[0]
    return None


def _index(files: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for file in files:
        index.setdefault(key(file), []).append(file)
    return index


def _without_folder(name):
    return COCO_2014.sub("", name.rpartition("/")[2])


def _without_case(name):
    return unicodedata.normalize("NFC", _without_folder(name)).casefold()


def _without_suffix(name):
    """Return a name without the suffix of a photo. Another ending, as in "photo.v2", is a part of the name."""
    stem = _without_case(name)
    return stem.rpartition(".")[0] if stem.endswith(PHOTO_SUFFIXES) else stem


KEYS = (_without_folder, _without_case, _without_suffix)  # from strict to lax


def _note(respelled):
    """Return a list with a sentence on names that are not those of their files, {name: file}."""
    if not respelled:
        return []
    name, file = next(iter(respelled.items()))
    verb = "has" if len(respelled) == 1 else "have"
    return [
        f"{count(len(respelled), 'photo')} {verb} another name than in the captions, such as "
        f"{PurePosixPath(file).name} for {PurePosixPath(name).name}."
    ]
