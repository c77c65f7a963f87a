"""Find the photos of a data set that cannot be decoded, before hours of training depend on them.

Every photo is decoded once. The result stays in the cache until the path, the size or the modification time of a photo
changes.
"""

import json
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from numpy_sat.data import images
from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.system import progress
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing

VERSION = 2  # increase it when a change of the code makes other photos count as damaged


def check(dataset: Dataset, skip: bool, cache: Path) -> Dataset:
    """Return a data set without its damaged photos, or raise an error if it has any.

    Args:
        dataset: a data set of CaptionedImages.
        skip: leave out damaged photos, with a note, instead of raising an error.
        cache: folder of cache files.
    Returns:
        The data set with the photos that can be decoded.
    Raises:
        InputError: photos are damaged; the message lists all of them. With `skip`, only if a split has no other photos.
    """
    reasons = {split: find(examples, cache) for split, examples in dataset.splits.items()}
    all_reasons = {name: reason for split_reasons in reasons.values() for name, reason in split_reasons.items()}
    if not all_reasons:
        return dataset
    if not skip:
        raise InputError(
            f"{dataset.root}: {len(all_reasons):,} of {sum(map(len, dataset.splits.values())):,} photos cannot be "
            f"decoded: {', '.join(all_reasons)}. The first: {next(iter(all_reasons.values()))} Get them again, or "
            "leave them out with --skip-damaged."
        )
    splits, notes = {}, list(dataset.notes)
    for split, examples in dataset.splits.items():
        splits[split] = [example for example in examples if example.name not in reasons[split]]
        if not splits[split]:
            raise InputError(f"{dataset.root}: no photo of split {split} can be decoded; get them again.")
        if names := list(reasons[split]):
            notes.append(
                f"Split {split} has damaged photos, {len(names):,} of {len(examples):,}; left out: {', '.join(names)}."
            )
    return dataset._replace(splits=splits, notes=tuple(notes))


def find(examples: Sequence[CaptionedImage], cache: Path) -> dict[str, str]:
    """Return the names of the images that cannot be decoded, each with the message that says why."""
    path = (Path(cache) / images.cache_name("checked", examples, "", VERSION)).with_suffix(".json")
    if (reasons := _stored(path)) is not None:
        return reasons
    pool = ThreadPoolExecutor(images.THREADS)
    try:
        results = pool.map(_reason, (image.path for image in examples))
        bar = progress.bar(results, desc="checking images", total=len(examples), unit=" images")
        reasons = {image.name: reason for image, reason in zip(examples, bar, strict=True) if reason}
    finally:
        pool.shutdown(cancel_futures=True)
    _store(path, reasons)
    return reasons


def _reason(path):
    """Return the message of the error that decoding an image raises, or None."""
    try:
        images.check_image(path)
    except InputError as error:
        return str(error)
    return None


def _store(path, reasons):
    """Write the result and its checksum to the cache. If this fails, the next start decodes the images again."""
    text = json.dumps(reasons)
    with suppress(InputError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(f"{_checksum(text)}\n{text}", encoding="utf-8")
        images.remove_superseded(path)


def _stored(path):
    """Return the result in the cache, or None if there is none or it is damaged."""
    try:
        checksum, _, text = path.read_text(encoding="utf-8").partition("\n")
        if checksum == _checksum(text):
            return json.loads(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        pass
    images.note_damage(path)
    return None


def _checksum(text):
    return f"{zlib.crc32(text.encode()):08x}"
