"""The encoder of a trained run as a frozen net, whose annotations of cells or of boxes are stored as features."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from numpy_sat import captioner, encoders
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.data.scenes import boxes, scenes, tags
from numpy_sat.data.scenes.scene_language import Scene
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.pretrained import feature_cache
from numpy_sat.system.errors import InputError


def net_of(config: Recipe) -> feature_cache.Net:
    """Return the Net of the encoder of a run.

    Args:
        config: recipe of the model that reads the annotations. Its weights_file is a checkpoint of the run.
    Raises:
        InputError: the checkpoint cannot be read, or is not the one of a run with such an encoder.
    """
    return _net(config.encoder.weights_file, config.encoder.regions)


@lru_cache(2)
def _net(checkpoint, regions):
    """Return the Net of a checkpoint's encoder, which is cached because loading it takes time."""
    model = runs.load_model(Path(checkpoint))
    refuse_others(Path(checkpoint), model.recipe)
    encoder = model.recipe.encoder
    names = captioner.names_of_encoder(model.recipe)
    module, stages = encoders.choose(model.recipe)
    cells = feature_cache.net_of(module, {name: model.params[name] for name in names}, stages, encoder.image_size)
    if regions == "cells":
        return cells

    def shape():
        return boxes.REGIONS, cells.shape()[1] + boxes.NUMBERS

    return cells._replace(shape=shape, digest=feature_cache.digest({}, cells.digest, regions), pool=_pool_boxes)


def refuse_others(path: Path, recipe: Recipe) -> None:
    """Raise InputError unless a run trained an encoder of images from random weights. recipe: that of the run."""
    encoder = recipe.encoder
    if encoder.network != "convnet" or encoder.pretrained or encoder.blind:
        raise InputError(f"{path}: has no encoder that was trained from random weights; name another run by --encoder.")


def append_tags(annotations: np.ndarray, examples: Sequence[CaptionedImage], config: Recipe) -> np.ndarray:
    """Append the words of the tags to the annotations of images, if the recipe has tags.

    Args:
        annotations: (N, L, D).
        examples: N CaptionedImages.
        config: Recipe of the model.
    Returns:
        (N, L, D + tags.WORDS_OF_TAG), or the annotations themselves.
    Raises:
        InputError: the images are no scenes.
    """
    encoder = config.encoder
    if encoder.tags == "none":
        return annotations
    names = [example.name for example in examples]
    image_tags = tags.of_scenes(encoder.tags, names, _scenes_of(examples))
    image_tags = tags.with_plurals(image_tags) if encoder.plural_tags else image_tags
    return tags.append(annotations, image_tags, encoder.tag_words)


def _pool_boxes(a, examples):
    """Return the annotations of the boxes of images. Arguments: see feature_cache.Net."""
    return boxes.box_vectors(a, _scenes_of(examples))


def _scenes_of(examples: Sequence[CaptionedImage]) -> list[Scene]:
    """Return the scenes of images. Raises InputError for photos."""
    return [_read_scenes(example.path.parent.parent)[example.name] for example in examples]


@lru_cache(2)
def _read_scenes(root):
    if not (root / scenes.FILE).exists():
        raise InputError(f"{root}: holds no scenes; boxes and tags of objects are known for --data scenes only.")
    return scenes.read_scenes(root)
