"""Read Flickr30k (Young, Lai, Hodosh and Hockenmaier 2014) in its usual layouts.

* Karpathy's `dataset_flickr30k.json`, with captions and splits.
* `results.csv`, a table with lines `name.jpg| 0| caption`. One line lacks its second bar. It has no splits.
* The authors' `results_20130124.token`, with lines `name.jpg#0<TAB>caption`. It has no splits.
"""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data.captioned_photos import karpathy, layout, reader, split_lists, table, token_file
from numpy_sat.data.captioned_photos.layout import Layout
from numpy_sat.data.dataset import Dataset
from numpy_sat.system import machine

TASK = "captioning"
NAME = "flickr30k"
SPLITS = split_lists.SPLITS
FOLDERS = ("flickr30k_images", "flickr30k-images", "Images")
LAYOUTS = (
    Layout({"dataset_flickr30k.json": None}, karpathy, FOLDERS),
    Layout({"results.csv": None}, table, FOLDERS),
    Layout({"results_20130124.token": None}, token_file, FOLDERS),
)


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the copy in a folder, by default flickr30k in the cache.

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
