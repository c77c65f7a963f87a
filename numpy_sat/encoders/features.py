"""The encoder of a net whose first stages stay fixed. It reads their results, computed beforehand (pretrained/).

The first stages detect edges, colors and textures, which all photos have in common, and they take most of a net's time.
So training does not compute them. It computes only the last `tuned` stages, which start from pretrained weights and are
trained with the decoder. With `tuned` 0 nothing is computed or trained: the features are the annotation vectors.

Sizes are (encoder, stages, tuned): the whole net's module, its stages, and how many of the last are trained.
"""

import math
from types import ModuleType
from typing import NamedTuple

import numpy as np


class EncodeCache(NamedTuple):
    encoder: ModuleType
    of_encoder: tuple


def init_params(rng, sizes, norm=False, dtype=np.float32):
    """Return zeros and draw nothing: the pretrained weights of the trained stages are to take their place."""
    encoder, stages, tuned = sizes
    shapes = encoder.shapes(stages, start=len(stages) - tuned) if tuned else {}
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


def encode_forward(params, features, sizes):
    """Encode features in training.

    Args:
        params: parameters by name.
        features: (N, L, C) the first stages' results; float16 is read as float32.
        sizes: (encoder, stages, tuned).
    Returns:
        a: (N, L', D), the features themselves where no stage is trained.
        cache: what encode_backward needs.
    """
    encoder, stages, tuned = sizes
    if not tuned:
        return encode(params, features, sizes), None
    a, cache = encoder.encode_forward(params, _grid(features), stages, start=len(stages) - tuned)
    return a, EncodeCache(encoder, cache)


def encode_backward(da, cache):
    """Return the gradients by parameter name; features need none. da: (N, L', D) gradient of a."""
    return cache.encoder.encode_backward(da, cache.of_encoder) if cache else {}


def encode(params, features, sizes):
    """Encode features in inference mode. Returns a: (N, L', D)."""
    encoder, stages, tuned = sizes
    if not tuned:
        return _read(features)
    return encoder.encode(params, _grid(features), stages, start=len(stages) - tuned)


def size(sizes):
    """Return D, the annotation vectors' size."""
    encoder, stages, _ = sizes
    return encoder.size(stages)


def _read(features):
    return features.astype(np.float32) if features.dtype == np.float16 else features


def _grid(features):
    """Return features (N, L, C) of square images as (N, H, W, C)."""
    N, L, C = features.shape
    return _read(features).reshape(N, math.isqrt(L), math.isqrt(L), C)
