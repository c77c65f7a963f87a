"""EfficientNet-Lite0 (Tan and Le 2019, without what is slow on phones), with weights pretrained on ImageNet.

A stem, seven stages of inverted bottlenecks (layers/mbconv.py) and a head. It needs a thirtieth of VGG-16's arithmetic
and classifies ImageNet better. Batch normalisation is an affine map once trained; it is folded into the convolutions.

Stages are tuples. The stem: (channels,). The bottlenecks: (count, side of the filters, stride of the first, expansion
factor, channels). The head, a 1x1 convolution, if there is one: (channels,). The first stages of a net are a net, too.
STAGES has four, named by the grid of annotation vectors that they make of 224 x 224 pixels. The net 14x14x672 ends with
the first expansion of the sixth stage instead of a head.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, conv, depthwise, mbconv, pointwise
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import current

SETTINGS = ()  # of the decoder: it reads none

_FIRST = (32,), (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112)
_ALL = *_FIRST, (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)
STAGES = {"14x14x112": _FIRST, "14x14x672": (*_FIRST, (672,)), "7x7x320": _ALL, "7x7x1280": (*_ALL, (1280,))}
SIDE, STRIDE = 3, 2  # of the stem's filters

# The net was trained on (pixel - 127) / 128, pixels from 0 to 255. Ours are from -1 to 1: (pixel - GREY) / STD. That is
# folded into the stem's filters. It pads images with GREY, the zero of its training.
GREY, STD = 127 / 127.5 - 1, 128 / 127.5
NORM = "weight", "bias", "running_mean", "running_var"  # the files' names for gamma, beta, mean and variance
EPSILON = 1e-3  # of the normalisation that is folded
UNUSED = "_blocks.", "_conv_head.", "_bn", "_fc."  # what files have for the rest of the net and for ImageNet's classes


class Block(NamedTuple):
    """An inverted bottleneck: side and stride of its filters; channels before, in between and after."""

    P: int
    stride: int
    C: int
    E: int
    O: int

    @property
    def expands(self):
        return self.E != self.C


class StemCache(NamedTuple):
    conv: conv.ConvCache
    relu: activations.Relu6Cache


class EncodeCache(NamedTuple):
    parts: dict  # by name
    shape: tuple


def init_params(rng, stages, norm=False, dtype=np.float32):
    """Draw weights scaled for relu (He et al. 2015); biases are zero.

    Args:
        rng: numpy Generator.
        stages: as above.
        norm: must be False.
        dtype: of the parameters.
    Returns:
        {"stem.W": (3, 3, 3, O), "stem.b": (O,), "block1_1.W_d": (P, P, E), "block1_1.b_d": (E,),
        "block1_1.W_p": (E, O), "block1_1.b_p": (O,), ...}; for blocks that expand also "block2_1.W_e": (C, E) and
        "block2_1.b_e": (E,); for a head "head.W": (C, O) and "head.b": (O,).
    """
    if norm:
        raise ValueError("lite0: its batch normalisation is folded into its weights")
    params = {}
    for name, shape in shapes(stages).items():
        inputs = np.prod(shape[:2] if name.endswith("W_d") else shape[:-1])
        scale = np.sqrt(2 / inputs) if len(shape) > 1 else 0
        params[name] = (scale * rng.standard_normal(shape)).astype(dtype)
    return params


def encode_forward(params, images, stages, start=0):
    """Encode images in training.

    Args:
        params: parameters by name.
        images: (N, H, W, 3), from -1 to 1; with `start`, the results (N, H, W, C) of the stages before it.
        stages: as above.
        start: the first stage that runs.
    Returns:
        a: (N, L, D) the last part's cells.
        cache: what encode_backward needs.
    """
    x, caches = images, {}
    for name, block in parts(stages, start).items():
        weights = _weights(params, name)
        if block:
            x, caches[name] = mbconv.mbconv_forward(x, *weights, block.stride)
        else:
            forward = _stem_forward if name == "stem" else pointwise.pointwise_forward
            x, caches[name] = forward(x, *weights)
    return _annotations(x), EncodeCache(caches, x.shape)


def encode_backward(da, cache):
    """Return the gradients by parameter name; images need none. da: (N, L, D) gradient of a."""
    dx, grads = da.reshape(cache.shape), {}
    for name, of_part in reversed(cache.parts.items()):
        if name == "stem":
            gradients = _stem_parameter_gradients(dx, of_part)
        else:
            backward = pointwise.pointwise_backward if name == "head" else mbconv.mbconv_backward
            dx, *gradients = backward(dx, of_part)
        named = zip(_weight_names(name), gradients, strict=True)
        grads |= {weight: gradient for weight, gradient in named if gradient is not None}
    return grads


def encode(params, images, stages, start=0, stop=None):
    """Encode images in inference mode. Returns a of encode_forward, or the cells of the stage before `stop`."""
    x, todo = images, list(parts(stages, start, stop).items())
    if not start and len(todo) > 1 and not todo[1][1].expands:
        name, block = todo[1]
        stem, weights = _weights(params, "stem"), _weights(params, name)[2:]
        x = mbconv.stem_inference(_framed(x), *stem, STRIDE, *weights, block.stride)
        todo = todo[2:]
    for name, block in todo:
        weights = _weights(params, name)
        if block:
            x = mbconv.mbconv_inference(x, *weights, block.stride)
        else:
            x, _ = (_stem_forward if name == "stem" else pointwise.pointwise_forward)(x, *weights)
    return _annotations(x)


def size(stages):
    """Return D, the annotation vectors' size."""
    return stages[-1][-1]


def smallest(stages):
    """Return the side of the smallest images: they are padded, so that there is no other limit."""
    return 1


