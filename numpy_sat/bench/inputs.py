"""Random arrays of the sizes of a work, the same in every process."""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch
from numpy_sat.decoders import MODELS, attend_tell
from numpy_sat.encoders import lite
from numpy_sat.experiment.recipe import from_json


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Return float32 numbers with mean 0 and standard deviation 1."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@lru_cache(maxsize=1)  # all passes and rungs of a layer share the arrays
def conv(N: int, H: int, C: int, O: int) -> tuple[np.ndarray, ...]:
    """Return x: (N, H, H, C), W: (3, 3, C, O), b: (O,) and dy: (N, H, H, O)."""
    return normal(N, H, H, C), *_filters(C, O), normal(N, H, H, O, seed=1)


def depthwise(N: int, H: int, C: int, P: int, stride: int) -> tuple[np.ndarray, ...]:
    """Return x: (N, H, H, C), W: (P, P, C), b: (C,) and dy in the shape of the result."""
    side = -(-H // stride)
    W = np.float32(1 / P) * normal(P, P, C, seed=2)
    return normal(N, H, H, C), W, normal(C, seed=3), normal(N, side, side, C, seed=1)


def lite0(N: int, H: int, stages: list) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the parameters of EfficientNet-Lite0 and images: (N, H, H, 3)."""
    params = lite.init_params(np.random.default_rng(0), stages)
    return params, np.tanh(normal(N, H, H, 3))


def net(N: int, H: int, blocks: list) -> tuple[np.ndarray, list[tuple], np.ndarray]:
    """Return the inputs of a stack of convolutions.

    Args:
        N, H: number and side of the images.
        blocks: [(output channels, pooled), ...].
    Returns:
        x: (N, H, H, 3).
        layers: [(W, b, pooled), ...].
        dy: gradient of the result, in its shape.
    """
    channels, pooled = [3, *(O for O, _ in blocks)], [pooled for _, pooled in blocks]
    filters = [_filters(C, O) for C, O in pairwise(channels)]
    side = H // 2 ** sum(pooled)
    layers = [(W, b, pooled) for (W, b), pooled in zip(filters, pooled, strict=True)]
    return normal(N, H, H, 3), layers, normal(N, side, side, channels[-1], seed=1)


def decoder(N: int, L: int, D: int, M: int, S: int, A: int, V: int, T: int) -> tuple[Any, ...]:
    """Return the parameters of the decoder, a: (N, L, D), and words and targets: (T, N)."""
    rng = np.random.default_rng(0)
    params = attend_tell.init_params(rng, D, M, S, A, np.zeros(V))
    return params, np.maximum(normal(N, L, D), 0), *rng.integers(0, V, (2, T, N))


def attention(N: int, captions: int, L: int, A: int, D: int) -> tuple[np.ndarray, ...]:
    """Return keys: (N, L, A), query: (B, A), v: (A,), a: (N, L, D), dz: (B, D) and dalpha: (B, L)."""
    B = N * captions
    shapes = (N, L, A), (B, A), (A,), (N, L, D), (B, D), (B, L)
    keys, query, v, a, dz, dalpha = (normal(*shape, seed=seed) for seed, shape in enumerate(shapes))
    return keys, query, v / np.float32(A**0.5), a, dz / np.float32(D**0.5), dalpha


def step(recipe: dict, V: int, T: int) -> tuple[Any, ...]:
    """Return the Recipe of its JSON, the parameters, and a Batch whose captions all have T words."""
    rng, recipe = np.random.default_rng(0), from_json(recipe)
    N, side = recipe.training.batch_size, recipe.encoder.image_size
    params = captioner.init_params(rng, recipe, np.zeros(V))
    words, targets = rng.integers(0, V, (2, T, N * recipe.training.captions_per_image))
    return recipe, params, Batch(normal(N, side, side, 3), words, targets, np.ones(words.shape, np.float32))


def transformer(recipe: dict, L: int, D: int, V: int, T: int) -> tuple[Any, ...]:
    """Return the Recipe of its JSON, the decoder's parameters, a: (N, L, D), and a Batch of captions of T words."""
    rng, recipe = np.random.default_rng(0), from_json(recipe)
    N, each = recipe.training.batch_size, recipe.training.captions_per_image
    params = MODELS["transformer"].init_params(rng, D, recipe, np.zeros(V))
    words, targets = rng.integers(0, V, (2, T, N * each))
    a = np.maximum(normal(N, L, D), 0)
    return recipe, params, a, Batch(a, words, targets, np.ones(words.shape, np.float32))


def _filters(C, O):
    """Return W: (3, 3, C, O) in the scale for relu, and b: (O,)."""
    return np.sqrt(2 / (9 * C), dtype=np.float32) * normal(3, 3, C, O, seed=2), normal(O, seed=3)
