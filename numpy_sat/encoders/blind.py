"""An encoder that sees nothing: one location, whose annotation vector is zero.

The decoder on top of it is a language model. Its score is the blind baseline: what captions have in common whatever the
image shows. A model that sees must exceed it. The encoder has no parameters and costs no time. More locations would
change nothing, because all would get the same attention weight.
"""

import numpy as np


def init_params(rng, D, norm=False, dtype=np.float32):
    """Return {}: there are no parameters. D is the annotation vectors' size, here and below."""
    return {}


def encode_forward(params, images, D):
    """Return a: (N, 1, D), zeros, and no cache. images: (N, ...)."""
    return encode(params, images, D), None


def encode_backward(da, cache):
    """Return {}: no parameters, no gradients."""
    return {}


def encode(params, images, D):
    """Return a: (N, 1, D), zeros. images: (N, ...)."""
    return np.zeros((len(images), 1, D), np.float64 if images.dtype == np.float64 else np.float32)


def size(D):
    """Return D."""
    return D
