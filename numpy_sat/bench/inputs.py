"""Random arrays of a work's sizes, the same whoever asks."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch
from numpy_sat.decoders import attend_tell
from numpy_sat.encoders import lite0 as lite0_encoder
from numpy_sat.experiment.recipe import from_json


def normal(*shape, seed=0):
    """An array of float32."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@lru_cache(maxsize=1)  # all passes and rungs of a layer share them
def conv(N, H, C, O):
    """x: (N, H, H, C), W: (3, 3, C, O), b: (O,), dy: (N, H, H, O)."""
    return normal(N, H, H, C), *_filters(C, O), normal(N, H, H, O, seed=1)


def depthwise(N, H, C, P, stride):
    """x: (N, H, H, C), W: (P, P, C), b: (C,), dy of the shape of the result."""
    side = -(-H // stride)
    W = np.float32(1 / P) * normal(P, P, C, seed=2)
    return normal(N, H, H, C), W, normal(C, seed=3), normal(N, side, side, C, seed=1)


def lite0(N, H, stages):
    """Return params and images (N, H, H, 3)."""
    params = lite0_encoder.init_params(np.random.default_rng(0), stages)
    return params, np.tanh(normal(N, H, H, 3))


def net(N, H, blocks):
    """x: (N, H, H, 3), [(W, b, whether pooled), ...] and dy of the shape of the result."""
    channels, pooled = [3, *(O for O, _ in blocks)], [pooled for _, pooled in blocks]
    filters = [_filters(C, O) for C, O in pairwise(channels)]
    side = H // 2 ** sum(pooled)
    layers = [(W, b, pooled) for (W, b), pooled in zip(filters, pooled, strict=True)]
    return normal(N, H, H, 3), layers, normal(N, side, side, channels[-1], seed=1)


def decoder(N, L, D, M, S, A, V, T):
    """params, a: (N, L, D), words and targets: (T, N)."""
    rng = np.random.default_rng(0)
    params = attend_tell.init_params(rng, D, M, S, A, np.zeros(V))
    return params, np.maximum(normal(N, L, D), 0), *rng.integers(0, V, (2, T, N))


def step(recipe, V, T):
    """The Recipe of its JSON, params and a Batch whose captions all have T words."""
    rng, recipe = np.random.default_rng(0), from_json(recipe)
    N, side = recipe.training.batch_size, recipe.encoder.image_size
    params = captioner.init_params(rng, recipe, np.zeros(V))
    words, targets = rng.integers(0, V, (2, T, N * recipe.training.captions_per_image))
    return recipe, params, Batch(normal(N, side, side, 3), words, targets, np.ones(words.shape, np.float32))


def _filters(C, O):
    """W scaled for relu, and b."""
    return np.sqrt(2 / (9 * C), dtype=np.float32) * normal(3, 3, C, O, seed=2), normal(O, seed=3)
