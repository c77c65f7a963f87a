"""The works as numpy_sat computes them, each rung with its error against float64."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from numpy_sat import captioner
from numpy_sat.bench import inputs, limits, traffic, workers
from numpy_sat.bench.rungs import RUNGS, cut
from numpy_sat.bench.workers import Timed
from numpy_sat.bench.works import Work
from numpy_sat.data.batches import Batch
from numpy_sat.decoders import MODELS, attend_tell
from numpy_sat.decoders.attentions import soft
from numpy_sat.decoders.fast import choose, recurrence
from numpy_sat.encoders import lite
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.kernels import attention as attention_kernel
from numpy_sat.kernels import conv as conv_kernel
from numpy_sat.kernels import elementwise
from numpy_sat.layers import attention, block, conv, depthwise, losses, pool
from numpy_sat.loss import Loss
from numpy_sat.system.workspace import Workspace, current
from numpy_sat.training import optimizers


def main() -> None:
    """Run a worker process."""
    questions = {"bytes": traffic.count, "outside": traffic.outside}
    workers.serve(prepare, questions, limits=limits.limits, about=limits.about)


def prepare(work: Work, rungs: Sequence[str]) -> dict[str, Timed]:
    """Return {rung: Timed} of a Work."""
    prepare_group = {"conv": _conv, "depthwise": _depthwise, "net": _net, "lite0": _lite0, "decoder": _decoder}
    prepare_group |= {"step": _step, "elementwise": _elementwise, "transformer": _transformer, "attention": _attention}
    group = ("decoder" if "V" in work.sizes else "net") if work.group == "size" else work.group
    return {rung: prepare_group[group](work, rung) for rung in rungs}


def _attention(work, _):
    """Return the Timed of soft attention. The error is that of the context, or of the keys' gradient."""
    keys, query, v, a, dz, dalpha = inputs.attention(**work.sizes)
    backward = work.pass_ != "forward"

    def check(result):
        """Compare the first image with the layer, for a query in the place of h W_h."""
        captions = work.sizes["captions"]
        part = _float64(a[:1], keys[:1], query[:captions], np.eye(len(v)), v)
        z, _, cache = attention.attend_forward(*part)
        expected = attention.attend_backward(*_float64(dz[:captions], dalpha[:captions]), cache)[1] if backward else z
        return _error(result[: len(expected)], expected)

    return Timed(_reusing(lambda: attention_gradients(keys, query, v, a, dz, dalpha, backward)), check)


def attention_gradients(
    keys: np.ndarray,
    query: np.ndarray,
    v: np.ndarray,
    a: np.ndarray,
    dz: np.ndarray,
    dalpha: np.ndarray,
    backward: bool,
) -> np.ndarray:
    """Compute the contexts of one word, or the gradients of keys, query, v and a; return z, or the first of these."""
    empty = current().empty
    z, alpha = empty(dz.shape), empty(dalpha.shape)
    exp_keys = empty(keys.shape)
    exp_keys[:] = keys
    attention_kernel.exponentials(exp_keys)
    attention_kernel.attend(exp_keys, query, v, a, z, alpha)
    if not backward:
        return z
    dkeys, dv, dquery = empty(keys.shape), empty((len(keys), len(v))), empty(query.shape)
    attention_kernel.attend_backward(dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery)
    attention_kernel.annotation_gradient(alpha[None], dz[None], np.zeros((len(keys), dz.shape[1]), np.float32))
    return dkeys


def _conv(work, rung):
    """Return the Timed of a convolution.

    The errors of the result and of the input's gradient are measured on the first image. The other images have similar
    ones.
    """
    x, W, b, dy = inputs.conv(**work.sizes)
    if work.pass_ == "forward":
        part = cut(x, W, b) if rung == "nested loops" else (x, W, b)
        call = _reusing(lambda: RUNGS[rung](*part))
        first = part[0][:1], *part[1:]
        scale = x[..., 0].size * W.size / (part[0][..., 0].size * part[1].size)
        return Timed(call, lambda y: _error(y[:1], conv.conv_forward(*_float64(*first), 1, 1)[0]), scale)
    if work.pass_ == "input gradient":
        call = _reusing(lambda: conv_kernel.input_gradient(dy, W, x.shape, 1, 1))
        return Timed(call, lambda dx: _error(dx[:1], conv.conv_input_gradient(*_backward64(x[:1], W, dy[:1]))))
    call = _reusing(lambda: conv_kernel.weight_gradient(x, dy, W.shape, 1, 1))
    pairs = zip(x[:, None], dy[:, None], strict=True)  # one image at a time: all in float64 would take gigabytes
    gradients = (conv.conv_parameter_gradients(*_backward64(image, W, dy_image))[0] for image, dy_image in pairs)
    return Timed(call, lambda dW: _error(dW, sum(gradients)))


