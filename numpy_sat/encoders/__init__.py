"""The encoders, by the names that training knows: from images (N, H, W, 3) to annotation vectors a (N, L, D).

Each is a module of these functions:

    init_params(rng, stages, norm, dtype)                    parameters by name
    encode_forward(params, images, stages)                   a and the cache, in training
    encode_backward(da, cache)                               gradients by name
    encode(params, images, stages)                           a, in inference mode
    size(stages)                                             D
    smallest(stages)                                         side of the smallest images that it can encode

`stages` says what the encoder is made of. Beside them stand blind.py, which sees nothing, features.py, which gets what
the first stages of a pretrained encoder made of an image, and reader.py and last_state.py, which read sentences.

A pretrained encoder can run in part, from the stage `start` to the one before `stop`. Its images are then
(N, H, W, C), the results of the stages before `start`:

    encode_forward(params, images, stages, start=0)
    encode(params, images, stages, start=0, stop=None)
    shapes(stages, start=0, stop=None)                       those stages' parameters, {name: shape}
    namings(stages), adopt(found, stages, preprocessing)     its weights in other people's files, see
                                                             pretrained/weights.py
"""

from numpy_sat.encoders import convnet, lite0, vgg

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, "lite0": lite0}
