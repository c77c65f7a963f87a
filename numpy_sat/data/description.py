"""Describe a copy of a data set of photos: how many images and captions it has, and all that is unusual in it."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from numpy_sat.data import catalog
from numpy_sat.data.dataset import Dataset
from numpy_sat.system import cli, output
from numpy_sat.system.errors import InputError

SKIPS = ((), ("--skip-missing",), ("--skip-damaged",), ("--skip-missing", "--skip-damaged"))


def describe(name: str, root: Path | None) -> None:
    """Print the contents of a copy, and the command that trains on it. Every photo is decoded once.

    Args:
        name: the data set, one of catalog.DATASETS of photos.
        root: its folder; None is the default folder of the data set.
    Raises:
        InputError: the folder holds no copy.
    """
    dataset = _open(name, root)
    output.show(f"{dataset.root}:")
    for split, images in dataset.splits.items():
        captions = sum(len(image.captions) for image in images)
        output.show(f"{split}: {len(images):,} images, {captions:,} captions")
    for note in dataset.notes:
        output.show(note)
    place = f"--data {name} --root {cli.quoted(dataset.root)}"
    output.show(f"Train on it:\n  {' '.join(['python -m numpy_sat.train --small', place, *_needed_skips(name, root)])}")


def _open(name: str, root: Path | None) -> Dataset:
    """Return all splits of a data set that can be read. Training does not need the photos of the test set."""
    try:
        return catalog.open_dataset(name, root, catalog.DATASETS[name].SPLITS, skip_missing=True, skip_damaged=True)
    except InputError:
        return catalog.open_dataset(name, root, skip_missing=True, skip_damaged=True)


def _needed_skips(name: str, root: Path | None) -> Sequence[str]:
    """Return the options without which training on a data set ends with an error."""
    for skips in SKIPS:
        with suppress(InputError):
            catalog.open_dataset(name, root, ("train", "dev"), "--skip-missing" in skips, "--skip-damaged" in skips)
            return skips
    return SKIPS[-1]
