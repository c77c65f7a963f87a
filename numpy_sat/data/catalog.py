"""The data sets by name. Each data set is a module that declares

TASK                                        "captioning" or "translation", see tasks/
SPLITS                                      names of its splits
open_dataset(root, splits, skip_missing)    find or make the data set; returns a dataset.Dataset
read_captions(root, split)                  for captioning: {image: captions} of a split whose photos may be missing
"""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data import checked_folder, coco, damage, flickr30k, folder
from numpy_sat.data.dataset import Dataset
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.phrases import phrases
from numpy_sat.data.scenes import scenes
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

DATASETS = {
    "scenes": scenes,
    "flickr8k": flickr8k,
    "flickr30k": flickr30k,
    "coco": coco,
    "folder": folder,
    "phrases": phrases,
}
NAMES = tuple(DATASETS)


def open_dataset(
    name: str,
    root: Path | str | None = None,
    splits: Sequence[str] = ("train", "dev"),
    skip_missing: bool = False,
    skip_damaged: bool = False,
) -> Dataset:
    """Open a data set. Scenes and phrases are made if they do not exist yet.

    Args:
        name: one of NAMES.
        root: the data set's folder; for scenes, the folder that contains their folder.
        splits: the splits to read.
        skip_missing: leave out images whose photos are missing.
        skip_damaged: leave out images whose photos cannot be decoded.
    Returns:
        The data set.
    Raises:
        InputError: the data set is missing or damaged, or has no folder in which `root` or a skip has an effect.
    """
    has_photos = DATASETS[name].TASK == "captioning"
    if not has_photos and (root or skip_missing or skip_damaged):
        raise InputError(
            f"{name} are sampled, not read from a folder: leave out --root, --skip-missing and --skip-damaged."
        )
    dataset = DATASETS[name].open_dataset(root, splits, skip_missing)
    if not has_photos or (name == scenes.NAME and (dataset.root / checked_folder.LIST).exists()):
        return dataset  # without photos, or with a list of checksums, with which all files were compared
    return damage.check(dataset, skip_damaged, machine.cache_folder())


def read_captions(dataset: Dataset, split: str) -> dict[str, list[str]]:
    """Read the captions of any split of a data set of images that is open. The photos may be missing.

    Args:
        dataset: the data set.
        split: name of the split, which need not be among dataset.splits.
    Returns:
        The captions by image name.
    Raises:
        InputError: the captions have become unusable.
    """
    return DATASETS[dataset.name].read_captions(dataset.root, split)
