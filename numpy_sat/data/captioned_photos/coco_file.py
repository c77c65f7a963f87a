"""Read COCO's caption files, such as captions_train2014.json.

They hold {"images": [{"id": ..., "file_name": ...}, ...], "annotations": [{"image_id": ..., "caption": ...}, ...]}.
"""

from collections.abc import Iterator
from pathlib import Path

from numpy_sat.data.captioned_photos import text_file
from numpy_sat.data.captioned_photos.oddities import Oddities
from numpy_sat.data.captioned_photos.row import Row
from numpy_sat.system.errors import InputError

UNIT = "annotation"  # what Row.number counts
KEYS = frozenset({"images", "annotations", "id", "file_name", "image_id", "caption"})


def rows(path: Path, oddities: Oddities) -> Iterator[Row]:
    """Yield the captions of a file in its order.

    Args:
        path: the file.
        oddities: collects what is unusual. This format has nothing of its own to report.
    Raises:
        InputError: the file, or one of its images or annotations, cannot be read.
    """
    data = text_file.read_json(path, KEYS)
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        raise InputError(
            f'{path}: has no lists "images" and "annotations", so it is no caption file of COCO; name another file.'
        )
    names = _names(path, data["images"])
    for number, annotation in enumerate(data["annotations"], start=1):
        try:
            image, text = annotation["image_id"], annotation["caption"]
            name = names[image]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path}, annotation {number}: expected a caption and an image_id that images has; "
                "get the file again (captions_*.json, not instances_*.json)."
            ) from error
        if not isinstance(text, str):
            raise InputError(f"{path}, annotation {number}: the caption must be a text; get the file again.")
        yield Row(name, text, number)


def _names(path, images):
    """Return the file names of the images by id."""
    names = {}
    for number, image in enumerate(images, start=1):
        try:
            identity, name = image["id"], image["file_name"]
            if not isinstance(name, str) or names.setdefault(identity, name) != name:
                raise KeyError
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path}, image {number}: expected an id of its own and a file_name; get the file again."
            ) from error
    return names