def _backward64(x, W, dy):
    """Return the arguments of a convolution's gradients in float64, which the plain definition computes."""
    x, W, dy = _float64(x, W, dy)
    return dy, conv.ConvCache(x, W, 1, 1)


def _depthwise(work, _):
    """Return the Timed of a depthwise convolution. The error of the backward pass is that of the input's gradient."""
    x, W, b, dy = inputs.depthwise(**work.sizes)
    stride = work.sizes["stride"]
    if work.pass_ == "forward":
        call = _reusing(lambda: depthwise.depthwise_forward(x, W, b, stride)[0])
        return Timed(call, lambda y: _error(y, depthwise.depthwise_forward(*_float64(x, W, b), stride)[0]))
    cache, cache64 = (depthwise.DepthwiseCache(*arrays, stride) for arrays in ((x, W), _float64(x, W)))
    call = _reusing(lambda: depthwise.depthwise_backward(dy, cache))
    return Timed(call, lambda grads: _error(grads[0], depthwise.depthwise_backward(*_float64(dy), cache64)[0]))


def _lite0(work, _):
    """Return the Timed of EfficientNet-Lite0."""
    params, images = inputs.lite0(**work.sizes)
    stages = work.sizes["stages"]

    def check(a):
        params64 = {name: array.astype(np.float64) for name, array in params.items()}
        return _error(a[:1], lite.encode(params64, *_float64(images[:1]), stages))

    return Timed(_reusing(lambda: lite.encode(params, images, stages)), check)


def _net(work, _):
    """Return the Timed of a stack of convolutions."""
    x, layers, dy = inputs.net(**work.sizes)
    if work.pass_ != "forward":
        return Timed(_reusing(lambda: net_gradients(x, layers, dy)))

    def check(y):
        layers64 = [(*_float64(W, b), pooled) for W, b, pooled in layers]
        return _error(y[:1], net_forward(*_float64(x[:1]), layers64)[0])

    return Timed(_reusing(lambda: net_forward(x, layers)[0]), check)


def net_forward(x: np.ndarray, layers: list[tuple]) -> tuple[np.ndarray, list]:
    """Compute a stack of blocks.

    Args:
        x: (N, H, H, 3) images.
        layers: [(W, b, pooled), ...].
    Returns:
        y: the result.
        caches: one for each block.
    """
    caches = []
    for layer in layers:
        x, cache = block.block_forward(x, *layer)
        caches.append(cache)
    return x, caches


def net_gradients(x: np.ndarray, layers: list[tuple], dy: np.ndarray) -> list[list[np.ndarray]]:
    """Compute a stack of blocks forward and backward; return [(dW, db), ...] of all blocks."""
    _, (first_cache, *caches) = net_forward(x, layers)
    grads = []
    for cache in reversed(caches):
        dy, *block_grads = block.block_backward(dy, cache)
        grads.append(block_grads)
    return [block.block_parameter_gradients(dy, first_cache), *reversed(grads)]


def _decoder(work, _):
    """Return the Timed of decoder and loss."""
    params, a, words, targets = inputs.decoder(**work.sizes)

    def check(result):
        """Return the error of da of the first two images. It is scaled, because the loss is a mean over captions."""
        params64 = {name: array.astype(np.float64) for name, array in params.items()}
        da, _ = decoder_gradients(params64, *_float64(a[:2]), words[:, :2], targets[:, :2])
        return _error(result[0][:2], da * len(da) / len(a))

    return Timed(_reusing(lambda: decoder_gradients(params, a, words, targets)), check)


