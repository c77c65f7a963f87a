"""Make a data set of photos and captions from the files of one copy. The photos themselves are not opened.

A data set's module finds its files (a layout.Copy) and calls `read` and `read_captions`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from numpy_sat.data.captioned_photos import photo_files, split_lists
from numpy_sat.data.captioned_photos.layout import Copy, Source
from numpy_sat.data.captioned_photos.oddities import Oddities, count, first_names, notes_on_blanks
from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.data.vocabulary import tokenize
from numpy_sat.system.errors import InputError, shortened


class _Captions(NamedTuple):
    """What the caption files of a copy hold."""

    texts: dict[str, list[str]]  # {image: captions}, in the files' order
    lists: dict[str, list[str]]  # {split: images}, of all splits
    notes: list[str]


def read(name: str, root: Path, copy: Copy, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the captions and the photo paths of some splits.

    Args:
        name: name of the data set.
        root: folder of the copy.
        copy: its files.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
    Returns:
        The data set. Its notes list harmless irregularities of the copy.
    Raises:
        InputError: the copy is unusable, or a photo is missing without skip_missing.
    """
    texts, lists, notes = _read_captions(copy, splits)
    split_images = [image for images in lists.values() for image in images]
    file_of, match_notes = photo_files.match([*split_images, *texts], copy.files, copy.photos)
    notes += match_notes
    examples = {}
    for split in splits:
        examples[split], split_notes = _examples(split, lists[split], texts, file_of, copy, skip_missing)
        notes += split_notes
    notes += _notes_on_unused(lists, splits, texts, file_of, copy)
    notes += notes_on_blanks(text for images in examples.values() for image in images for text in image.captions)
    return Dataset(name, root, examples, tuple(notes), tokenize)


def read_captions(copy: Copy, split: str) -> dict[str, list[str]]:
    """Read the captions of a split's images. The photos may be missing.

    Args:
        copy: the files of the data set.
        split: name of the split.
    Returns:
        The captions by image name.
    Raises:
        InputError: the copy is unusable, or an image of the split has no caption.
    """
    captions = _read_captions(copy, [split])
    return {image: captions.texts[image] for image in captions.lists[split]}


def _read_captions(copy: Copy, splits: Sequence[str]) -> _Captions:
    """Read all caption files. Check that the images of `splits` have captions."""
    split_lists.refuse_unknown(splits)
    texts: dict[str, list[str]] = {}
    split_of: dict[str, str | None] = {}
    notes = []
    for source in copy.sources:
        notes += _read_source(source, texts, split_of)
    names = ", ".join(dict.fromkeys(source.path.name for source in copy.sources))
    if not texts:
        raise InputError(f"{copy.sources[0].path}: holds no caption; add captions, or name another folder.")
    lists = copy.lists
    if not lists:
        lists, list_notes = split_lists.complete(_listed(split_of) or _listed(_by_folder(texts)), texts, names)
        notes += list_notes
    for split in splits:
        _refuse_uncaptioned(split, lists[split], texts, copy)
    return _Captions(texts, lists, notes)


def _read_source(source: Source, texts: dict[str, list[str]], split_of: dict[str, str | None]) -> list[str]:
    """Add the captions and splits of one file to `texts` and `split_of`. Return notes."""
    path, unit = source.path, source.reader.UNIT
    oddities = Oddities(source.folder + path.name, unit)
    splits: dict[str | None, str | None] = {None: None}  # {name in the file: split}, to look up each name once
    for row in source.reader.rows(path, oddities):
        text = row.text.strip()
        if oddities.is_left_out(text, row.number):
            continue
        if not text.isascii() or not row.image.isascii():
            _refuse_half_characters(text + row.image, f"{path}, {unit} {row.number}")
        image, split_name = source.folder + row.image, row.split or source.split
        if split_name not in splits:
            splits[split_name] = split_lists.of_name(split_name, f"{path}, {unit} {row.number}")
        split, earlier = splits[split_name], split_of.get(image)
        if split and earlier and split != earlier:
            raise InputError(
                f"{path}, {unit} {row.number}: {shortened(image)} is in split {split}, and before in {earlier}; "
                "an image must be in one split."
            )
        split_of[image] = earlier or split
        captions = texts.setdefault(image, [])
        if text in captions:
            oddities.add("repeated", row.number)
        oddities.inspect(text, row.number)
        captions.append(text)
    return oddities.notes()