def namings(stages):
    """Return how weight files name the tensors, for pretrained/weights.py: a PyTorch port's {name: shape}, and ours."""
    theirs, ours = {}, shapes(stages)
    for name, (convolution, norm) in _sources(stages).items():
        *sides, C, O = (1, 1, *ours[name]) if ours[name][2:] == () else ours[name]
        if name.endswith("W_d"):
            sides, C = [C, *sides], 1
        theirs[f"{convolution}.weight"] = (O, C, *sides)
        theirs |= {f"{norm}.{part}": (O,) for part in NORM}
    return theirs, ours


def adopt(tensors, stages, preprocessing="lite0"):
    """Make the parameters from the tensors of a weight file.

    Filters (O, C, P, Q) become (P, Q, C, O), with the normalisation after them folded in. The stem's read pixels from
    -1 to 1.

    Args:
        tensors: {name: array}, named in one of the ways of `namings`.
        stages: as above.
        preprocessing: "lite0", the only one.
    Returns:
        {name: array}.
    Raises:
        InputError: there is no such preprocessing.
    """
    if "stem.W" in tensors:
        return tensors
    if preprocessing != "lite0":
        raise InputError(f"{preprocessing}: no such preprocessing; of this net there is lite0.")
    params, ours = {}, shapes(stages)
    for name, (convolution, norm) in _sources(stages).items():
        gamma, beta, mean, var = (tensors[f"{norm}.{part}"].astype(np.float64) for part in NORM)
        scale = gamma / np.sqrt(var + EPSILON)
        W, b = tensors[f"{convolution}.weight"].transpose(2, 3, 1, 0) * scale, beta - mean * scale
        if name == "stem.W":
            W = W / STD
            b = b - GREY * W.sum(axis=(0, 1, 2))
        params[name] = np.ascontiguousarray(W.reshape(ours[name]), np.float32)
        params[name.replace("W", "b")] = b.astype(np.float32)
    return params


def parts(stages, start=0, stop=None):
    """Return {name: Block, or None for the stem and the head} of the stages from `start` to before `stop`.

    block<s>_<k> is the k-th block of the s-th stage of bottlenecks; the stem is stage 0.
    """
    (C,), *others = stages
    of_stages = [{"stem": None}]
    for s, stage in enumerate(others, 1):
        if len(stage) == 1:
            of_stages.append({"head": None})
            continue
        count, P, stride, times, O = stage
        of_stages.append({})
        for k in range(count):
            of_stages[s][f"block{s}_{k + 1}"] = Block(P, 1 if k else stride, C, times * C, O)
            C = O
    return {name: block for of_stage in of_stages[start:stop] for name, block in of_stage.items()}


def shapes(stages, start=0, stop=None):
    """Return {name: shape} of the parameters of the stages from `start` to before `stop`."""
    shape_of, C, chosen = {}, 3, parts(stages, start, stop)
    for name, block in parts(stages).items():
        if block:
            P, _, C, E, O = block
            of_part = [(C, E) if E != C else None, (E,) if E != C else None, (P, P, E), (E,), (E, O), (O,)]
        else:
            O = stages[0 if name == "stem" else -1][0]
            of_part = [(SIDE, SIDE, C, O) if name == "stem" else (C, O), (O,)]
        if name in chosen:
            shape_of |= {weight: shape for weight, shape in zip(_weight_names(name), of_part, strict=True) if shape}
        C = O
    return shape_of


def _weight_names(part):
    endings = ("W", "b") if part in ("stem", "head") else ("W_e", "b_e", "W_d", "b_d", "W_p", "b_p")
    return [f"{part}.{ending}" for ending in endings]


def _weights(params, part):
    """Return all parameters of a part, None for those that it does not have."""
    return [params.get(name) for name in _weight_names(part)]


def _sources(stages):
    """Return {our name: (name of the convolution, of the normalisation after it)} in the PyTorch port."""
    sources, k = {}, 0
    for part, block in parts(stages).items():
        if part == "stem":
            sources["stem.W"] = "_conv_stem", "_bn0"
        elif part == "head":
            whole = stages[:-1] == _ALL
            sources["head.W"] = ("_conv_head", "_bn1") if whole else (f"_blocks.{k}._expand_conv", f"_blocks.{k}._bn0")
        else:
            names = (
                ("W_e", "_expand_conv", "_bn0"),
                ("W_d", "_depthwise_conv", "_bn1"),
                ("W_p", "_project_conv", "_bn2"),
            )
            for weight, convolution, norm in names if block.expands else names[1:]:
                sources[f"{part}.{weight}"] = f"_blocks.{k}.{convolution}", f"_blocks.{k}.{norm}"
            k += 1
    return sources


def _stem_forward(images, W, b):
    y, cache_conv = conv.conv_forward(_framed(images), W, b, STRIDE)
    y, cache_relu = activations.relu6_forward(y)
    return y, StemCache(cache_conv, cache_relu)


def _stem_parameter_gradients(dy, cache):
    """Return dW and db; images need no gradient."""
    return conv.conv_parameter_gradients(activations.relu6_backward(dy, cache.relu), cache.conv)


def _framed(images):
    """Return images in a frame of GREY, for the stem's filters."""
    N, H, W, C = images.shape
    (top, bottom), (left, right) = (depthwise.same_padding(side, SIDE, STRIDE) for side in (H, W))
    framed = current().empty((N, top + H + bottom, left + W + right, C), images.dtype)
    framed[:, :top], framed[:, top + H :] = GREY, GREY
    framed[:, :, :left], framed[:, :, left + W :] = GREY, GREY
    framed[:, top : top + H, left : left + W] = images
    return framed


def _annotations(x):
    """Return the cells of x: (N, H, W, C) as (N, H W, C)."""
    N, H, W, C = x.shape
    return x.reshape(N, H * W, C)
