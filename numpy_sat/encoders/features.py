"""The encoder of a net whose first stages stay as they are: what they make of pictures is there already (pretrained/).

What they detect, edges and colours and textures, is in all photos alike, while most of a net's time is theirs. So they
are not computed in training: only the last stages, as many as `tuned` says, which begin with what they learned
elsewhere and are trained with the decoder. Where it is none there is nothing to compute and nothing to learn here, as
in blind.py; where that gives zeros, this gives what it is given.

Sizes are (encoder, stages, tuned): the whole net's module and stages, and how many of the last are trained.
"""

import math
from types import ModuleType
from typing import NamedTuple

import numpy as np


class EncodeCache(NamedTuple):
    encoder: ModuleType
    of_encoder: tuple


def init_params(rng, sizes, norm=False, dtype=np.float32):
    """Zeros, nothing drawn: the pretrained weights of the stages that are trained are to take their place."""
    encoder, stages, tuned = sizes
    shapes = encoder.shapes(stages, start=len(stages) - tuned) if tuned else {}
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


def encode_forward(params, given, sizes):
    """In training. given: (N, L, C) in the pictures' place, what the first stages make of them; float16 is read as
    float32. Returns a: (N, L', D), which is what is given where no stage is trained, and the cache.
    """
    encoder, stages, tuned = sizes
    if not tuned:
        return encode(params, given, sizes), None
    a, cache = encoder.encode_forward(params, _grid(given), stages, start=len(stages) - tuned)
    return a, EncodeCache(encoder, cache)


def encode_backward(da, cache):
    """da: (N, L', D). Returns the gradients by parameter name; what is given needs none."""
    return cache.encoder.encode_backward(da, cache.of_encoder) if cache else {}


def encode(params, given, sizes):
    """In use: a of encode_forward."""
    encoder, stages, tuned = sizes
    if not tuned:
        return _read(given)
    return encoder.encode(params, _grid(given), stages, start=len(stages) - tuned)


def size(sizes):
    """D, the annotation vectors' size."""
    encoder, stages, _ = sizes
    return encoder.size(stages)


def _read(given):
    return given.astype(np.float32) if given.dtype == np.float16 else given


def _grid(given):
    """(N, L, C) to (N, H, W, C), of square pictures."""
    N, L, C = given.shape
    return _read(given).reshape(N, math.isqrt(L), math.isqrt(L), C)
