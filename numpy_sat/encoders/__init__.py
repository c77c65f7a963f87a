"""The encoders, by the names that training knows: from images or sentences to annotation vectors a (N, L, D).

Each is a module of these functions:

    init_params(rng, stages, norm, dtype)                    parameters by name
    encode_forward(params, images, stages)                   a and the cache, in training
    encode_backward(da, cache)                               gradients by name
    encode(params, images, stages)                           a, in inference mode
    size(stages)                                             D
    smallest(stages)                                         side of the smallest images that it can encode
    SETTINGS                                                 the decoder's settings that it reads, too

`stages` says what the encoder is made of. The bidirectional LSTM (reader.py) reads sentences; its functions take other
sizes instead, and it has no smallest image. `choose` returns the module and the sizes of a recipe. It may be one of
three others: blind.py sees nothing, features.py reads what the first stages of a pretrained encoder made of an image,
and last_state.py keeps only the last states of the bidirectional LSTM.

A pretrained encoder can run in part, from the stage `start` to the one before `stop`. Its images are then
(N, H, W, C), the results of the stages before `start`:

    encode_forward(params, images, stages, start=0)
    encode(params, images, stages, start=0, stop=None)
    shapes(stages, start=0, stop=None)                       those stages' parameters, {name: shape}
    namings(stages), adopt(tensors, stages, preprocessing)   its weights in other people's files, see
                                                             pretrained/weights.py
"""

from numpy_sat.encoders import blind, convnet, features, last_state, lite0, reader, vgg

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, "lite0": lite0, "bilstm": reader}


def choose(config):
    """Return the encoder module of a recipe, and the sizes that its functions take."""
    if reads_sentences(config):  # both directions together have as many numbers as the decoder's hidden state
        sizes = len(config.encoder.source_words), config.decoder.embedding_size, config.decoder.hidden_size // 2
        return last_state if "attention" in config.decoder.without else reader, sizes
    encoder, sizes = ENCODERS[config.encoder.network], config.encoder.stages
    if config.encoder.pretrained:
        encoder, sizes = features, (encoder, sizes, config.encoder.tuned_stages)
    return (blind, encoder.size(sizes)) if config.encoder.blind else (encoder, sizes)


def reads_sentences(config):
    """Return True if the encoder of a recipe reads sentences, not images."""
    return ENCODERS[config.encoder.network] is reader
