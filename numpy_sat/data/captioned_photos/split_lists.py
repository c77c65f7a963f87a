"""The images of each split: as the data set lists them, or held out by a hash of their names.

The splits depend on the names in the caption files alone. They are the same on every machine, and without the photos.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence

from numpy_sat.data.captioned_photos.oddities import count
from numpy_sat.system.errors import InputError, shortened

SPLITS = ("train", "dev", "test")
NAMES = {  # names of splits in caption files and of folders -> split
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("dev", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SHARE = 8  # dev and test each get an eighth of the images,
HELD_OUT = 1000  # and at most so many, as in Flickr8k's official split
# Flickr8k's captions name such a photo, which does not exist: the second file of a photo that was downloaded twice.
NUMBERED = re.compile(r"\.(?:jpe?g|png)\.\d+$", re.IGNORECASE)


def refuse_unknown(splits: Sequence[str]) -> None:
    """Raise InputError if a split is none of SPLITS."""
    for split in splits:
        if split not in SPLITS:
            raise InputError(f'There is no split "{split}"; choose among {", ".join(SPLITS)}.')


def of_name(text: str, place: str) -> str:
    """Return the split that a text names. Raises InputError if there is none; place: what to name in the message."""
    split = NAMES.get(text.strip().lower())
    if split is None:
        raise InputError(
            f'{place}: there is no split "{shortened(text)}"; choose among train, val and test, or leave it out.'
        )
    return split


def complete(lists: dict[str, list[str]], names: Iterable[str], source: str) -> tuple[dict[str, list[str]], list[str]]:
    """Add the splits that a data set does not list.

    Without any list, all images are split. A missing dev or test is held out of train. If dev or test is the only
    split, its images are split.

    Args:
        lists: {split: names} as the data set lists them; may be empty.
        names: the names of all images with captions.
        source: name of the caption file, for notes.
    Returns:
        lists: {split: names} of all SPLITS.
        notes: a sentence on what was added.
    Raises:
        InputError: the data set lists dev and test but not train, or has too few images to hold some out.
    """
    if not lists:
        hashed = _hash(names, source)
        return hashed, [f"There are no split lists beside {source}; its images were split {_sizes(hashed)}."]
    if "train" not in lists:
        if len(lists) > 1:
            raise InputError(f"{source}: has the splits {' and '.join(lists)}, but no train; add its images.")
        (only,) = lists
        hashed = _hash(lists[only], source)
        return hashed, [f"Only the split {only} is there; its images were split {_sizes(hashed)}."]
    missing = [split for split in ("dev", "test") if split not in lists]
    if not missing:
        return lists, []
    hashed = _hash(lists["train"], source)
    held_out = {split: hashed[split] for split in missing}
    others = {name for split_names in held_out.values() for name in split_names}
    rest = [name for name in lists["train"] if name not in others]
    note = (
        f"There is no split {' and no split '.join(missing)}; held out instead: {count(len(others), 'image')} of "
        f"{len(lists['train']):,} in train, in the order of the SHA-256 of their names."
    )
    return {split: {**lists, **held_out, "train": rest}[split] for split in SPLITS}, [note]


def hash_splits(names: Iterable[str]) -> dict[str, list[str]]:
    """Split images by a hash of their names, so that the splits are the same on every machine."""
    names = [name for name in names if not NUMBERED.search(name)]
    names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = min(HELD_OUT, len(names) // SHARE)
    return {"train": names[2 * held_out :], "dev": names[:held_out], "test": names[held_out : 2 * held_out]}


def _hash(names, source):
    """Return hash_splits of images. Raise InputError if there are too few for dev and test to get one."""
    hashed = hash_splits(names)
    if not hashed["dev"]:
        raise InputError(
            f"{source}: {count(len(hashed['train']), 'image')} with captions, too few to hold out some for validation; "
            f"add images, so that there are {SHARE} or more."
        )
    return hashed


def _sizes(lists):
    sizes = "/".join(f"{len(names):,}" for names in lists.values())
    return f"{sizes} ({'/'.join(lists)}) in the order of the SHA-256 of their names"
