"""What a trained model writes of a split's pictures: where judging and showing it begin."""

from typing import NamedTuple

from numpy_sat import machine, search
from numpy_sat.data import pictures, sources
from numpy_sat.data.dataset import Dataset
from numpy_sat.metrics.tokens import tokenise


class Written(NamedTuple):
    """A split and a model's captions of it."""

    dataset: Dataset
    listed: list  # dataset.Picture of each of the N pictures
    found: list  # search.Caption of each
    captions: dict  # {name: text}
    references: dict  # {name: [texts]}, people's, as written; those without a word left out


def write(model, split, beam, root=None, skip_missing=False):
    """Caption every picture of a split of the data a model was trained on.

    model: runs.Model; split: "dev" or "test"; beam: beams; root: the data's folder, where it is not the one trained on;
    skip_missing: go on without photos that are not there. Returns Written. Raises InputError.
    """
    settings, recipe = model.settings, model.recipe
    dataset = sources.open_dataset(settings["data"], root or settings["root"], (split,), skip_missing)
    listed = dataset.splits[split]
    images = pictures.load_pictures(listed, recipe.model.picture_size, machine.cache_folder())
    found = search.caption_pictures(model.params, recipe.model, images, beam, recipe.max_words, recipe.length_power)
    return Written(
        dataset,
        listed,
        found,
        {picture.name: text(model, caption) for picture, caption in zip(listed, found, strict=True)},
        {picture.name: list(filter(tokenise, picture.captions)) for picture in listed},
    )


def text(model, caption):
    """A search.Caption as text."""
    return " ".join(model.vocabulary.decode(caption.words))
