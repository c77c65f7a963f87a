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

from numpy_sat.layers import activations, conv, pool

PLACE = 2  # numbers at the end of an annotation vector: row and column
REACH = 4  # they run from -4 to 4, about as large as the features: much smaller numbers the decoder learns to hear late


class LayerCache(NamedTuple):
    name: str
    pool: pool.PoolCache | None  # before the first convolution of every stage but the first
    conv: conv.ConvCache
    relu: activations.ReluCache


class EncodeCache(NamedTuple):
    layers: list
    shape: tuple


def init_params(rng, stages, dtype=np.float32):
    """Weights scaled for relu (He et al. 2015), zero biases.

    rng: numpy Generator; stages: as above. Returns {"conv1_1.W": (3, 3, 3, O), "conv1_1.b": (O,), ...}.
    """
    params, channels = {}, 3
    for name, filters in _layers(stages):
        scale = np.sqrt(2 / (9 * channels))
        params[f"{name}.W"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype(dtype)
        params[f"{name}.b"] = np.zeros(filters, dtype)
        channels = filters
    return params


def encode_forward(params, pictures, stages):
    """pictures: (N, H, W, 3). Returns a: (N, L, D), the last stage's cells, each with its place, and the cache."""
    x, caches = pictures, []
    for name, _ in _layers(stages):
        cache_pool = None
        if name.endswith("_1") and caches:
            x, cache_pool = pool.max_pool_forward(x, window=2, stride=2)
        x, cache_conv = conv.conv_forward(x, params[f"{name}.W"], params[f"{name}.b"], stride=1, padding=1)
        x, cache_relu = activations.relu_forward(x)
        caches.append(LayerCache(name, cache_pool, cache_conv, cache_relu))
    return _with_place(x), EncodeCache(caches, x.shape)


def encode_backward(da, cache):
    """da: (N, L, D). Returns the gradients by parameter name; pictures need none."""
    dx, grads = da[..., :-PLACE].reshape(cache.shape), {}
    for layer in reversed(cache.layers[1:]):
        dx = activations.relu_backward(dx, layer.relu)
        dx, grads[f"{layer.name}.W"], grads[f"{layer.name}.b"] = conv.conv_backward(dx, layer.conv)
        if layer.pool:
            dx = pool.max_pool_backward(dx, layer.pool)
    first = cache.layers[0]
    dx = activations.relu_backward(dx, first.relu)
    grads[f"{first.name}.W"], grads[f"{first.name}.b"] = conv.conv_parameter_gradients(dx, first.conv)
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
    """[("conv1_1", 32), ("conv2_1", 64), ...]: VGG's names, stage and place in it, with their channels."""
    return [(f"conv{s}_{k}", filters) for s, stage in enumerate(stages, 1) for k, filters in enumerate(stage, 1)]
