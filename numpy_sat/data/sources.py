"""The data sets by name, behind one interface."""

from pathlib import Path

from numpy_sat import machine
from numpy_sat.data import flickr8k, scenes
from numpy_sat.errors import InputError

NAMES = ("scenes", "flickr8k")


def open_dataset(name, root=None, splits=("train", "dev"), skip_missing=False):
    """Find a data set, drawing the scenes where they are not there yet. Returns a dataset.Dataset.

    name: one of NAMES; root: the data set's folder, for scenes the folder to keep them in; skip_missing: leave out
    photos that are not there. Raises InputError.
    """
    if name == "scenes":
        return flickr8k.read(scenes.ensure(Path(root or machine.cache_folder())), splits, skip_missing, name)
    if root is None:
        raise InputError("--data flickr8k needs --root FOLDER, the folder that holds the photos and captions.")
    return flickr8k.read(root, splits, skip_missing, name)
