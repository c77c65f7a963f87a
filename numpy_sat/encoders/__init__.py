"""Provide the encoders, which turn images or sentences into annotation vectors a: (N, L, D).

ENCODERS maps the values of the setting `network` to modules. Every module has these members:

    SETTINGS                                                 names of the decoder's settings that the encoder reads too
    init_params(rng, stages, norm, dtype)                    parameters by name
    encode_forward(params, images, stages)                   a and the cache, in training
    encode_backward(da, cache)                               gradients by name
    encode(params, images, stages)                           a, in inference mode
    size(stages)                                             D
    smallest(stages)                                         side of the smallest image that it can encode

`stages` describes the layers of the encoder. The bidirectional LSTM (reader.py) reads sentences. Its functions take
other sizes instead of stages. `choose` returns the module and the sizes of a recipe. It may return one of four other
modules:

    blind.py        ignores the image
    features.py     reads features, computed beforehand by the first stages of a pretrained encoder
    frozen.py       reads annotations, computed beforehand by the encoder of a trained run, and tags
    last_state.py   keeps only the last states of the bidirectional LSTM

A pretrained encoder can run in part, from the stage `start` up to but not including `stop`. Its images are then the
results (N, H, W, C) of the stages before `start`:

    encode_forward(params, images, stages, start=0)
    encode(params, images, stages, start=0, stop=None)
    shapes(stages, start=0, stop=None)                       {name: shape} of the parameters of these stages
    namings(stages), adopt(tensors, stages, preprocessing)   weights from other people's files (pretrained/weights.py)
"""

from types import ModuleType
from typing import TYPE_CHECKING

from numpy_sat.data.scenes import boxes
from numpy_sat.encoders import blind, convnet, features, frozen, last_state, lite, reader, vgg

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Recipe

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, **dict.fromkeys(lite.NETWORKS, lite), "bilstm": reader}


def choose(config: "Recipe") -> tuple[ModuleType, tuple | int]:
    """Choose the encoder of a recipe.

    Args:
        config: the recipe.
    Returns:
        encoder: module of this package.
        sizes: the sizes that its functions take.
    """
    if reads_sentences(config):
        # Both directions together have the size of the decoder's hidden state.
        sizes = len(config.encoder.source_words), config.decoder.embedding_size, config.decoder.hidden_size // 2
        return last_state if "attention" in config.decoder.without else reader, sizes
    encoder, sizes = ENCODERS[config.encoder.network], config.encoder.stages
    if reads_annotations(config):
        return frozen, _frozen_sizes(config)
    if config.encoder.pretrained:
        encoder, sizes = features, (encoder, sizes, config.encoder.tuned_stages)
    return (blind, encoder.size(sizes)) if config.encoder.blind else (encoder, sizes)


def reads_annotations(config: "Recipe") -> bool:
    """Return True if the decoder of a recipe reads annotations of a trained run's encoder."""
    return config.encoder.pretrained and ENCODERS[config.encoder.network] is convnet and not _ignores_all(config)


def _ignores_all(config):
    """Return True if the decoder sees neither the image nor tags."""
    return config.encoder.blind and config.encoder.tags == "none"


def _frozen_sizes(config):
    """Return the frozen.Sizes of a recipe that reads annotations."""
    encoder = config.encoder
    D = convnet.size(encoder.stages) + (boxes.NUMBERS if encoder.regions == "boxes" else 0)
    words = encoder.tag_words if encoder.tags != "none" else ()
    return frozen.Sizes(D, words, encoder.tags == "predicted", encoder.blind)


def reads_sentences(config: "Recipe") -> bool:
    """Return True if the encoder of a recipe reads sentences instead of images."""
    return ENCODERS[config.encoder.network] is reader
