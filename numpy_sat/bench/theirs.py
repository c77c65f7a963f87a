"""The same works in PyTorch's eager mode, with its fastest memory layout and optimizer."""

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np
import torch
from torch.nn import functional as F

from numpy_sat.bench import inputs, their_transformer, workers
from numpy_sat.bench.workers import Timed
from numpy_sat.bench.works import Work
from numpy_sat.encoders import convnet, lite
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system import machine

LAYOUTS = torch.channels_last, torch.contiguous_format


def main() -> None:
    """Run a worker process."""
    torch.set_num_threads(machine.THREADS)
    workers.serve(prepare)


def prepare(work: Work, _) -> dict[str, Timed]:
    """Return {"torch": Timed} of a Work: the fastest of its candidates."""
    candidates_of_group = {"conv": _conv, "depthwise": _depthwise, "net": _net, "lite0": _lite0, "decoder": _decoder}
    candidates_of_group |= {"step": _step, "elementwise": _elementwise, "transformer": their_transformer.candidates}
    candidates_of_group |= {"attention": _attention, "size": _decoder if "V" in work.sizes else _net}
    best, best_ms = None, float("inf")
    for candidate in candidates_of_group[work.group](work):
        candidate()
        ms = min(workers.milliseconds(candidate) for _ in range(3))
        if ms < best_ms:
            best, best_ms = candidate, ms
    return {"torch": Timed(best)}


