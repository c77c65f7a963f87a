"""The data sets by name. Each data set is a module that declares

TASK                                        "captioning" or "translation", see tasks/
SPLITS                                      names of its splits
tokenize(text)                              split a caption into words
open_dataset(root, splits, skip_missing)    find or make the data set; returns a dataset.Dataset
"""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data import damage
from numpy_sat.data.dataset import Dataset
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.phrases import phrases
from numpy_sat.data.scenes import scenes
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

DATASETS = {"scenes": scenes, "flickr8k": flickr8k, "phrases": phrases}
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
    return damage.check(dataset, skip_damaged, machine.cache_folder()) if has_photos else dataset
