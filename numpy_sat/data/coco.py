"""Read COCO's captions (Chen et al. 2015) in its usual layouts.

* Karpathy's `dataset_coco.json`, with captions and splits, and the photos of 2014 or 2017.
* `captions_train2017.json` and `captions_val2017.json`, and the photos in `train2017/` and `val2017/`.
* The same files and folders of 2014.

The captions of COCO's own test set are not public. In the last two layouts, val becomes dev, and test is held out of
train.
"""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data.captioned_photos import coco_file, karpathy, layout, reader, split_lists
from numpy_sat.data.captioned_photos.layout import Layout
from numpy_sat.data.dataset import Dataset
from numpy_sat.system import machine

TASK = "captioning"
NAME = "coco"
SPLITS = split_lists.SPLITS
OF_2014, OF_2017 = ("train2014", "val2014"), ("train2017", "val2017")
LAYOUTS = (
    Layout({"dataset_coco.json": None}, karpathy, (*OF_2014, *OF_2017)),
    Layout({"captions_train2017.json": "train", "captions_val2017.json": "val"}, coco_file, OF_2017),
    Layout({"captions_train2014.json": "train", "captions_val2014.json": "val"}, coco_file, OF_2014),
)


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the copy in a folder, by default coco in the cache.

    Args:
        root: the folder.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
    Raises:
        InputError: the copy is missing or unusable.
    """
    root = Path(root or machine.cache_folder() / NAME)
    return reader.read(NAME, root, layout.find(root, LAYOUTS), splits, skip_missing)


def read_captions(root: Path, split: str) -> dict[str, list[str]]:
    """Read the captions of a split's images, {name: captions}. The photos may be missing. Raises InputError."""
    return reader.read_captions(layout.find(Path(root), LAYOUTS), split)
