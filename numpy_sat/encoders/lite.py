"""Define EfficientNet-Lite0, Lite1 and Lite2, with weights pretrained on ImageNet.

Lite0 is EfficientNet-B0 (Tan and Le 2019) without the operations that are slow on phones. It has a stem, seven stages
of inverted bottlenecks (layers/mbconv.py) and a head. It needs a thirtieth of the arithmetic of VGG-16 and classifies
ImageNet better. A trained batch normalization is an affine map, so it is folded into the convolutions.

Lite1 and Lite2 read larger images. Both repeat the bottlenecks of the second to the sixth stage more often, and Lite2
has more channels, too. The stem, the first and the last stage of bottlenecks and the head are never repeated more.

A net is a tuple of stages, each a tuple:

    stem          (channels,)
    bottlenecks   (count, side of the filters, stride of the first block, expansion factor, channels)
    head          (channels,)   a 1x1 convolution; optional

The first stages of a net form a net as well. STAGES holds four nets for each network. They are named by the grid of
annotation vectors of an image of the network's size. The net 14x14x672 of Lite0 ends with the first expansion of the
sixth stage instead of a head, and so do 15x15x672 of Lite1 and 17x17x720 of Lite2.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, conv, depthwise, frame, mbconv, pointwise
from numpy_sat.system.errors import InputError

SETTINGS = ()  # it reads none of the decoder's settings

# Of the seven stages of bottlenecks: sides of the filters, strides of the first blocks, expansion factors.
_BLOCKS = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), (1, 6, 6, 6, 6, 6, 6)


class Network(NamedTuple):
    """A network of the family."""

    title: str
    image_size: int  # side of the images that it was trained on, in pixels
    grids: dict  # {grid of annotation vectors: stages}, the largest net last


def _network(title, image_size, repeats, channels):
    """Return the Network of these sizes.

    Args:
        title: its name in texts.
        image_size: side of its images, in pixels.
        repeats: counts of the blocks of the second to the sixth stage.
        channels: channels after each of the seven stages.
    """
    bottlenecks = tuple(zip((1, *repeats, 1), *_BLOCKS, channels, strict=True))
    first, last = ((32,), *bottlenecks[:5]), bottlenecks[5:]  # the last two stages have half as many rows
    fine, coarse = -(-image_size // 16), -(-image_size // 32)
    expanded = _BLOCKS[2][5] * channels[4]
    grids = {
        f"{fine}x{fine}x{channels[4]}": first,
        f"{fine}x{fine}x{expanded}": (*first, (expanded,)),
        f"{coarse}x{coarse}x{channels[6]}": (*first, *last),
        f"{coarse}x{coarse}x1280": (*first, *last, (1280,)),
    }
    return Network(title, image_size, grids)


NETWORKS = {  # {value of the setting `network`: Network}
    "lite0": _network("EfficientNet-Lite0", 224, (2, 2, 3, 3, 4), (16, 24, 40, 80, 112, 192, 320)),
    "lite1": _network("EfficientNet-Lite1", 240, (3, 3, 4, 4, 5), (16, 24, 40, 80, 112, 192, 320)),
    "lite2": _network("EfficientNet-Lite2", 260, (3, 3, 4, 4, 5), (16, 24, 48, 88, 120, 208, 352)),
}
STAGES = {grid: stages for network in NETWORKS.values() for grid, stages in network.grids.items()}
SIDE, STRIDE = 3, 2  # of the stem's filters

# The net was trained on (pixel - 127) / 128, with pixels from 0 to 255. Our pixels run from -1 to 1, so this scale is
# (pixel - GREY) / STD. It is folded into the stem's filters. Images are padded with GREY, the zero of this scale.
GREY, STD = 127 / 127.5 - 1, 128 / 127.5
NORM = "weight", "bias", "running_mean", "running_var"  # names of gamma, beta, mean and variance in weight files
EPSILON = 1e-3  # of the folded batch normalization
# Checkpoints store digests of nets, which contain the name of this module. It was lite0 when the first were written.
NAME_IN_DIGESTS = "numpy_sat.encoders.lite0"
# Prefixes of the tensors for the rest of the net and for ImageNet's classes in weight files.
UNUSED = "_blocks.", "_conv_head.", "_bn", "_fc."


class Block(NamedTuple):
    """The sizes of an inverted bottleneck."""

    P: int  # side of the filters
    stride: int
    C: int  # channels before
    E: int  # channels after the expansion
    O: int  # channels after

    @property
    def expands(self) -> bool:
        """Return True if the block has an expansion."""
        return self.E != self.C


class StemCache(NamedTuple):
    """The caches of the stem's convolution and relu6."""

    conv: conv.ConvCache
    relu: activations.Relu6Cache


