"""What makes annotation vectors a (N, L, D) of pictures (N, H, W, 3): the encoders, by the names that training knows.

Each is a module of

    init_params(rng, stages, norm, dtype)                    parameters by name
    encode_forward(params, pictures, stages, workspace)      a and the cache, in training
    encode_backward(da, cache, workspace)                    gradients by name
    encode(params, pictures, stages, workspace)              a, in use
    size(stages)                                             D

where stages is what the encoder is made of. Beside them stand blind.py, which sees nothing, features.py, to which a
picture is given as what another encoder has made of it, and reader.py and last_state.py, which read sentences.
"""

from numpy_sat.encoders import convnet, lite0, vgg

ENCODERS = {"convnet": convnet, "vgg16": vgg, "vgg19": vgg, "lite0": lite0}
