"""Define VGG-16 and VGG-19 (Simonyan and Zisserman 2015) with pretrained weights, as Xu et al. 2015 use.

The annotation vectors are the cells of the last convolution, after relu and before the last pooling. An image of
224 x 224 pixels gives 14 x 14 annotation vectors (L = 196) of D = 512 numbers. Unlike those of convnet.py, they do not
contain row and column. Stages, names and blocks are those of convnet.py.

A pretrained net needs pixels scaled as in its training. The parameters "pixels.mean" and "pixels.std" hold this scale,
so that the parameters alone determine what the net computes. They get no gradient.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.encoders import convnet
from numpy_sat.layers import block
from numpy_sat.system.errors import InputError

SETTINGS = ()  # it reads none of the decoder's settings

STAGES = {
    "vgg16": ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}


class Preprocessing(NamedTuple):
    """The scale of the pixels on which a net was trained: (pixel - mean) / std, with pixels from 0 to 1."""

    mean: tuple  # of red, green and blue
    std: tuple
    order: str  # order of the channels that the first filters read, "RGB" or "BGR"


# A weight file does not say which of the three it needs: their tensors have the same names and the same shapes.
PREPROCESSINGS = {
    # torchvision's IMAGENET1K_V1, also in timm
    "imagenet": Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "RGB"),
    # torchvision's IMAGENET1K_FEATURES: the authors' weights, with the first filters reordered to RGB
    "features": Preprocessing((0.48235, 0.45882, 0.40784), (1 / 255,) * 3, "RGB"),
    # the authors' weights, as in Caffe and Keras
    "caffe": Preprocessing((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "BGR"),
}

# Prefixes of the tensors for ImageNet's classes in the weight files of torchvision and timm.
UNUSED = ("classifier.", "pre_logits.", "head.")


class EncodeCache(NamedTuple):
    """The caches of all blocks, and the shape of the last one's cells."""

    blocks: dict  # block caches by name
    shape: tuple  # (N, H, W, C)


