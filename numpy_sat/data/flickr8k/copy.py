"""Describe a user's copy of Flickr8k, or download one: the command python -m numpy_sat.flickr8k."""

import re
import sys
from pathlib import Path

from numpy_sat.data.flickr8k import download, flickr8k
from numpy_sat.system import cli, lock, output
from numpy_sat.system.errors import InputError, writing

TERMS = (
    "The photos of Flickr8k belong to their photographers: use them for research and teaching only. Please cite\n"
    "M. Hodosh, P. Young and J. Hockenmaier (2013), Framing Image Description as a Ranking Task: Data, Models and\n"
    "Evaluation Metrics, Journal of Artificial Intelligence Research 47."
)
FLICKR_NAME = re.compile(r"\d+_[0-9a-f]{10}\.jpg")  # all photos of Flickr8k have such names
OFFICIAL = {"train": 6000, "dev": 1000, "test": 1000}  # images per split


def describe(root: Path, download_missing: bool = False) -> int:
    """Print a summary of the copy in a folder. Return the exit code.

    Args:
        root: the folder.
        download_missing: download missing parts first.
    Returns:
        0, or the code of an interruption.
    Raises:
        InputError: there is no copy, or it cannot be downloaded.
    """
    try:
        if download_missing:
            obtain(root)
    except KeyboardInterrupt as stop:
        command = f"python -m numpy_sat.flickr8k --download --root {cli.quoted(root)}"
        output.show(f"\nstopped; the downloaded part is kept. Continue with: {command}", file=sys.stderr)
        return getattr(stop, "code", 130)
    if not root.exists():
        raise InputError(
            f"{root}: there is no such folder; use --download to download the data set, or --root to name your copy."
        )
    report(root)
    return 0


def obtain(root: Path) -> None:
    """Download and unpack the parts of the data set that are missing in `root`.

    Raises:
        InputError: a part cannot be downloaded, unpacked or written.
    """
    if _readable(root, skip_missing=True):
        output.show(
            f"{root} already holds a copy, so nothing is downloaded. For a new copy, name another folder with --root."
        )
        return
    output.show(TERMS)
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with lock.waiting_lock(root / lock.NAME, "downloading"):
            _obtain_missing(root)
    output.show(f"unpacked; the zips in {root} are no longer needed.")


def _obtain_missing(root):
    incomplete = None
    for archive in download.ARCHIVES:
        folder = root / Path(archive.name).stem
        if folder.exists():
            incomplete = folder
        elif not _readable(root, skip_missing=True):
            download.unpack(download.fetch(archive, root), folder)
    if incomplete and not _readable(root, skip_missing=True):
        raise InputError(f"{incomplete} already exists but is incomplete; move it away and run the same command again.")


def report(root: Path) -> None:
    """Print the contents of the copy in a folder, and the command that trains on it.

    Raises:
        InputError: the folder holds no copy.
    """
    try:
        dataset = flickr8k.read(root, flickr8k.SPLITS, skip_missing=True)
    except InputError:  # training does not need the photos of the test split
        dataset = flickr8k.read(root, skip_missing=True)
    output.show(f"{root}:")
    for split, images in dataset.splits.items():
        captions = sum(len(image.captions) for image in images)
        is_short = len(images) != OFFICIAL[split] and all(FLICKR_NAME.fullmatch(image.name) for image in images)
        official = f" (the official split: {OFFICIAL[split]:,} images)" if is_short else ""
        output.show(f"{split}: {len(images):,} images, {captions:,} captions{official}")
    for note in dataset.notes:
        output.show(note)
    option = "" if _readable(root) else " --skip-missing"
    output.show(f"Train on it:\n  python -m numpy_sat.train --small --data flickr8k --root {cli.quoted(root)}{option}")


def _readable(root, skip_missing=False):
    try:
        return bool(flickr8k.read(root, skip_missing=skip_missing))
    except InputError:
        return False
