"""A stack of 3x3 convolutions in the manner of VGG (Simonyan and Zisserman 2015), trained from random weights.

Its shape is a tuple of stages, each a tuple of channel counts: ((32,), (64, 64)) is one convolution to 32 channels, a
2x2 max-pooling, and two convolutions to 64. Every convolution is followed by relu, with batch normalisation before it
if the parameters have some. The last stage's cells are the annotation vectors.

VGG does not have one thing: the last two numbers of an annotation vector are its row and column on the grid. A
convolution computes the same everywhere, so its features say what is there but hardly where (Liu et al. 2018). From
some thousand images, a small net never learns to tell left from right by them.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import batch_norm, block, norm_block
from numpy_sat.system.workspace import Workspace

SETTINGS = ()  # of the decoder: it reads none
PLACE = 2  # numbers at the end of an annotation vector: row and column
REACH = 4  # they run from -4 to 4, about as large as the features; much smaller numbers are learned late

PLAIN, NORMED = ("W", "b"), ("W", "gamma", "beta")  # a block's parameters


class EncodeCache(NamedTuple):
    blocks: dict  # by name
    shape: tuple


def init_params(rng, stages, norm=False, dtype=np.float32):
    """Draw weights scaled for relu (He et al. 2015); biases are zero.

    Args:
        rng: numpy Generator.
        stages: channel counts of each stage.
        norm: True for batch normalisation.
        dtype: of the parameters.
    Returns:
        {"conv1_1.W": (3, 3, 3, O), "conv1_1.b": (O,), ...}; with norm "conv1_1.gamma" and ".beta" instead of the bias,
        and ".running_mean" and ".running_var", which `measure_running_statistics` sets.
    """
    params, channels = {}, 3
    for name, filters, _ in layers(stages):
        scale = np.sqrt(2 / (9 * channels))
        params[f"{name}.W"] = (scale * rng.standard_normal((3, 3, channels, filters))).astype(dtype)
        for part in ("beta", "running_mean") if norm else ("b",):
            params[f"{name}.{part}"] = np.zeros(filters, dtype)
        for part in ("gamma", "running_var") if norm else ():
            params[f"{name}.{part}"] = np.ones(filters, dtype)
        channels = filters
    return params


def encode_forward(params, images, stages):
    """Encode images in training: batch normalisation uses the batch's mean and variance.

    Args:
        params: parameters by name.
        images: (N, H, W, 3).
        stages: channel counts of each stage.
    Returns:
        a: (N, L, D) the last stage's cells, each with its place.
        cache: what encode_backward needs.
    """
    x, caches = images, {}
    for name, _, pooled in layers(stages):
        if f"{name}.gamma" in params:
            weights = (params[f"{name}.{part}"] for part in NORMED)
            x, caches[name] = norm_block.norm_block_forward(x, *weights, pooled)
        else:
            x, caches[name] = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _with_place(x), EncodeCache(caches, x.shape)


def encode_backward(da, cache):
    """Return the gradients by parameter name; images need none. da: (N, L, D) gradient of a."""
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


def encode(params, images, stages):
    """Encode images in inference mode: batch normalisation uses the running mean and variance.

    Args:
        params, images, stages: as in encode_forward.
    Returns:
        a: (N, L, D).
    """
    x = images
    for name, _, pooled in layers(stages):
        if f"{name}.gamma" in params:
            weights = (params[f"{name}.{part}"] for part in (*NORMED, "running_mean", "running_var"))
            x = norm_block.norm_block_inference(x, *weights, pooled)
        else:
            x, _ = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _with_place(x)


def measure_running_statistics(params, batches, stages):
    """Set the running mean and variance of every block, in place, from all batches together (Wu and Johnson 2021).

    Args:
        params: parameters by name.
        batches: images (N, H, W, 3) each. As in training, each is normalised by its own mean and variance on its way.
        stages: channel counts of each stage.
    """
    statistics_of_blocks, workspace = {}, Workspace()
    for images in batches:
        with workspace.step():
            for name, cache in encode_forward(params, images, stages)[1].blocks.items():
                mean, std = cache.norm.mean.astype(np.float64), cache.norm.std.astype(np.float64)
                statistics_of_blocks.setdefault(name, []).append((mean, std**2 - batch_norm.EPSILON + mean * mean))
    for name, statistics in statistics_of_blocks.items():
        mean, square = np.mean(statistics, axis=0)
        params[f"{name}.running_mean"][:], params[f"{name}.running_var"][:] = mean, square - mean * mean


def _named(name, gradients):
    parts = NORMED if len(gradients) == len(NORMED) else PLAIN
    return {f"{name}.{part}": gradient for part, gradient in zip(parts, gradients, strict=True)}


def _with_place(x):
    """Return the cells of x: (N, H, W, C) as (N, H W, C + 2): each cell's features, then its row and column."""
    N, H, W, C = x.shape
    rows, columns = (np.linspace(-REACH, REACH, size, dtype=x.dtype) for size in (H, W))
    place = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return np.concatenate([x, np.broadcast_to(place, (N, H, W, PLACE))], axis=-1).reshape(N, H * W, C + PLACE)


def size(stages):
    """Return D, the annotation vectors' size."""
    return stages[-1][-1] + PLACE


def smallest(stages):
    """Return the side of the smallest images: every pooling halves them, and one cell must be left."""
    return 2 ** (len(stages) - 1)


def layers(stages):
    """Return [("conv1_1", 32, True), ...]: VGG's name (stage and place in it), channels, True if pooled after."""
    return [
        (f"conv{s}_{k}", filters, k == len(stage) and s < len(stages))
        for s, stage in enumerate(stages, 1)
        for k, filters in enumerate(stage, 1)
    ]
