"""A stack of 3x3 convolutions in the manner of VGG (Simonyan and Zisserman 2015), trained from random weights.

Its shape is a tuple of stages, each a tuple of channel counts: ((32,), (64, 64)) is one convolution to 32 channels, a
2x2 max-pooling, and two convolutions to 64. Every convolution is followed by relu, with batch normalisation before it
where the parameters have some; the last stage's cells are the annotation vectors.

One thing VGG does not have: the last two numbers of an annotation vector are its row and column on the grid. What a
convolution computes is the same everywhere, so its features say what is there but hardly where (Liu et al. 2018), and a
small net that sees some thousand pictures never learns to tell left from right by them.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import batch_norm, block, norm_block
from numpy_sat.system.workspace import Workspace

PLACE = 2  # numbers at the end of an annotation vector: row and column
REACH = 4  # they run from -4 to 4, about as large as the features: much smaller numbers the decoder learns to hear late


PLAIN, NORMED = ("W", "b"), ("W", "gamma", "beta")  # a block's parameters


class EncodeCache(NamedTuple):
    blocks: dict  # by name
    shape: tuple


def init_params(rng, stages, norm=False, dtype=np.float32):
    """Weights scaled for relu (He et al. 2015), zero biases.

    rng: numpy Generator; stages: as above. Returns {"conv1_1.W": (3, 3, 3, O), "conv1_1.b": (O,), ...}; with norm
    "conv1_1.gamma" and ".beta" in the bias's place, and ".mean" and ".var", which `measure_moments` sets.
    """
    params, channels = {}, 3
    for name, filters, _ in layers(stages):
        scale = np.sqrt(2 / (9 * channels))
        params[f"{name}.W"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype(dtype)
        for part in ("beta", "mean") if norm else ("b",):
            params[f"{name}.{part}"] = np.zeros(filters, dtype)
        for part in ("gamma", "var") if norm else ():
            params[f"{name}.{part}"] = np.ones(filters, dtype)
        channels = filters
    return params


def encode_forward(params, pictures, stages):
    """In training. pictures: (N, H, W, 3). Returns a: (N, L, D), the last stage's cells, each with its place; cache."""
    x, caches = pictures, {}
    for name, _, pooled in layers(stages):
        if f"{name}.gamma" in params:
            weights = (params[f"{name}.{part}"] for part in NORMED)
            x, caches[name] = norm_block.norm_block_forward(x, *weights, pooled)
        else:
            x, caches[name] = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _with_place(x), EncodeCache(caches, x.shape)


def encode_backward(da, cache):
    """da: (N, L, D). Returns the gradients by parameter name; pictures need none."""
    dx, grads = da[..., :-PLACE].reshape(cache.shape), {}
    first, *others = cache.blocks
    for name in reversed(others):
        normed = isinstance(cache.blocks[name], norm_block.NormBlockCache)
        backward = norm_block.norm_block_backward if normed else block.block_backward
        dx, *of_block = backward(dx, cache.blocks[name])
        grads |= _named(name, of_block)
    normed = isinstance(cache.blocks[first], norm_block.NormBlockCache)
    backward = norm_block.norm_block_parameter_gradients if normed else block.block_parameter_gradients
    return {**grads, **_named(first, backward(dx, cache.blocks[first]))}


def encode(params, pictures, stages):
    """In use: a of encode_forward, normalised, where there is normalisation, by the moments of many pictures."""
    x = pictures
    for name, _, pooled in layers(stages):
        if f"{name}.gamma" in params:
            weights = (params[f"{name}.{part}"] for part in (*NORMED, "mean", "var"))
            x = norm_block.norm_block_in_use(x, *weights, pooled)
        else:
            x, _ = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _with_place(x)


def measure_moments(params, batches, stages):
    """Set every ".mean" and ".var", in place, to those of all the batches' pictures together (Wu and Johnson 2021).

    batches: of pictures (N, H, W, 3), each normalised by its own moments on its way, as in training.
    """
    found, workspace = {}, Workspace()
    for pictures in batches:
        with workspace.step():
            for name, cache in encode_forward(params, pictures, stages)[1].blocks.items():
                mean, spread = cache.norm.mean.astype(np.float64), cache.norm.spread.astype(np.float64)
                found.setdefault(name, []).append((mean, spread**2 - batch_norm.EPSILON + mean * mean))
    for name, moments in found.items():
        mean, square = np.mean(moments, axis=0)
        params[f"{name}.mean"][:], params[f"{name}.var"][:] = mean, square - mean * mean


def _named(name, gradients):
    parts = NORMED if len(gradients) == len(NORMED) else PLAIN
    return {f"{name}.{part}": gradient for part, gradient in zip(parts, gradients, strict=True)}


def _with_place(x):
    """(N, H, W, C) to (N, H W, C + 2): every cell's features, then its row and column."""
    N, H, W, C = x.shape
    rows, columns = (np.linspace(-REACH, REACH, size, dtype=x.dtype) for size in (H, W))
    place = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return np.concatenate([x, np.broadcast_to(place, (N, H, W, PLACE))], axis=-1).reshape(N, H * W, C + PLACE)


def size(stages):
    """D, the annotation vectors' size."""
    return stages[-1][-1] + PLACE


def smallest(stages):
    """The side of the smallest pictures: every pooling halves them, and one cell must be left."""
    return 2 ** (len(stages) - 1)


def layers(stages):
    """[("conv1_1", 32, True), ...]: VGG's names, stage and place in it; channels; whether pooled after."""
    return [
        (f"conv{s}_{k}", filters, k == len(stage) and s < len(stages))
        for s, stage in enumerate(stages, 1)
        for k, filters in enumerate(stage, 1)
    ]
