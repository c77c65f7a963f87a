"""The data sets by name. Each one is a module that declares

TASK                                        "captioning" or "translation", see tasks/
SPLITS                                      names of its splits
tokenize(text)                              the words of a caption
open_dataset(root, splits, skip_missing)    find it, or make it; returns a dataset.Dataset
"""

from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.phrases import phrases
from numpy_sat.data.scenes import scenes

DATASETS = {"scenes": scenes, "flickr8k": flickr8k, "phrases": phrases}
NAMES = tuple(DATASETS)


def open_dataset(name, root=None, splits=("train", "dev"), skip_missing=False):
    """Find a data set. Scenes and phrases are made if they do not exist yet.

    Args:
        name: one of NAMES.
        root: the data set's folder; of scenes the folder that they are kept in.
        splits: the splits to read.
        skip_missing: leave out photos that are not there.
    Returns:
        A dataset.Dataset.
    Raises:
        InputError: the data set is missing or damaged.
    """
    return DATASETS[name].open_dataset(root, splits, skip_missing)
