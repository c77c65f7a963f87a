"""A stack of 3x3 convolutions in the manner of VGG (Simonyan and Zisserman 2015), trained from random weights.

Its shape is a tuple of stages, each a tuple of channel counts: ((32,), (64, 64)) is one convolution to 32 channels, a
2x2 max-pooling, and two convolutions to 64. Every convolution is followed by relu; the last stage's cells are the
annotation vectors.

One thing VGG does not have: the last two numbers of an annotation vector are its row and column on the grid. What a
convolution computes is the same everywhere, so its features say what is there but hardly where (Liu et al. 2018), and a
small net that sees some thousand pictures never learns to tell left from right by them.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import block

PLACE = 2  # numbers at the end of an annotation vector: row and column
REACH = 4  # they run from -4 to 4, about as large as the features: much smaller numbers the decoder learns to hear late


class EncodeCache(NamedTuple):
    blocks: dict  # by name
    shape: tuple


def init_params(rng, stages, dtype=np.float32):
    """Weights scaled for relu (He et al. 2015), zero biases.

    rng: numpy Generator; stages: as above. Returns {"conv1_1.W": (3, 3, 3, O), "conv1_1.b": (O,), ...}.
    """
    params, channels = {}, 3
    for name, filters, _ in _layers(stages):
        scale = np.sqrt(2 / (9 * channels))
        params[f"{name}.W"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype(dtype)
        params[f"{name}.b"] = np.zeros(filters, dtype)
        channels = filters
    return params


def encode_forward(params, pictures, stages, workspace=None):
    """pictures: (N, H, W, 3). Returns a: (N, L, D), the last stage's cells, each with its place, and the cache."""
    x, caches = pictures, {}
    for name, _, pooled in _layers(stages):
        x, caches[name] = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled, workspace)
    return _with_place(x), EncodeCache(caches, x.shape)


def encode_backward(da, cache, workspace=None):
    """da: (N, L, D). Returns the gradients by parameter name; pictures need none."""
    dx, grads = da[..., :-PLACE].reshape(cache.shape), {}
    first, *others = cache.blocks
    for name in reversed(others):
        dx, grads[f"{name}.W"], grads[f"{name}.b"] = block.block_backward(dx, cache.blocks[name], workspace)
    grads[f"{first}.W"], grads[f"{first}.b"] = block.block_parameter_gradients(dx, cache.blocks[first], workspace)
    return grads


def _with_place(x):
    """(N, H, W, C) to (N, H W, C + 2): every cell's features, then its row and column."""
    N, H, W, C = x.shape
    rows, columns = (np.linspace(-REACH, REACH, size, dtype=x.dtype) for size in (H, W))
    place = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return np.concatenate([x, np.broadcast_to(place, (N, H, W, PLACE))], axis=-1).reshape(N, H * W, C + PLACE)


def size(stages):
    """D, the annotation vectors' size."""
    return stages[-1][-1] + PLACE


def _layers(stages):
    """[("conv1_1", 32, True), ...]: VGG's names, stage and place in it; channels; whether pooled after."""
    return [
        (f"conv{s}_{k}", filters, k == len(stage) and s < len(stages))
        for s, stage in enumerate(stages, 1)
        for k, filters in enumerate(stage, 1)
    ]
