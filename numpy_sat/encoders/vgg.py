"""VGG-16 and VGG-19 (Simonyan and Zisserman 2015) with pretrained weights. The paper's attention looks at its features.

The annotation vectors are the cells of the last convolution, after relu and before the last pooling: an image of
224 x 224 gives 14 x 14 of them, L = 196, each of D = 512 numbers. They have no place at their end, as convnet.py's
have. Stages, names and blocks are convnet.py's.

A pretrained net needs pixels scaled as in its training. That scale is part of the parameters, as "pixels.mean" and
"pixels.std", so that the parameters alone say what the net computes. It gets no gradient.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.encoders import convnet
from numpy_sat.layers import block
from numpy_sat.system.errors import InputError

SETTINGS = ()  # of the decoder: it reads none

STAGES = {
    "vgg16": ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}


class Preprocessing(NamedTuple):
    """How pixels were scaled while weights were trained: (pixel - mean) / std, pixels from 0 to 1."""

    mean: tuple  # of red, green, blue
    std: tuple
    order: str  # of the channels that the first filters read, "RGB" or "BGR"


# A weight file does not say which of the three it needs: all come under the same names, in the same shapes.
PREPROCESSINGS = {
    # torchvision's IMAGENET1K_V1, which timm has, too
    "imagenet": Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "RGB"),
    # torchvision's IMAGENET1K_FEATURES: the authors' own weights, their first filters turned round to RGB
    "features": Preprocessing((0.48235, 0.45882, 0.40784), (1 / 255,) * 3, "RGB"),
    # the authors' own weights, as Caffe had them and Keras has them
    "caffe": Preprocessing((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "BGR"),
}

UNUSED = ("classifier.", "pre_logits.", "head.")  # what is in weight files for ImageNet's classes; torchvision, timm


class EncodeCache(NamedTuple):
    blocks: dict  # by name
    shape: tuple


def init_params(rng, stages, norm=False, dtype=np.float32):
    """Draw weights as convnet.py does; pixels are not scaled. These nets have no batch normalisation."""
    if norm:
        raise ValueError("vgg: these nets have no batch normalisation")
    pixels = {"pixels.mean": np.zeros(3, dtype), "pixels.std": np.ones(3, dtype)}
    return {**pixels, **convnet.init_params(rng, stages, dtype=dtype)}


def encode_forward(params, images, stages, start=0):
    """Encode images in training.

    Args:
        params: parameters by name.
        images: (N, H, W, 3), from -1 to 1; with `start`, the pooled results (N, H, W, C) of the stages before it.
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


def encode_backward(da, cache):
    """Return the gradients by parameter name; images need none. da: (N, L, D) gradient of a."""
    dx, grads = da.reshape(cache.shape), {}
    first, *others = cache.blocks
    for name in reversed(others):
        dx, grads[f"{name}.W"], grads[f"{name}.b"] = block.block_backward(dx, cache.blocks[name])
    of_first = block.block_parameter_gradients(dx, cache.blocks[first])
    grads[f"{first}.W"], grads[f"{first}.b"] = of_first
    return grads


def encode(params, images, stages, start=0, stop=None):
    """Encode images in inference mode. Returns a of encode_forward, or the pooled cells of the stage before `stop`."""
    x = images if start else _scaled(params, images)
    for name, _, pooled in _layers(stages, start, stop):
        x, _ = block.block_forward(x, params[f"{name}.W"], params[f"{name}.b"], pooled)
    return _annotations(x)


def size(stages):
    """Return D, the annotation vectors' size."""
    return stages[-1][-1]


def smallest(stages):
    """Return the side of the smallest images that it can encode."""
    return convnet.smallest(stages)


def shapes(stages, start=0, stop=None):
    """Return {name: shape} of the parameters of the stages from `start` to before `stop`.

    The pixels' scale belongs to the first stage.
    """
    shape_of, C = {} if start else {"pixels.mean": (3,), "pixels.std": (3,)}, _channels(stages)
    for name, O, _ in _layers(stages, start, stop):
        shape_of |= {f"{name}.W": (3, 3, C[name], O), f"{name}.b": (O,)}
    return shape_of


def namings(stages):
    """Return how weight files name the tensors, for pretrained/weights.py: torchvision's {name: shape}, and ours.

    torchvision and timm number convolutions, their relus and the poolings through: features.0, .2, (.4), .5, ...
    """
    theirs, C = {}, _channels(stages)
    for (name, O, _), number in zip(convnet.layers(stages), _numbers(stages), strict=True):
        theirs |= {f"features.{number}.weight": (O, C[name], 3, 3), f"features.{number}.bias": (O,)}
    return theirs, shapes(stages)


def adopt(tensors, stages, preprocessing):
    """Make the parameters from the tensors of a weight file.

    Filters (O, C, P, Q) become (P, Q, C, O). The first ones read RGB, whatever they were trained to read.

    Args:
        tensors: {name: array}, named in one of the ways of `namings`.
        stages: channel counts of each stage.
        preprocessing: one of PREPROCESSINGS, for torchvision's names; files of ours contain it.
    Returns:
        {name: array}.
    Raises:
        InputError: there is no such preprocessing.
    """
    if "pixels.mean" in tensors:
        return tensors
    if preprocessing not in PREPROCESSINGS:
        raise InputError(f"{preprocessing}: no such preprocessing; there are {', '.join(PREPROCESSINGS)}.")
    mean, std, order = PREPROCESSINGS[preprocessing]
    # From pixels between 0 and 1 to ours, between -1 and 1.
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
    """Return the cells of x: (N, H, W, C) as (N, H W, C)."""
    N, H, W, C = x.shape
    return x.reshape(N, H * W, C)


def _layers(stages, start, stop=None):
    """Return convnet.layers of the stages from `start` to before `stop`."""
    before, upto = (sum(map(len, stages[:s])) for s in (start, stop))
    return convnet.layers(stages)[before:upto]


def _channels(stages):
    """Return {name: C} of every convolution, C being its input channels."""
    names, filters, _ = zip(*convnet.layers(stages), strict=True)
    return dict(zip(names, (3, *filters[:-1]), strict=True))


def _numbers(stages):
    """Return every convolution's number in torchvision; its relu takes the next number, a pooling one more."""
    numbers = [0]
    for _, _, pooled in convnet.layers(stages):
        numbers.append(numbers[-1] + (3 if pooled else 2))
    return numbers[:-1]