def _conv(work):
    """Yield a convolution, or one of its gradients, in every memory layout."""
    arrays = inputs.conv(**work.sizes)
    b = tensor(arrays[2])
    for layout in LAYOUTS:
        x, W, dy = image_tensor(arrays[0], layout), filters(arrays[1], layout), image_tensor(arrays[3], layout)
        gradients = [work.pass_ == "input gradient", work.pass_ == "weight gradient", False]
        geometry = [len(b)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1
        backward = partial(torch.ops.aten.convolution_backward, dy, x, W, *geometry, gradients)
        yield partial(F.conv2d, x, W, b, padding=1) if work.pass_ == "forward" else backward


def _depthwise(work):
    """Yield a depthwise convolution, or its gradients, in every memory layout."""
    x, W, b, dy = inputs.depthwise(**work.sizes)
    P, C, stride = len(W), len(b), work.sizes["stride"]
    for layout in LAYOUTS:
        tensors = image_tensor(x, layout), filters(W[:, :, None], layout)
        if work.pass_ == "forward":
            yield partial(same_conv, *tensors, tensor(b), stride, C)
            continue
        padded, padding = same(tensors[0], P, stride)
        geometry = [C], [stride, stride], [padding, padding], [1, 1], False, [0, 0], C, [True, True, True]
        yield partial(torch.ops.aten.convolution_backward, image_tensor(dy, layout), padded, tensors[1], *geometry)


def same(x: torch.Tensor, P: int, stride: int, value: float = 0.0) -> tuple[torch.Tensor, int]:
    """Pad x as TensorFlow's "SAME" does, if torch's convolution cannot do it.

    Args:
        x: (N, C, H, W) images.
        P, stride: of the convolution.
        value: the value of the padding.
    Returns:
        x: padded if necessary.
        padding: the padding that the convolution must add.
    """
    padding_sizes = [max((-(-side // stride) - 1) * stride + P - side, 0) for side in x.shape[2:]]
    if padding_sizes[0] == padding_sizes[1] and padding_sizes[0] % 2 == 0 and value == 0:
        return x, padding_sizes[0] // 2
    vertical, horizontal = ((total // 2, total - total // 2) for total in padding_sizes)
    return F.pad(x, (*horizontal, *vertical), value=value), 0


def same_conv(
    x: torch.Tensor, W: torch.Tensor, b: torch.Tensor, stride: int = 1, groups: int = 1, value: float = 0.0
) -> torch.Tensor:
    """Compute a convolution with "SAME" padding."""
    x, padding = same(x, W.shape[2], stride, value)
    return F.conv2d(x, W, b, stride, padding, groups=groups)


def _lite0(work):
    """Yield EfficientNet-Lite0 in every memory layout."""
    params, images = inputs.lite0(**work.sizes)
    new_axes = {2: (None, None), 3: (slice(None), slice(None), None)}  # to make matrices and depthwise filters 4-D
    for layout in LAYOUTS:
        tensors = {
            name: tensor(array) if array.ndim == 1 else filters(array[new_axes.get(array.ndim, ...)], layout)
            for name, array in params.items()
        }
        yield partial(torch.no_grad()(lite0_forward), tensors, image_tensor(images, layout), work.sizes["stages"])


def lite0_forward(params: dict[str, torch.Tensor], x: torch.Tensor, stages: Sequence) -> torch.Tensor:
    """Compute encoders/lite.py in inference mode: images (N, 3, H, W) to annotations (N, D, H', W')."""
    for name, block in lite.parts(stages).items():
        if block is None:
            stride, value = (lite.STRIDE, lite.GREY) if name == "stem" else (1, 0.0)
            x = F.relu6(same_conv(x, params[f"{name}.W"], params[f"{name}.b"], stride, value=value), inplace=True)
            continue
        h = x
        if block.E != block.C:
            h = F.relu6(F.conv2d(h, params[f"{name}.W_e"], params[f"{name}.b_e"]), inplace=True)
        h = same_conv(h, params[f"{name}.W_d"], params[f"{name}.b_d"], block.stride, block.E)
        h = F.conv2d(F.relu6(h, inplace=True), params[f"{name}.W_p"], params[f"{name}.b_p"])
        x = x + h if block.stride == 1 and block.C == block.O else h
    return x


def _net(work):
    """Yield a stack of convolutions in every memory layout."""
    x, layers, dy = inputs.net(**work.sizes)
    for layout in LAYOUTS:
        tensors = [(filters(W, layout).requires_grad_(), tensor(b).requires_grad_(), pooled) for W, b, pooled in layers]
        forward, backward = torch.no_grad()(net_forward), partial(net_gradients, image_tensor(dy, layout))
        yield partial(forward if work.pass_ == "forward" else backward, image_tensor(x, layout), tensors)


def net_forward(x: torch.Tensor, layers: list[tuple]) -> torch.Tensor:
    """Compute a stack of convolutions with relu. layers: [(W, b, pooled), ...]."""
    for W, b, pooled in layers:
        x = F.relu(F.conv2d(x, W, b, padding=1))
        x = F.max_pool2d(x, 2, 2) if pooled else x
    return x


def net_gradients(dy: torch.Tensor, x: torch.Tensor, layers: list[tuple]) -> tuple[torch.Tensor, ...]:
    """Compute a stack of convolutions forward and backward; return dW, db, dW, db, ... of all convolutions."""
    return torch.autograd.grad(net_forward(x, layers), [array for W, b, _ in layers for array in (W, b)], dy)


def _attention(work):
    """Yield soft attention of one word."""
    keys, query, v, a, dz, dalpha = (tensor(array) for array in inputs.attention(**work.sizes))
    leaves = [array.clone().requires_grad_() for array in (keys, query, v, a)]
    if work.pass_ == "forward":
        yield partial(torch.no_grad()(attend), keys, query, v, a)
    else:
        yield lambda: torch.autograd.grad(attend(*leaves), leaves, (dz, dalpha))


def attend(
    keys: torch.Tensor, query: torch.Tensor, v: torch.Tensor, a: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute contexts z: (B, D) and attention weights: (B, L), as kernels/attention.py does."""
    query = query.view(len(keys), -1, 1, keys.shape[2])
    scores = torch.tanh(keys[:, None] + query) @ v
    alpha = torch.softmax(scores, 2)
    return (alpha @ a).flatten(0, 1), alpha.flatten(0, 1)


def _decoder(work):
    """Yield decoder and loss, forward and backward."""
    params, a, words, targets = inputs.decoder(**work.sizes)
    yield partial(decoder_gradients, parameters(params), tensor(a).requires_grad_(), tensor(words), tensor(targets))


def decoder_gradients(
    params: dict[str, torch.Tensor], a: torch.Tensor, words: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Compute decoder and loss forward and backward; return da and the gradients of the parameters."""
    loss = loss_of(*decode(params, a, words), targets, torch.ones(words.shape))
    return torch.autograd.grad(loss, [a, *params.values()])


def decode(
    p: dict[str, torch.Tensor], a: torch.Tensor, words: torch.Tensor, dropout: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute decode_forward of decoders/attend_tell.py.

    Args:
        p: the decoder's parameters.
        a: (N, L, D) annotation vectors.
        words: (T, B).
        dropout: probability of dropout on h.
    Returns:
        logits: (T, B, V).
        alpha: (T, B, L).
    """
    N, B, S = len(a), words.shape[1], len(p["W_hh"])
    abar, keys = a.mean(1), (a @ p["W_a"] + p["b_a"])[:, None]
    h, c = (torch.tanh(torch.addmm(p[f"b_{s}0"], abar, p[f"W_{s}0"])).repeat_interleave(B // N, 0) for s in "hc")
    Ey, hs, zs, alphas = F.embedding(words, p["E"]), [], [], []
    for Ey_t in Ey:
        query = (h @ p["W_h"]).view(N, B // N, 1, -1)
        alpha = torch.softmax(torch.tanh(keys + query) @ p["v"], -1)  # (N, B / N, L)
        z = torch.sigmoid(h @ p["w_beta"] + p["b_beta"])[:, None] * (alpha @ a).view(B, -1)
        gates = torch.addmm(p["b"], torch.cat([Ey_t, z], 1), p["W_x"]) + h @ p["W_hh"]
        i, f, o = torch.sigmoid(gates[:, : 3 * S]).chunk(3, 1)
        c = f * c + i * torch.tanh(gates[:, 3 * S :])
        h = o * torch.tanh(c)
        hs, zs, alphas = [*hs, h], [*zs, z], [*alphas, alpha.view(B, -1)]
    h = F.dropout(torch.stack(hs), dropout)
    logits = (Ey + h @ p["L_h"] + torch.stack(zs) @ p["L_z"]) @ p["L_o"] + p["b_o"]
    return logits, torch.stack(alphas)


def loss_of(
    logits: torch.Tensor,
    alpha: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor,
    label_smoothing: float = 0.0,
    attention_penalty: float = 1.0,
) -> torch.Tensor:
    """Compute the loss of equation 14, a mean over captions: cross-entropy plus the attention penalty."""
    word = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=label_smoothing)
    unattended = 1 - (alpha * mask[..., None]).sum(0)
    return ((word * mask.flatten()).sum() + attention_penalty * (unattended * unattended).sum()) / targets.shape[1]


def _step(work):
    """Yield a training step in every memory layout, with and without fused Adam."""
    recipe, params, batch = inputs.step(**work.sizes)
    for layout, fused in product(LAYOUTS, (True, False)):
        tensors = parameters(params, layout)
        optimizer = torch.optim.Adam(tensors.values(), recipe.training.learning_rate, fused=fused)
        images, others = image_tensor(batch.inputs, layout), map(tensor, batch[1:4])
        yield partial(train_step, recipe, tensors, optimizer, images, *others)


def train_step(
    recipe: Recipe,
    params: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    words: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Update the whole model once, in place. Returns the loss before the update."""
    a = annotate(params, images, recipe.encoder.stages)
    a = a * F.dropout(torch.ones(len(a), 1, a.shape[2]), recipe.encoder.annotation_dropout)
    logits, alpha = decode(params, a, words, recipe.decoder.dropout)
    loss = loss_of(logits, alpha, targets, mask, recipe.loss.label_smoothing, recipe.loss.attention_penalty)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params.values(), recipe.training.clip_norm)
    optimizer.step()
    return loss


def annotate(params: dict[str, torch.Tensor], images: torch.Tensor, stages: Sequence) -> torch.Tensor:
    """Compute encoders/convnet.py: images (N, 3, H, W) to annotations (N, L, D)."""
    x = images
    for name, _, pooled in convnet.layers(stages):
        gamma, beta = params.get(f"{name}.gamma"), params.get(f"{name}.beta")
        x = F.conv2d(x, params[f"{name}.W"], params.get(f"{name}.b"), padding=1)
        x = F.max_pool2d(x, 2, 2) if pooled else x
        x = F.relu(x if gamma is None else F.batch_norm(x, None, None, gamma, beta, training=True))
    rows, columns = (torch.linspace(-convnet.REACH, convnet.REACH, size) for size in x.shape[2:])
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).expand(len(x), -1, -1, -1)
    return torch.cat([x.permute(0, 2, 3, 1), place], -1).flatten(1, 2)


def _elementwise(work):
    """Yield the ways to compute an elementwise pass."""
    shape = work.sizes["shape"]
    x, dx, b = tensor(inputs.normal(*shape)), tensor(inputs.normal(*shape, seed=1)), tensor(inputs.normal(shape[-1]))
    if work.name == "Adam":
        for fused in (True, False):
            w = x.clone().requires_grad_()
            w.grad = dx
            yield torch.optim.Adam([w], 1e-3, fused=fused).step
    elif work.name == "max-pool":
        for layout in LAYOUTS:
            yield _max_pool(work.pass_, x.permute(0, 3, 1, 2).contiguous(memory_format=layout))
    elif work.name == "bias + relu":
        yield (lambda: F.relu(x + b)) if work.pass_ == "forward" else (lambda: _relu_backward(dx, x))
    else:
        yield partial(getattr(torch, work.name), x)


def _max_pool(pass_, x):
    """Return max-pooling or its gradient as a function without arguments."""
    y, winner = F.max_pool2d(x, 2, 2, return_indices=True)
    backward = partial(torch.ops.aten.max_pool2d_with_indices_backward, y, x, [2, 2], [2, 2], [0, 0], [1, 1], False)
    return partial(F.max_pool2d, x, 2, 2) if pass_ == "forward" else partial(backward, winner)


def _relu_backward(dy, y):
    """Compute the gradients of relu and of the bias before it."""
    dx = torch.ops.aten.threshold_backward(dy, y, 0)
    return dx, dx.sum((0, 1, 2))


def parameters(
    params: dict[str, np.ndarray], layout: torch.memory_format = torch.contiguous_format
) -> dict[str, torch.Tensor]:
    """Return the captioner's parameters as tensors with gradients, with convolution filters in torch's axis order."""
    tensors = {name: filters(w, layout) if w.ndim == 4 else tensor(w).clone() for name, w in params.items()}
    return {name: w.requires_grad_() for name, w in tensors.items()}


def tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that shares the array's memory."""
    return torch.from_numpy(array)


def image_tensor(x: np.ndarray, layout: torch.memory_format) -> torch.Tensor:
    """Return images (N, H, W, C) as a tensor (N, C, H, W)."""
    return tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def filters(W: np.ndarray, layout: torch.memory_format) -> torch.Tensor:
    """Return filters (P, Q, C, O) as a tensor (O, C, P, Q)."""
    return tensor(W).permute(3, 2, 0, 1).contiguous(memory_format=layout)
