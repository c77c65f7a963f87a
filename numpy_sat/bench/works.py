"""The works that are measured: sizes, rungs, and the number of operations of the definition."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

from numpy_sat.data import catalog
from numpy_sat.encoders import convnet, lite
from numpy_sat.experiment.presets import PRESETS
from numpy_sat.experiment.recipe import Recipe

GROUPS = ("conv", "depthwise", "net", "lite0", "attention", "decoder", "step", "transformer", "elementwise", "size")
MODELS = ("net", "lite0", "decoder", "step", "transformer")  # of these, bytes and time outside of kernels are shown
BLAS_RUNGS = ("im2col + BLAS", "shifted products")
LADDER = ("nested loops", "numba loops", *BLAS_RUNGS, "plain numba", "SIMD direct", "Winograd F2", "Winograd F4")
LAYERS = ((224, 3, 64), (224, 64, 64), (112, 64, 128), (56, 128, 256), (28, 256, 512), (14, 512, 512))  # H, C, O
DEPTHWISE = (  # H, C, P, stride: the different ones in EfficientNet-Lite0
    *((112, 32, 3, 1), (112, 96, 3, 2), (56, 144, 3, 1), (56, 144, 5, 2), (28, 240, 5, 1), (28, 240, 3, 2)),
    *((14, 480, 3, 1), (14, 672, 5, 1), (14, 672, 5, 2), (7, 1152, 5, 1), (7, 1152, 3, 1)),
)
VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
NETS = {  # N, H, stages, True if the last stage is pooled too
    "VGG-16 batch 8": (8, 224, VGG, True),
    "VGG-16 batch 1": (1, 224, VGG, True),
    "32-256@112": (32, 112, ((32,), (64,), (128,), (256,)), False),
}
ATTENTION = {"196 locations": (64, 1, 196, 512, 512), "64 locations": (16, 3, 64, 64, 80)}  # N, captions, L, A, D
TANH = 15  # instructions of the kernels' tanh
CAPTIONS = dict(N=32, L=49, D=128, M=128, S=256, A=128, V=2500, T=12)  # sizes of the decoder in group "size"
VARIED = {"L": (16, 49, 196, 784), "T": (5, 10, 20, 40), "V": (50, 500, 2500, 10_000), "N": (1, 4, 16, 64)}
SIDES = (32, 64, 112, 224)  # sides of the images in group "size"
ELEMENTWISE = (  # name, pass, rung, shape, number of arrays of this size that are read and written
    *((name, "forward", "kernel", [8_000_000], 2) for name in ("tanh", "sigmoid")),
    ("max-pool", "forward", "numpy_sat", [8, 112, 112, 64], 1.25),
    ("max-pool", "backward", "numpy_sat", [8, 112, 112, 64], 1.25),
    ("bias + relu", "forward", "numpy", [8, 112, 112, 64], 2),
    ("bias + relu", "backward", "kernel", [8, 112, 112, 64], 3),
    ("Adam", "update", "numpy_sat", [10_000_000], 7),
)


class Work(NamedTuple):
    """A pass of a layer or model that is measured."""

    group: str
    name: str
    pass_: str
    rungs: list
    sizes: dict  # arguments of the function in inputs.py, in JSON's types
    flops: float | None  # products and sums of the direct definition, the same for every algorithm
    bytes: float | None = None  # every argument and result once; None: bench counts those of all kernels (traffic.py)
    items: int = 1  # captions or images


def all_works() -> Iterator[Work]:
    """Yield every Work, group by group."""
    passes = ("forward", "input gradient", "weight gradient")
    yield from (conv_work(pass_, 8, *layer) for layer in LAYERS for pass_ in passes)
    for layer in DEPTHWISE:
        yield from (depthwise_work(pass_, 8, *layer) for pass_ in ("forward", "backward"))
    for name, sizes in NETS.items():
        yield from (net_work(name, pass_, *sizes) for pass_ in ("forward", "forward + backward"))
    yield from (lite0_work(f"batch {N}", N, 224, lite.STAGES["7x7x1280"]) for N in (8, 1))
    for name, sizes in ATTENTION.items():
        yield from (attention_work(name, pass_, *sizes) for pass_ in ("forward", "forward + backward"))
    yield decoder_work(N=64, L=196, D=512, M=512, S=512, A=512, V=2500, T=20)
    for (data, small), recipe in PRESETS.items():
        if catalog.DATASETS[data].TASK != "captioning":
            continue  # a measured step begins with images
        yield step_work(
            data + " small" * small, recipe, V=50 if data == "scenes" else 2500, T=recipe.decoding.max_words
        )
    recipe = PRESETS["flickr8k", False]
    larger = recipe.replace(image_size=112, stages=((32,), (64,), (128,), (256,)), batch_size=32, captions_per_image=5)
    yield step_work("flickr8k 14x14", larger, V=2500, T=20)
    recipe = PRESETS["scenes", True].replace(model="transformer", heads=4)
    yield transformer_work("scenes small", recipe.replace(hidden_size=128, layers=2), L=64, D=130, V=50, T=20)
    recipe = recipe.replace(hidden_size=384, layers=3, batch_size=32)
    yield transformer_work("photos, 7x7", recipe, L=49, D=1280, V=2500, T=20)
    for name, pass_, rung, shape, arrays in ELEMENTWISE:
        yield Work("elementwise", name, pass_, [rung], dict(shape=shape), None, 4 * arrays * math.prod(shape))
    yield from size_works()


def size_works() -> Iterator[Work]:
    """Yield the works of group "size": the decoder with one size varied at a time, and an encoder on larger images."""
    for name, values in VARIED.items():
        for value in values:
            sizes = CAPTIONS | {name: value}
            yield decoder_work(**sizes)._replace(group="size", name=f"{name} = {value}", items=sizes["N"])
    for side in SIDES:
        work = net_work(f"side = {side}", "forward + backward", 8, side, ((32,), (48,), (96,), (128,)), False)
        yield work._replace(group="size", items=8)


def conv_work(pass_: str, N: int, H: int, C: int, O: int) -> Work:
    """Return a 3x3 convolution of N images (H, H, C) to (H, H, O), with stride 1 and padding 1."""
    ladder = [rung for rung in LADDER if C % 16 == 0 or "Winograd" not in rung]
    rungs, numbers = ladder if pass_ == "forward" else ["kernel"], N * H * H * (C + O) + 9 * C * O
    return Work("conv", f"{C}-{O}@{H}", pass_, rungs, dict(N=N, H=H, C=C, O=O), _conv_flops(N, H, C, O), 4 * numbers)


def depthwise_work(pass_: str, N: int, H: int, C: int, P: int, stride: int) -> Work:
    """Return a depthwise convolution of N images (H, H, C) with P x P filters. Backward includes both gradients."""
    sides = -(-H // stride)
    flops, numbers = 2 * P * P * C * sides * sides * N, N * C * (H * H + sides * sides) + P * P * C
    sizes, passes = dict(N=N, H=H, C=C, P=P, stride=stride), 1 if pass_ == "forward" else 2
    name = f"{C}@{H}, {P}x{P}/{stride}"
    return Work("depthwise", name, pass_, ["numpy_sat"], sizes, passes * flops, 4 * passes * numbers)


def lite0_work(name: str, N: int, H: int, stages: Sequence) -> Work:
    """Return EfficientNet-Lite0 in inference mode on N images (H, H, 3). stages: as in encoders/lite.py."""
    return Work("lite0", name, "forward", ["numpy_sat"], dict(N=N, H=H, stages=stages), _lite0_flops(N, H, stages))


def net_work(name: str, pass_: str, N: int, H: int, stages: Sequence, pool_last: bool) -> Work:
    """Return a stack of convolutions with relu on N images (H, H, 3). stages: as in encoders/convnet.py."""
    sizes = dict(N=N, H=H, blocks=_blocks(stages, pool_last))
    return Work("net", name, pass_, ["numpy_sat"], sizes, _net_flops(**sizes, backward=pass_ != "forward"))


def decoder_work(**sizes: int) -> Work:
    """Return decoder and loss, forward and backward, with one caption for each of N images."""
    return Work("decoder", "soft attention", "forward + backward", ["numpy_sat"], sizes, _decoder_flops(1, **sizes))


def attention_work(name: str, pass_: str, N: int, captions: int, L: int, A: int, D: int) -> Work:
    """Return the soft attention of one word of N images with `captions` captions each: scores, softmax and context.

    Each instruction of a tanh counts as a multiply-add, two operations, because it takes its place.
    """
    B, backward = N * captions, pass_ != "forward"
    instructions = B * L * (A * (TANH + 2) + D)
    numbers = N * L * (A + D) + B * (A + D + L)
    if backward:  # the gradients of keys, query, v and a
        instructions += B * L * (A * (TANH + 7) + 2 * D)
        numbers += N * L * (3 * A + 2 * D) + B * (2 * A + D + 2 * L)
    sizes = dict(N=N, captions=captions, L=L, A=A, D=D)
    return Work("attention", name, pass_, ["kernel"], sizes, 2 * instructions, 4 * numbers)


def step_work(name: str, recipe: Recipe, V: int, T: int) -> Work:
    """Return a whole training step of a recipe: loss, gradients, clipping and Adam. flops does not count Adam."""
    encoder, decoder, N = recipe.encoder, recipe.decoder, recipe.training.batch_size
    grid, D = encoder.image_size // 2 ** (len(encoder.stages) - 1), convnet.size(encoder.stages)
    M, S, A = decoder.embedding_size, decoder.hidden_size, decoder.attention_size
    flops = _net_flops(N, encoder.image_size, _blocks(encoder.stages, pool_last=False), backward=True)
    flops += _decoder_flops(recipe.training.captions_per_image, N, grid * grid, D, M, S, A, V, T)
    return Work("step", name, "train", ["numpy_sat"], dict(recipe=asdict(recipe), V=V, T=T), flops)


def transformer_work(name: str, recipe: Recipe, L: int, D: int, V: int, T: int) -> Work:
    """Return a training step of the Transformer on annotations (N, L, D): loss, gradients, clipping and Adam."""
    N, each, S = recipe.training.batch_size, recipe.training.captions_per_image, recipe.decoder.hidden_size
    sizes, P = dict(recipe=asdict(recipe), L=L, D=D, V=V, T=T), L + each * T
    # a block: four projections, the two products of the attention, and a feed-forward network of 4 S units
    products = recipe.decoder.layers * P * (12 * S * S + 2 * P * S) + L * D * S + each * T * S * V
    return Work("transformer", name, "train", ["numpy_sat"], sizes, 3 * 2 * N * products)


def _blocks(stages, pool_last):
    """Return [(channels, pooled), ...] of every convolution."""
    return [
        (O, k == len(stage) and (pool_last or stage is not stages[-1]))
        for stage in stages
        for k, O in enumerate(stage, 1)
    ]


def _conv_flops(N, H, C, O):
    """Count the operations of a 3x3 convolution of N images."""
    return 2 * 9 * C * O * H * H * N


def _net_flops(N, H, blocks, backward):
    """Count the operations of a stack of convolutions.

    Backward, each convolution is computed twice. The first one is computed once, because images need no gradient.
    """
    flops, C = [], 3
    for O, pooled in blocks:
        flops.append(_conv_flops(N, H, C, O))
        H, C = H // 2 if pooled else H, O
    return 3 * sum(flops) - flops[0] if backward else sum(flops)


def _lite0_flops(N, H, stages):
    """Count the operations of the convolutions of EfficientNet-Lite0."""
    shapes, flops = lite.shapes(stages), 0
    for name, block in lite.parts(stages).items():
        strides = {"stem.W": lite.STRIDE} | ({f"{name}.W_d": block.stride} if block else {})
        for weight, shape in shapes.items():
            if weight.startswith(f"{name}.W"):
                H = -(-H // strides.get(weight, 1))
                flops += 2 * N * H * H * math.prod(shape)
    return flops


def _decoder_flops(captions, N, L, D, M, S, A, V, T):
    """Count the matrix products and weighted sums of N images with `captions` captions each, forward and backward.

    The backward pass has twice the operations of the forward pass.
    """
    image = L * D * A + 2 * D * S
    word = S * A + L * A + L * D + S + (M + D + S) * 4 * S + (S + D) * M + M * V
    return 3 * 2 * N * (image + captions * T * word)
