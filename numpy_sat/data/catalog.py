"""The data sets by name, behind one interface."""

from pathlib import Path

from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.phrases import phrases
from numpy_sat.data.scenes import scenes
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

NAMES = ("scenes", "flickr8k", "phrases")


def open_dataset(name, root=None, splits=("train", "dev"), skip_missing=False):
    """Find a data set, drawing the scenes where they are not there yet. Returns a dataset.Dataset.

    name: one of NAMES; root: the data set's folder, for scenes the folder to keep them in; skip_missing: leave out
    photos that are not there. Raises InputError.
    """
    if name == "phrases":
        drawn = phrases.draw_splits()
        return Dataset(name, None, {split: [_as_picture(phrase) for phrase in drawn[split]] for split in splits}, ())
    if name == "scenes":
        return flickr8k.read(scenes.ensure(Path(root or machine.cache_folder())), splits, skip_missing, name)
    root = Path(root or machine.cache_folder() / "flickr8k")
    if not root.exists():
        raise InputError(
            f"{root}: there is no such folder; python -m numpy_sat.flickr8k --download fetches the data set, "
            "--root names a copy that you have."
        )
    return flickr8k.read(root, splits, skip_missing, name)


def _as_picture(phrase):
    """A phrase_language.Phrase in a picture's place: its English is the name, its Italian the caption."""
    return CaptionedImage(" ".join(phrase.source), None, (" ".join(phrase.target),))
