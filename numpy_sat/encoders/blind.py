"""An encoder that sees nothing: zeros, in the shape of convnet.py's annotation vectors.

The decoder on top of it is a language model. What that scores is what captions have in common whatever is in the
picture, and so what a model that sees must exceed. It has no parameters and costs no time.
"""

import numpy as np

from numpy_sat.encoders import convnet


def init_params(rng, stages, norm=False, dtype=np.float32):
    """None: {}."""
    return {}


def encode_forward(params, pictures, stages, workspace=None):
    """pictures: (N, H, W, 3). Returns a: (N, L, D), zeros, and no cache."""
    return encode(params, pictures, stages, workspace), None


def encode_backward(da, cache, workspace=None):
    """No parameters, no gradients: {}."""
    return {}


def encode(params, pictures, stages, workspace=None):
    """As encode_forward, without the cache."""
    N, H, W, _ = pictures.shape
    poolings = len(stages) - 1
    return np.zeros((N, (H >> poolings) * (W >> poolings), size(stages)), pictures.dtype)


def size(stages):
    """D, the annotation vectors' size."""
    return convnet.size(stages)