class EncodeCache(NamedTuple):
    """The caches of all parts, and the shape of the last one's cells."""

    parts: dict  # caches of the parts by name
    shape: tuple  # (N, H, W, C)


def init_params(
    rng: np.random.Generator, stages: tuple, norm: bool = False, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw weights scaled for relu (He et al. 2015); biases are zero.

    Args:
        rng: numpy Generator.
        stages: as above.
        norm: must be False.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name: "stem.W": (3, 3, 3, O), "stem.b": (O,), "block1_1.W_d": (P, P, E), "block1_1.b_d": (E,),
        "block1_1.W_p": (E, O), "block1_1.b_p": (O,), ... Blocks that expand also have "block2_1.W_e": (C, E) and
        "block2_1.b_e": (E,). A head has "head.W": (C, O) and "head.b": (O,).
    Raises:
        ValueError: norm is True.
    """
    if norm:
        raise ValueError("EfficientNet-Lite: its batch normalization is folded into its weights")
    params = {}
    for name, shape in shapes(stages).items():
        inputs = np.prod(shape[:2] if name.endswith("W_d") else shape[:-1])
        scale = np.sqrt(2 / inputs) if len(shape) > 1 else 0
        params[name] = (scale * rng.standard_normal(shape)).astype(dtype)
    return params


def encode_forward(
    params: dict[str, np.ndarray], images: np.ndarray, stages: tuple, start: int = 0
) -> tuple[np.ndarray, EncodeCache]:
    """Encode images in training.

    Args:
        params: parameters by name.
        images: (N, H, W, 3), from -1 to 1; if start > 0, the results (N, H, W, C) of the stages before it.
        stages: as above.
        start: the first stage that runs.
    Returns:
        a: (N, L, D) cells of the last part.
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


def encode_backward(da: np.ndarray, cache: EncodeCache) -> dict[str, np.ndarray]:
    """Compute the gradients of encode_forward. Images need no gradient.

    Args:
        da: (N, L, D).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    dx, grads = da.reshape(cache.shape), {}
    for name, part_cache in reversed(cache.parts.items()):
        if name == "stem":
            gradients = _stem_parameter_gradients(dx, part_cache)
        else:
            backward = pointwise.pointwise_backward if name == "head" else mbconv.mbconv_backward
            dx, *gradients = backward(dx, part_cache)
        pairs = zip(_weight_names(name), gradients, strict=True)
        grads |= {weight: gradient for weight, gradient in pairs if gradient is not None}
    return grads


def encode(
    params: dict[str, np.ndarray], images: np.ndarray, stages: tuple, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """Encode images in inference mode.

    Args:
        params, images, stages, start: as in encode_forward.
        stop: the first stage that does not run; None runs all.
    Returns:
        a: (N, L, D) as in encode_forward, or the cells of the stage before `stop`.
    """
    x, todo = images, list(parts(stages, start, stop).items())
    if not start and len(todo) > 1 and not todo[1][1].expands:
        # The stem and a first block without expansion run as one fused function.
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


def size(stages: tuple) -> int:
    """Return D, the size of the annotation vectors."""
    return stages[-1][-1]


def smallest(stages: tuple) -> int:
    """Return 1, the side of the smallest image: images are padded, so there is no other limit."""
    return 1


def namings(stages: tuple) -> tuple[dict[str, tuple], dict[str, tuple]]:
    """Return the possible names and shapes of the tensors in a weight file, for pretrained/weights.py.

    Args:
        stages: as above.
    Returns:
        Two dictionaries {name: shape}: one with the names of the PyTorch port and one with ours.
    """
    theirs, ours = {}, shapes(stages)
    for name, (convolution, norm) in _sources(stages).items():
        *sides, C, O = (1, 1, *ours[name]) if ours[name][2:] == () else ours[name]
        if name.endswith("W_d"):
            sides, C = [C, *sides], 1
        theirs[f"{convolution}.weight"] = (O, C, *sides)
        theirs |= {f"{norm}.{part}": (O,) for part in NORM}
    return theirs, ours


def adopt(tensors: dict[str, np.ndarray], stages: tuple, preprocessing: str = "lite") -> dict[str, np.ndarray]:
    """Convert the tensors of a weight file to parameters.

    Filters (O, C, P, Q) become (P, Q, C, O). The batch normalization after them is folded in. The filters of the stem
    are scaled to read pixels from -1 to 1.

    Args:
        tensors: {name: array}, with one of the two sets of names of `namings`.
        stages: as above.
        preprocessing: must be "lite".
    Returns:
        Arrays by name.
    Raises:
        InputError: the preprocessing is not "lite".
    """
    if "stem.W" in tensors:
        return tensors
    if preprocessing != "lite":
        raise InputError(f"{preprocessing}: no such preprocessing; this net has lite.")
    params, ours = {}, shapes(stages)
    for name, (convolution, norm) in _sources(stages).items():
        gamma, beta, mean, var = (tensors[f"{norm}.{part}"].astype(np.float64) for part in NORM)
        # gamma (W x - mean) / sqrt(var + epsilon) + beta = (scale W) x + beta - mean scale
        scale = gamma / np.sqrt(var + EPSILON)
        W, b = tensors[f"{convolution}.weight"].transpose(2, 3, 1, 0) * scale, beta - mean * scale
        if name == "stem.W":
            # W (pixel - GREY) / STD = (W / STD) pixel - GREY sum(W / STD)
            W = W / STD
            b = b - GREY * W.sum(axis=(0, 1, 2))
        params[name] = np.ascontiguousarray(W.reshape(ours[name]), np.float32)
        params[name.replace("W", "b")] = b.astype(np.float32)
    return params


def parts(stages: tuple, start: int = 0, stop: int | None = None) -> dict[str, Block | None]:
    """List the parts of some stages.

    Args:
        stages: as above.
        start: the first stage; the stem is stage 0.
        stop: the first stage that does not count; None counts all.
    Returns:
        {name: Block}; None for the stem and the head. block<s>_<k> is block k of stage s of the bottlenecks.
    """
    (C,), *others = stages
    stage_parts = [{"stem": None}]
    for s, stage in enumerate(others, 1):
        if len(stage) == 1:
            stage_parts.append({"head": None})
            continue
        count, P, stride, times, O = stage
        stage_parts.append({})
        for k in range(count):
            stage_parts[s][f"block{s}_{k + 1}"] = Block(P, 1 if k else stride, C, times * C, O)
            C = O
    return {name: block for blocks in stage_parts[start:stop] for name, block in blocks.items()}


def shapes(stages: tuple, start: int = 0, stop: int | None = None) -> dict[str, tuple]:
    """Return {name: shape} of the parameters of some stages.

    Args:
        stages, start, stop: as in parts.
    """
    shapes_by_name, C, names = {}, 3, parts(stages, start, stop)
    for name, block in parts(stages).items():
        if block:
            P, _, C, E, O = block
            part_shapes = [(C, E) if E != C else None, (E,) if E != C else None, (P, P, E), (E,), (E, O), (O,)]
        else:
            O = stages[0 if name == "stem" else -1][0]
            part_shapes = [(SIDE, SIDE, C, O) if name == "stem" else (C, O), (O,)]
        if name in names:
            pairs = zip(_weight_names(name), part_shapes, strict=True)
            shapes_by_name |= {weight: shape for weight, shape in pairs if shape}
        C = O
    return shapes_by_name


@lru_cache
def _weight_names(part):
    endings = ("W", "b") if part in ("stem", "head") else ("W_e", "b_e", "W_d", "b_d", "W_p", "b_p")
    return tuple(f"{part}.{ending}" for ending in endings)


def _weights(params, part):
    """Return all parameters of a part, with None for those that it does not have."""
    return [params.get(name) for name in _weight_names(part)]


def _sources(stages):
    """Return {our name: (convolution, batch normalization)} with the names of the PyTorch port."""
    sources, k = {}, 0
    for part, block in parts(stages).items():
        if part == "stem":
            sources["stem.W"] = "_conv_stem", "_bn0"
        elif part == "head":
            whole = len(stages) == 1 + len(_BLOCKS[0]) + 1
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
    """Compute dW and db. Images need no gradient."""
    return conv.conv_parameter_gradients(activations.relu6_backward(dy, cache.relu), cache.conv)


def _framed(images):
    """Pad images with GREY for the stem's filters."""
    rows, columns = (depthwise.same_padding(side, SIDE, STRIDE) for side in images.shape[1:3])
    return frame.frame(images, rows, columns, GREY)


def _annotations(x):
    """Reshape cells from (N, H, W, C) to annotation vectors (N, H W, C)."""
    N, H, W, C = x.shape
    return x.reshape(N, H * W, C)
