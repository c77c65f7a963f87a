"""A stack of 3x3 convolutions in the manner of VGG (Simonyan and Zisserman 2015), trained from random weights.

Its shape is a tuple of stages, each a tuple of channel counts: ((32,), (64, 64)) is one convolution to 32 channels, a
2x2 max-pooling, and two convolutions to 64. Every convolution is followed by relu; the last stage's cells are the
annotation vectors.

One thing VGG does not have: the first convolution reads, beside the three colours, where each pixel is (Liu et al.
2018, CoordConv). What a convolution computes is the same everywhere, so an annotation says what is there but hardly
where, and a small net that sees a few thousand pictures never learns left from right without.
"""

import numpy as np

from numpy_sat.layers import activations, conv, pool

INPUTS = 5  # channels the first convolution reads: red, green, blue, row, column


def init_params(rng, stages, dtype=np.float32):
    """Weights scaled for relu (He et al. 2015), zero biases.

    rng: numpy Generator; stages: as above. Returns {"conv1_1.W": (3, 3, 5, O), "conv1_1.b": (O,), ...}.
    """
    params, channels = {}, INPUTS
    for name, filters in _layers(stages):
        scale = np.sqrt(2 / (9 * channels))
        params[f"{name}.W"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype(dtype)
        params[f"{name}.b"] = np.zeros(filters, dtype)
        channels = filters
    return params


def grid(picture_size, stages):
    """The annotation grid's side for a picture's side: halved between stages, so L = grid * grid."""
    return picture_size >> (len(stages) - 1)


def encode_forward(params, pictures, stages):
    """pictures: (N, H, W, 3). Returns a: (N, L, D), the last stage's cells row by row, and the cache."""
    x, caches = _with_place(pictures), []
    for name, _ in _layers(stages):
        if name.endswith("_1") and caches:
            x, cache = pool.max_pool_forward(x, window=2, stride=2)
            caches.append(cache)
        x, cache = conv.conv_forward(x, params[f"{name}.W"], params[f"{name}.b"], stride=1, padding=1)
        caches.append(cache)
        x, cache = activations.relu_forward(x)
        caches.append(cache)
    N, H, W, D = x.shape
    return x.reshape(N, H * W, D), (caches, x.shape)


def encode_backward(da, cache, stages):
    """da: (N, L, D). Returns the gradients by parameter name; pictures need none."""
    caches, shape = cache
    caches, grads = list(caches), {}
    dx = da.reshape(shape)
    for name, _ in reversed(_layers(stages)):
        dx = activations.relu_backward(dx, caches.pop())
        conv_cache = caches.pop()
        if not caches:
            grads[f"{name}.W"], grads[f"{name}.b"] = conv.conv_parameter_gradients(dx, conv_cache)
            break
        dx, grads[f"{name}.W"], grads[f"{name}.b"] = conv.conv_backward(dx, conv_cache)
        if name.endswith("_1"):
            dx = pool.max_pool_backward(dx, caches.pop())
    return grads


def _with_place(pictures):
    """(N, H, W, 3) to (N, H, W, 5): each pixel's row and column as two more channels, -1 to 1."""
    N, H, W, _ = pictures.shape
    rows, columns = (np.linspace(-1, 1, size, dtype=pictures.dtype) for size in (H, W))
    place = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return np.concatenate([pictures, np.broadcast_to(place, (N, H, W, 2))], axis=-1)


def _layers(stages):
    """[("conv1_1", 32), ("conv2_1", 64), ...]: VGG's names, stage and place in it, with their channels."""
    return [(f"conv{s}_{k}", filters) for s, stage in enumerate(stages, 1) for k, filters in enumerate(stage, 1)]
