"""Define a small convnet of 3x3 convolutions, like VGG (Simonyan and Zisserman 2015), trained from random weights.

The net is a tuple of stages, each a tuple of channel counts. For example, ((32,), (64, 64)) is one convolution to 32
channels, a 2x2 max-pooling, and two convolutions to 64 channels. A relu follows every convolution, with optional batch
normalization between them. The cells of the last stage are the annotation vectors.

Unlike VGG, this net appends two numbers to every annotation vector: its row and its column on the grid. A convolution
computes the same function everywhere, so its features hardly encode positions (Liu et al. 2018). Without these numbers,
a small net does not learn to tell left from right from a few thousand images.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import elementwise, float32
from numpy_sat.layers import batch_norm, block, norm_block
from numpy_sat.system import ranks
from numpy_sat.system.workspace import Workspace

SETTINGS = ()  # it reads none of the decoder's settings
PLACE = 2  # numbers at the end of an annotation vector: row and column
REACH = 4  # they run from -4 to 4, the scale of the features; the decoder learns to use much smaller numbers only late

PLAIN, NORMED = ("W", "b"), ("W", "gamma", "beta")  # parameters of a block


class EncodeCache(NamedTuple):
    """The caches of all blocks, and the shape of the last one's cells."""

    blocks: dict  # block caches by name
    shape: tuple  # (N, H, W, C)


def init_params(
    rng: np.random.Generator, stages: tuple, norm: bool = False, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw weights scaled for relu (He et al. 2015); biases are zero.

    Args:
        rng: numpy Generator.
        stages: channel counts of each stage.
        norm: True for batch normalization.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name: "conv1_1.W": (3, 3, 3, O), "conv1_1.b": (O,), ... With norm, "conv1_1.gamma" and
        "conv1_1.beta" replace the bias. `measure_running_statistics` sets "conv1_1.running_mean" and
        "conv1_1.running_var".
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


def encode_forward(params: dict[str, np.ndarray], images: np.ndarray, stages: tuple) -> tuple[np.ndarray, EncodeCache]:
    """Encode images in training. Batch normalization uses the mean and variance of the batch.

    Args:
        params: parameters by name.
        images: (N, H, W, 3).
        stages: channel counts of each stage.
    Returns:
        a: (N, L, D) cells of the last stage, each with its row and column.
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


def encode_backward(da: np.ndarray, cache: EncodeCache) -> dict[str, np.ndarray]:
    """Compute the gradients of encode_forward. Images need no gradient.

    Args:
        da: (N, L, D).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    dx, grads = da[..., :-PLACE].reshape(cache.shape), {}
    first, *others = cache.blocks
    for name in reversed(others):
        normed = isinstance(cache.blocks[name], norm_block.NormBlockCache)
        backward = norm_block.norm_block_backward if normed else block.block_backward
        dx, *gradients = backward(dx, cache.blocks[name])
        grads |= _named(name, gradients)
    normed = isinstance(cache.blocks[first], norm_block.NormBlockCache)
    backward = norm_block.norm_block_parameter_gradients if normed else block.block_parameter_gradients
    return {**grads, **_named(first, backward(dx, cache.blocks[first]))}


def encode(params: dict[str, np.ndarray], images: np.ndarray, stages: tuple) -> np.ndarray:
    """Encode images in inference mode. Batch normalization uses the running mean and variance.

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


def measure_running_statistics(params: dict[str, np.ndarray], batches: Iterable[np.ndarray], stages: tuple) -> None:
    """Set the running mean and variance of every block in place, from all batches together (Wu and Johnson 2021).

    As in training, every batch is normalized by its own mean and variance.

    Args:
        params: parameters by name.
        batches: iterable of images (N, H, W, 3). Each rank has other batches.
        stages: channel counts of each stage.
    """
    statistics, workspace = [], Workspace()  # of each batch, {name: (mean, mean of the squares)}
    for images in batches:
        with workspace.step():
            _, cache = encode_forward(params, images, stages)
            statistics.append({name: _mean_and_square(block_cache) for name, block_cache in cache.blocks.items()})
    statistics = ranks.current().merged(statistics)
    for name in statistics[0] if statistics else ():
        mean, square = np.mean([batch[name] for batch in statistics], axis=0)
        params[f"{name}.running_mean"][:], params[f"{name}.running_var"][:] = mean, square - mean * mean


def _mean_and_square(cache):
    """Return the mean of every channel and of its square, in float64. cache: that of a normalized block."""
    mean, std = cache.norm.mean.astype(np.float64), cache.norm.std.astype(np.float64)
    return mean, std**2 - batch_norm.EPSILON + mean * mean


def _named(name, gradients):
    parts = NORMED if len(gradients) == len(NORMED) else PLAIN
    return {f"{name}.{part}": gradient for part, gradient in zip(parts, gradients, strict=True)}


def _with_place(x):
    """Append its row and column to every cell.

    Args:
        x: (N, H, W, C) cells.
    Returns:
        a: (N, H W, C + 2) annotation vectors.
    """
    N, H, W, C = x.shape
    return _with_columns(x.reshape(N, H * W, C), _places(H, W, x.dtype))


@float32(elementwise.with_columns)
def _with_columns(x, columns):
    """Append the same columns (L, P) to x[n] for every n. x: (N, L, C). Returns (N, L, C + P)."""
    return np.concatenate([x, np.broadcast_to(columns, (len(x), *columns.shape))], axis=2)


@lru_cache
def _places(H, W, dtype):
    """Return the row and the column of every cell: (H W, 2)."""
    rows, columns = (np.linspace(-REACH, REACH, size) for size in (H, W))
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, PLACE).astype(dtype)


def size(stages: tuple) -> int:
    """Return D, the size of the annotation vectors."""
    return stages[-1][-1] + PLACE


def smallest(stages: tuple) -> int:
    """Return the side of the smallest image: every pooling halves it, and one cell must remain."""
    return 2 ** (len(stages) - 1)


def layers(stages: tuple) -> list[tuple[str, int, bool]]:
    """List the convolutions of a net.

    Args:
        stages: channel counts of each stage.
    Returns:
        A list of (name, channels, pooled) such as ("conv1_1", 32, True). The name is VGG's: stage and position in the
        stage. `pooled` is True if a max-pooling follows.
    """
    return [
        (f"conv{s}_{k}", filters, k == len(stage) and s < len(stages))
        for s, stage in enumerate(stages, 1)
        for k, filters in enumerate(stage, 1)
    ]
