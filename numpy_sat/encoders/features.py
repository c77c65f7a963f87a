"""The encoder of a net that stays as it is: its annotation vectors have been computed already (pretrained/).

So there is nothing to compute and nothing to learn here, as in blind.py; where that gives zeros, this gives what it is
given.
"""

import numpy as np


def init_params(rng, stages, norm=False, dtype=np.float32):
    """None: {}."""
    return {}


def encode_forward(params, annotations, stages, workspace=None):
    """annotations: (N, L, D), in the pictures' place. Returns them, float16 as float32, and no cache."""
    return encode(params, annotations, stages, workspace), None


def encode_backward(da, cache, workspace=None):
    """No parameters, no gradients: {}."""
    return {}


def encode(params, annotations, stages, workspace=None):
    """As encode_forward, without the cache."""
    return annotations.astype(np.float32) if annotations.dtype == np.float16 else annotations


def size(stages):
    """D, the annotation vectors' size: what the last convolution of the net that made them had."""
    return stages[-1][-1]