def init_params(
    rng: np.random.Generator, stages: tuple, norm: bool = False, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw weights as convnet.init_params does, with a pixel scale that changes nothing.

    Args:
        rng: numpy Generator.
        stages: channel counts of each stage.
        norm: must be False.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    Raises:
        ValueError: norm is True; these nets have no batch normalization.
    """
    if norm:
        raise ValueError("vgg: these nets have no batch normalization")
    pixels = {"pixels.mean": np.zeros(3, dtype), "pixels.std": np.ones(3, dtype)}
    return {**pixels, **convnet.init_params(rng, stages, dtype=dtype)}


def encode_forward(
    params: dict[str, np.ndarray], images: np.ndarray, stages: tuple, start: int = 0
) -> tuple[np.ndarray, EncodeCache]:
    """Encode images in training.

    Args:
        params: parameters by name.
        images: (N, H, W, 3), from -1 to 1; if start > 0, the pooled results (N, H, W, C) of the stages before it.
        stages: channel counts of each stage.
        start: the first stage that runs.
    Returns:
        a: (N, L, D).
        cache: what encode_backward needs.
    """
    x, caches = images if start else _scaled(params, images), {}
    for name, _, pooled in _layers(stages, start):
        x, caches[name] = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _annotations(x), EncodeCache(caches, x.shape)


def encode_backward(da: np.ndarray, cache: EncodeCache) -> dict[str, np.ndarray]:
    """Compute the gradients of encode_forward. Images need no gradient.

    Args:
        da: (N, L, D).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    dx, grads = da.reshape(cache.shape), {}
    first, *others = cache.blocks
    for name in reversed(others):
        dx, grads[f"{name}.W"], grads[f"{name}.b"] = block.block_backward(dx, cache.blocks[name])
    grads[f"{first}.W"], grads[f"{first}.b"] = block.block_parameter_gradients(dx, cache.blocks[first])
    return grads


def encode(
    params: dict[str, np.ndarray], images: np.ndarray, stages: tuple, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """Encode images in inference mode.

    Args:
        params, images, stages, start: as in encode_forward.
        stop: the first stage that does not run; None runs all.
    Returns:
        a: (N, L, D) as in encode_forward, or the pooled cells of the stage before `stop`.
    """
    x = images if start else _scaled(params, images)
    for name, _, pooled in _layers(stages, start, stop):
        x, _ = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _annotations(x)


def size(stages: tuple) -> int:
    """Return D, the size of the annotation vectors."""
    return stages[-1][-1]


def smallest(stages: tuple) -> int:
    """Return the side of the smallest image that the net can encode."""
    return convnet.smallest(stages)


def shapes(stages: tuple, start: int = 0, stop: int | None = None) -> dict[str, tuple]:
    """Return {name: shape} of the parameters of some stages.

    Args:
        stages: channel counts of each stage.
        start: the first stage. The pixel scale belongs to stage 0.
        stop: the first stage that does not count; None counts all.
    """
    shapes_by_name, C = {} if start else {"pixels.mean": (3,), "pixels.std": (3,)}, _channels(stages)
    for name, O, _ in _layers(stages, start, stop):
        shapes_by_name |= {f"{name}.W": (3, 3, C[name], O), f"{name}.b": (O,)}
    return shapes_by_name


def namings(stages: tuple) -> tuple[dict[str, tuple], dict[str, tuple]]:
    """Return the possible names and shapes of the tensors in a weight file, for pretrained/weights.py.

    torchvision and timm number the convolutions, relus and poolings consecutively: features.0, .2, (.4), .5, ...

    Args:
        stages: channel counts of each stage.
    Returns:
        Two dictionaries {name: shape}: one with torchvision's names and one with ours.
    """
    theirs, C = {}, _channels(stages)
    for (name, O, _), number in zip(convnet.layers(stages), _numbers(stages), strict=True):
        theirs |= {f"features.{number}.weight": (O, C[name], 3, 3), f"features.{number}.bias": (O,)}
    return theirs, shapes(stages)


def adopt(tensors: dict[str, np.ndarray], stages: tuple, preprocessing: str) -> dict[str, np.ndarray]:
    """Convert the tensors of a weight file to parameters.

    Filters (O, C, P, Q) become (P, Q, C, O). The first filters are reordered to read RGB if they read BGR.

    Args:
        tensors: {name: array}, with one of the two sets of names of `namings`.
        stages: channel counts of each stage.
        preprocessing: name in PREPROCESSINGS, for torchvision's names; our files contain the pixel scale.
    Returns:
        Arrays by name.
    Raises:
        InputError: the preprocessing is unknown.
    """
    if "pixels.mean" in tensors:
        return tensors
    if preprocessing not in PREPROCESSINGS:
        raise InputError(f"{preprocessing}: no such preprocessing; there are {', '.join(PREPROCESSINGS)}.")
    mean, std, order = PREPROCESSINGS[preprocessing]
    # Convert the scale from pixels between 0 and 1 to pixels between -1 and 1.
    params = {"pixels.mean": np.float32(2 * np.array(mean) - 1), "pixels.std": np.float32(2 * np.array(std))}
    for (name, _, _), number in zip(convnet.layers(stages), _numbers(stages), strict=True):
        params[f"{name}.W"] = np.ascontiguousarray(tensors[f"features.{number}.weight"].transpose(2, 3, 1, 0))
        params[f"{name}.b"] = tensors[f"features.{number}.bias"]
    if order == "BGR":
        params["conv1_1.W"] = np.ascontiguousarray(params["conv1_1.W"][:, :, ::-1])
    return params


def _scaled(params, images):
    return (images - params["pixels.mean"]) / params["pixels.std"]


def _annotations(x):
    """Reshape cells from (N, H, W, C) to annotation vectors (N, H W, C)."""
    N, H, W, C = x.shape
    return x.reshape(N, H * W, C)


def _layers(stages, start, stop=None):
    """Return convnet.layers of the stages from `start` up to but not including `stop`."""
    first, end = (sum(map(len, stages[:s])) for s in (start, stop))
    return convnet.layers(stages)[first:end]


def _channels(stages):
    """Return {name: C} of every convolution, where C is its number of input channels."""
    names, filters, _ = zip(*convnet.layers(stages), strict=True)
    return dict(zip(names, (3, *filters[:-1]), strict=True))


def _numbers(stages):
    """Return the number of every convolution in torchvision. Its relu has the next number, a pooling the one after."""
    numbers = [0]
    for _, _, pooled in convnet.layers(stages):
        numbers.append(numbers[-1] + (3 if pooled else 2))
    return numbers[:-1]
