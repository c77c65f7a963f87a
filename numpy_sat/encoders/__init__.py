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
other sizes instead of stages. `choose` returns the module and the sizes of a recipe. It may return one of three other
modules:

    blind.py        ignores the image
    features.py     reads features, computed beforehand by the first stages of a pretrained encoder
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

from numpy_sat.encoders import blind, convnet, features, last_state, lite0, reader, vgg

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Recipe

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, "lite0": lite0, "bilstm": reader}


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
    if config.encoder.pretrained:
        encoder, sizes = features, (encoder, sizes, config.encoder.tuned_stages)
    return (blind, encoder.size(sizes)) if config.encoder.blind else (encoder, sizes)


def reads_sentences(config: "Recipe") -> bool:
    """Return True if the encoder of a recipe reads sentences instead of images."""
    return ENCODERS[config.encoder.network] is reader
