"""A user's copy of Flickr8k: what it holds, and how to download one."""

import sys
from pathlib import Path

from numpy_sat.data.flickr8k import download, flickr8k
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError, writing

TERMS = (
    "The photos of Flickr8k belong to those who took them: use them for research and teaching only. Please cite\n"
    "M. Hodosh, P. Young and J. Hockenmaier (2013), Framing Image Description as a Ranking Task: Data, Models and\n"
    "Evaluation Metrics, Journal of Artificial Intelligence Research 47."
)
OFFICIAL = {"train": 6000, "dev": 1000, "test": 1000}  # images


def describe(root, fetching=False):
    """Print what the copy in a folder holds. Return the exit code.

    Args:
        root: the folder.
        fetching: download what is missing first.
    Raises:
        InputError: there is no copy, or it cannot be downloaded.
    """
    try:
        if fetching:
            obtain(root)
    except KeyboardInterrupt:
        again = f"python -m numpy_sat.flickr8k --download --root {cli.quoted(root)}"
        print(f"\nstopped; what has come is kept. Go on with: {again}", file=sys.stderr)
        return 130
    if not root.exists():
        raise InputError(f"{root}: there is no such folder; --download fetches the data set, --root names your copy.")
    report(root)
    return 0


def obtain(root):
    """Make `root` a folder that holds the data set, fetching and unpacking what is missing. Raises InputError."""
    if _readable(root, skip_missing=True):
        print(f"{root} holds a copy, so nothing is fetched; for a fresh one name another folder by --root.")
        return
    print(TERMS)
    in_the_way = None
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        for archive in download.ARCHIVES:
            folder = root / Path(archive.name).stem
            if folder.exists():
                in_the_way = folder
            elif not _readable(root, skip_missing=True):
                download.unpack(download.fetch(archive, root), folder)
    if in_the_way and not _readable(root, skip_missing=True):
        raise InputError(f"{in_the_way} was there before, but not whole; move it away and give the same command again.")
    print(f"unpacked; the zips in {root} are no longer needed.")


def report(root):
    """Print what the copy in a folder holds, and how to train on it. Raises InputError if it holds none."""
    try:
        found = flickr8k.read(root, flickr8k.SPLITS, skip_missing=True)
    except InputError:  # training does without the photos of test
        found = flickr8k.read(root, skip_missing=True)
    print(f"{root}:")
    for split, images in found.splits.items():
        captions = sum(len(image.captions) for image in images)
        usual = "" if len(images) == OFFICIAL[split] else f" (the official split: {OFFICIAL[split]:,} images)"
        print(f"{split}: {len(images):,} images, {captions:,} captions{usual}")
    for note in found.notes:
        print(note)
    option = "" if _readable(root) else " --skip-missing"
    print(f"Train on it:\n  python -m numpy_sat.train --small --data flickr8k --root {cli.quoted(root)}{option}")


def _readable(root, skip_missing=False):
    try:
        return bool(flickr8k.read(root, skip_missing=skip_missing))
    except InputError:
        return False
