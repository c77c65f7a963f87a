"""Define an encoder that reads features: the results of the fixed first stages of a pretrained net (pretrained/).

The first stages detect edges, colors and textures, which all photos have in common. They take most of the net's time.
Their results are computed once, before training. Training computes only the last `tuned` stages. These start from
pretrained weights and are trained with the decoder. With `tuned` 0 the features are the annotation vectors.

Sizes are (encoder, stages, tuned): the module of the whole net, its stages, and the number of last stages to train.
"""

import math
from types import ModuleType
from typing import NamedTuple

import numpy as np


class EncodeCache(NamedTuple):
    """The encoder of the trained stages and its cache."""

    encoder: ModuleType
    inner: tuple  # the encoder's EncodeCache


def init_params(
    rng: np.random.Generator, sizes: tuple, norm: bool = False, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Return zeros by parameter name, which the pretrained weights of the trained stages replace later."""
    encoder, stages, tuned = sizes
    shapes = encoder.shapes(stages, start=len(stages) - tuned) if tuned else {}
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


def encode_forward(
    params: dict[str, np.ndarray], features: np.ndarray, sizes: tuple
) -> tuple[np.ndarray, EncodeCache | None]:
    """Encode features in training.

    Args:
        params: parameters by name.
        features: (N, L, C) results of the first stages; float16 is read as float32.
        sizes: (encoder, stages, tuned).
    Returns:
        a: (N, L', D); the features themselves if no stage is trained.
        cache: what encode_backward needs.
    """
    encoder, stages, tuned = sizes
    if not tuned:
        return encode(params, features, sizes), None
    a, cache = encoder.encode_forward(params, _grid(features), stages, start=len(stages) - tuned)
    return a, EncodeCache(encoder, cache)


def encode_backward(da: np.ndarray, cache: EncodeCache | None) -> dict[str, np.ndarray]:
    """Compute the gradients of encode_forward. Features need no gradient.

    Args:
        da: (N, L', D).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    return cache.encoder.encode_backward(da, cache.inner) if cache else {}


def encode(params: dict[str, np.ndarray], features: np.ndarray, sizes: tuple) -> np.ndarray:
    """Encode features in inference mode.

    Args:
        params, features, sizes: as in encode_forward.
    Returns:
        a: (N, L', D).
    """
    encoder, stages, tuned = sizes
    if not tuned:
        return _read(features)
    return encoder.encode(params, _grid(features), stages, start=len(stages) - tuned)


def size(sizes: tuple) -> int:
    """Return D, the size of the annotation vectors."""
    encoder, stages, _ = sizes
    return encoder.size(stages)


def _read(features):
    return features.astype(np.float32) if features.dtype == np.float16 else features


def _grid(features):
    """Reshape features of square images from (N, L, C) to (N, H, W, C)."""
    N, L, C = features.shape
    return _read(features).reshape(N, math.isqrt(L), math.isqrt(L), C)