def decoder_gradients(
    params: dict[str, np.ndarray], a: np.ndarray, words: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Compute the gradients of decoder and loss as captioner.loss_and_grads does.

    Args:
        params: the decoder's parameters.
        a: (N, L, D) annotation vectors.
        words, targets: (T, B).
    Returns:
        da: (N, L, D).
        grads: {name: gradient} of the parameters.
    """
    decoder, parts = choose(a, attend_tell, recurrence), attend_tell.Parts(soft)
    mask = np.ones(words.shape, a.dtype)
    mask_h = np.ones((*words.shape, len(params["W_hh"])), a.dtype)
    logits, alpha, cache = decoder.decode_forward(params, a, words, mask_h, parts)
    _, cache_loss = losses.cross_entropy_forward(logits, targets, mask)
    _, cache_penalty = losses.doubly_stochastic_forward(alpha, mask)
    dlogits = losses.cross_entropy_backward(1.0, cache_loss)
    dalpha = losses.doubly_stochastic_backward(1.0, cache_penalty)
    return decoder.decode_backward(dlogits, dalpha, cache)


def _step(work, _):
    """Return the Timed of a training step."""
    recipe, params, batch = inputs.step(**work.sizes)
    state, rng = {}, np.random.default_rng(0)
    return Timed(_reusing(lambda: train_step(recipe, params, batch, state, rng)))


def train_step(
    recipe: Recipe, params: dict[str, np.ndarray], batch: Batch, state: dict, rng: np.random.Generator
) -> Loss:
    """Update the whole model once, in place. Returns the Loss before the update."""
    loss, grads = captioner.loss_and_grads(params, batch, recipe, rng)
    optimizers.clip_by_norm(grads, recipe.training.clip_norm)
    optimizers.adam_update(params, grads, state, recipe.training.learning_rate)
    return loss


def _transformer(work, _):
    """Return the Timed of a training step of the model "transformer" on given annotations."""
    recipe, params, a, batch = inputs.transformer(**work.sizes)
    state, rng = {}, np.random.default_rng(0)
    return Timed(_reusing(lambda: transformer_step(recipe, params, a, batch, state, rng)))


def transformer_step(
    recipe: Recipe, params: dict[str, np.ndarray], a: np.ndarray, batch: Batch, state: dict, rng: np.random.Generator
) -> Loss:
    """Update the decoder once, in place. Returns the Loss before the update."""
    loss, _, grads = MODELS["transformer"].loss_and_grads(params, a, batch, recipe, rng)
    optimizers.clip_by_norm(grads, recipe.training.clip_norm)
    optimizers.adam_update(params, grads, state, recipe.training.learning_rate)
    return loss


def _elementwise(work, _):
    """Return the Timed of an elementwise pass."""
    shape = work.sizes["shape"]
    x, dx, b, state = inputs.normal(*shape), inputs.normal(*shape, seed=1), inputs.normal(shape[-1], seed=2), {}
    if work.name == "max-pool":
        y, cache = pool.max_pool_forward(x, 2, 2)
    calls = {
        ("tanh", "forward"): lambda: elementwise.tanh(x),
        ("sigmoid", "forward"): lambda: elementwise.sigmoid(x),
        ("max-pool", "forward"): lambda: pool.max_pool_forward(x, 2, 2),
        ("max-pool", "backward"): lambda: pool.max_pool_backward(y, cache),
        ("bias + relu", "forward"): lambda: np.maximum(x + b, 0),
        ("bias + relu", "backward"): lambda: elementwise.relu_backward(dx, x),
        ("Adam", "update"): lambda: optimizers.adam_update({"x": x}, {"x": dx}, state, 1e-3),
    }
    definitions = {"tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
    check = None
    if work.name in definitions:
        expected = definitions[work.name](x.astype(np.float64))
        check = partial(_error, expected=expected)
    return Timed(_reusing(calls[work.name, work.pass_]), check)


def _reusing(function):
    """Return a function that calls `function` in a step of one workspace, so that all calls use the same memory."""
    workspace = Workspace()

    def call():
        with workspace.step():
            return function()

    return call


def _float64(*arrays):
    """Return the arrays in double precision, for which the layers run their plain definition."""
    return [array.astype(np.float64) for array in arrays]


def _error(result, expected):
    """Return the largest error relative to the largest value."""
    return float(np.abs(result - expected).max() / np.abs(expected).max())
