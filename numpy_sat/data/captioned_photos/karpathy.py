"""Read Karpathy's split files, dataset_flickr8k.json, dataset_flickr30k.json and dataset_coco.json.

They hold {"images": [{"filename": ..., "split": ..., "sentences": [{"raw": ...}, ...]}, ...]}. The split of an image is
train, restval, val or test. Papers train on restval, too.
"""

from collections.abc import Iterator
from pathlib import Path

from numpy_sat.data.captioned_photos import text_file
from numpy_sat.data.captioned_photos.oddities import Oddities
from numpy_sat.data.captioned_photos.row import Row
from numpy_sat.system.errors import InputError

UNIT = "image"  # what Row.number counts
KEYS = frozenset({"images", "filename", "split", "sentences", "raw"})


def rows(path: Path, oddities: Oddities) -> Iterator[Row]:
    """Yield the captions of a file in its order.

    Args:
        path: the file.
        oddities: collects what is unusual. This format has nothing of its own to report.
    Raises:
        InputError: the file or one of its images cannot be read.
    """
    for number, image in enumerate(_images(path), start=1):
        try:
            name, split, texts = image["filename"], image["split"], [entry["raw"] for entry in image["sentences"]]
        except (KeyError, TypeError) as error:
            raise _error(path, number, "expected filename, split and sentences with raw") from error
        if not all(isinstance(value, str) for value in (name, split, *texts)):
            raise _error(path, number, "filename, split and raw must be texts")
        for text in texts:
            yield Row(name, text, number, split)


def _images(path):
    """Return the list of images."""
    data = text_file.read_json(path, KEYS)
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise InputError(f'{path}: has no list "images", so it is no split file of Karpathy; name another file.')
    return data["images"]


def _error(path, number, reason):
    return InputError(f"{path}, image {number}: {reason}; get the file again.")
