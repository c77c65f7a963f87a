"""What a model is given to write of: pixels, what a pretrained net has made of them, or the words of a phrase."""

from pathlib import Path

import numpy as np

from numpy_sat import pretrained
from numpy_sat.data import batches, images
from numpy_sat.data.phrases import phrases
from numpy_sat.data.vocabulary import Vocabulary, tokenise
from numpy_sat.pretrained import feature_cache
from numpy_sat.system import machine


def load(config, listed):
    """Of a data set's pictures, from the cache where they are there.

    config: captioner.Config; listed: N dataset.Pictures. Returns (N, H, W, 3) uint8, for a pretrained encoder (N, L, C)
    float16, what the stages that stay as they are make of them, or of phrases (N, L) integers. Raises InputError.
    """
    if config.source:
        return phrases.number_sources([picture.name.split() for picture in listed])
    if _by_pretrained_net(config):
        return feature_cache.load_features(listed, pretrained.net(config), machine.cache_folder())
    return load_pixels(config, listed)


def load_pixels(config, listed):
    """The pictures themselves, whatever the encoder, to be changed each time they are seen: (N, H, W, 3) uint8."""
    return images.load_images(listed, config.picture_size, machine.cache_folder())


def load_split(config, listed, vocabulary, max_words, load=load):
    """The same as a batches.Split, with its captions numbered. vocabulary, max_words: see batches.make_split."""
    return batches.make_split(listed, load(config, listed), vocabulary, max_words, cut(config))


def encoded(config, drawn):
    """The batches (data.batches.Batch); what stages that stay as they are make of pictures is in the pixels' place."""
    for batch in drawn:
        is_pixels = _by_pretrained_net(config) and batch.inputs.ndim == 4
        yield batch._replace(inputs=pretrained.net(config).encode(batch.inputs)) if is_pixels else batch


def cut(config):
    """The function that cuts captions into words."""
    return str.split if config.source else tokenise  # a phrase is written with a blank after l', too


def read(config, what):
    """The same of one picture's path, or of a phrase: (1, ...)."""
    if config.source:
        return phrases.number_sources([what.lower().split()], Vocabulary(config.source))
    image = images.read_image(Path(what), config.picture_size)[np.newaxis]
    return pretrained.net(config).encode(batches.scale_pixels(image)) if _by_pretrained_net(config) else image


def _by_pretrained_net(config):
    """Whether a model reads what a pretrained net makes of pictures; a blind one reads nothing."""
    return config.frozen and not config.blind