def _refuse_half_characters(text: str, place: str) -> None:
    """Raise InputError if a text cannot be written as UTF-8, as after "\\ud83d" in JSON without its second half."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: half of a character, {text[error.start]!a}, without its other half; correct or remove it."
        ) from error


def _listed(split_of: dict[str, str | None]) -> dict[str, list[str]]:
    """Return the images of each split, {split: images}, from the split of each image."""
    lists: dict[str, list[str]] = {}
    for image, split in split_of.items():
        if split:
            lists.setdefault(split, []).append(image)
    return {split: lists[split] for split in split_lists.SPLITS if split in lists}


def _by_folder(images: Iterable[str]) -> dict[str, str | None]:
    """Return the split of each image by its folder, such as train/, if all images lie in folders named so."""
    folders = {image: image.rpartition("/")[0].partition("/")[0] for image in images}
    are_splits = all(folder in split_lists.NAMES for folder in set(folders.values()))
    return {image: split_lists.NAMES[folder] for image, folder in folders.items()} if are_splits else {}


def _refuse_uncaptioned(split: str, images: list[str], texts: dict[str, list[str]], copy: Copy) -> None:
    uncaptioned = [image for image in images if image not in texts]
    if uncaptioned:
        raise InputError(
            f"{copy.sources[0].path} has no caption for {count(len(uncaptioned), 'image')} that split {split} lists: "
            f"{first_names(uncaptioned)}; add captions, or remove the names from the list."
        )


def _examples(
    split: str,
    images: list[str],
    texts: dict[str, list[str]],
    file_of: dict[str, str],
    copy: Copy,
    skip_missing: bool,
) -> tuple[list[CaptionedImage], list[str]]:
    """Return the examples of a split, and a note on those left out."""
    missing = [image for image in images if image not in file_of]
    lack = f"Split {split} lacks {count(len(missing), 'photo')} of {len(images):,}"
    if missing and not skip_missing:
        raise InputError(
            f"{copy.photos}: {lack}: {first_names(missing)}; unpack them again, or leave them out with --skip-missing."
        )
    present = [
        CaptionedImage(image, copy.files[file_of[image]] / file_of[image], tuple(texts[image]))
        for image in images
        if image in file_of
    ]
    if not present:
        raise InputError(f"{copy.photos}: split {split} has no image at all; get its photos, or name other splits.")
    return present, [f"{lack}; left out: {first_names(missing)}."] if missing else []


def _notes_on_unused(
    lists: dict[str, list[str]],
    splits: Sequence[str],
    texts: dict[str, list[str]],
    file_of: dict[str, str],
    copy: Copy,
) -> list[str]:
    """Return notes on the splits that are not read, the images in no split, and the photos without captions."""
    notes = []
    for split, images in lists.items():
        missing = sum(image not in file_of for image in images)
        if missing and split not in splits:
            notes.append(f"Split {split}, not used here, lacks {count(missing, 'photo')} of {len(images):,}.")
    split_images = {image for images in lists.values() for image in images}
    unlisted = [image for image in texts if image not in split_images and image in file_of]
    if unlisted:
        notes.append(f"Left out: {count(len(unlisted), 'photo')} with captions but in no split.")
    strays = [image for image in texts if image not in split_images and image not in file_of]
    if strays:
        notes.append(f"Left out: the captions of {count(len(strays), 'name')} with neither photo nor split.")
    return [*notes, *_notes_on_uncaptioned(copy.files, file_of.values())]


def _notes_on_uncaptioned(files: Iterable[str], captioned: Iterable[str]) -> list[str]:
    captioned = set(captioned)
    uncaptioned = sorted(file for file in files if file not in captioned and photo_files.is_photo(file))
    if not uncaptioned:
        return []
    return [f"Left out: {count(len(uncaptioned), 'photo')} without captions: {first_names(uncaptioned)}."]
