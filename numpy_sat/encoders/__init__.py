"""What makes annotation vectors a (N, L, D) of pictures (N, H, W, 3): the encoders, by the names that training knows.

Each is a module of

    init_params(rng, stages, norm, dtype)                    parameters by name
    encode_forward(params, pictures, stages)      a and the cache, in training
    encode_backward(da, cache)                    gradients by name
    encode(params, pictures, stages)              a, in use
    size(stages)                                             D
    smallest(stages)                                         side of the smallest pictures that it can be given

where stages is what the encoder is made of. Beside them stand blind.py, which sees nothing, features.py, to which a
picture is given as what the first stages of a pretrained encoder have made of it, and reader.py and last_state.py,
which read sentences.

A pretrained encoder can be run in part. To it `start` is a stage that it begins with, its pictures (N, H, W, C) what
the stages before that have made of them, and `stop` one that it ends before:

    encode_forward(params, pictures, stages, start=0)
    encode(params, pictures, stages, start=0, stop=None)
    shapes(stages, start=0, stop=None)                       those stages' parameters, {name: shape}
    namings(stages), adopt(found, stages, preprocessing)     its weights in files of others', see pretrained/weights.py
"""

from numpy_sat.encoders import convnet, lite0, vgg

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, "lite0": lite0}
