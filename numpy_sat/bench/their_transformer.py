"""A training step of decoders/transformer.py in PyTorch, whose torch.nn.TransformerEncoder computes the blocks."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from numpy_sat.bench import inputs
from numpy_sat.bench.works import Work
from numpy_sat.decoders import masks, stack
from numpy_sat.layers import position

QKV = ("W_q", "W_k", "W_v")


class Transformer(nn.Module):
    """The model "transformer" with the parameters of ours. Queries, keys and values have biases in addition."""

    def __init__(self, params: dict[str, np.ndarray], gelu: str):
        """Copy the parameters.

        Args:
            params: ours, by name.
            gelu: "tanh" for the form that we compute, "none" for the exact one.
        """
        super().__init__()
        blocks = stack.blocks_of(params)
        S, heads, _ = blocks[0]["W_q"].shape
        layer = nn.TransformerEncoderLayer(
            *(S, heads, blocks[0]["W_1"].shape[1]),
            dropout=0,
            activation=partial(F.gelu, approximate=gelu),
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, len(blocks), nn.LayerNorm(S), enable_nested_tensor=False)
        for module, block in zip(self.encoder.layers, blocks, strict=True):
            _copy_block(module, block)
        self.shares = nn.ParameterList(torch.tensor(block["c"]) for block in blocks)
        _copy(self.encoder.norm.weight, params["gamma"])
        _copy(self.encoder.norm.bias, params["beta"])
        self.own = nn.ParameterDict({name: torch.tensor(params[name]) for name in ("W_r", "b_r", "E", "b_o")})

    def forward(self, a: torch.Tensor, words: torch.Tensor, shared: bool) -> torch.Tensor:
        """Compute the logits, (T, B, V).

        Args:
            a: (N, L, D) annotations.
            words: (T, B).
            shared: True for one sequence per image, as ours; False for one per caption, which repeats the regions.
        """
        (N, L, _), (T, B), S = a.shape, words.shape, self.own["E"].shape[1]
        r = torch.addmm(self.own["b_r"], a.flatten(0, 1), self.own["W_r"]).view(N, L, S)
        r = r + torch.tensor(position.sinusoids(L, S, np.float32))
        Ey = math.sqrt(S) * F.embedding(words.T, self.own["E"])
        x = Ey + torch.tensor(position.sinusoids(T, S, np.float32))
        sequences = N if shared else B
        r = r.repeat_interleave(sequences // N, 0)
        mask = torch.tensor(masks.left_to_right(L, T, B // sequences, np.float32)[0])
        h = torch.cat([r, x.view(sequences, -1, S)], 1)
        for block, c in zip(self.encoder.layers, self.shares, strict=True):
            h = block(torch.cat([h[:, :L], _shifted(h[:, L:], c, T)], 1), mask)
        h = self.encoder.norm(h[:, L:]).reshape(B, T, S).transpose(0, 1)
        return h @ self.own["E"].T + self.own["b_o"]


def _shifted(x, c, T):
    """Return the words x: (sequences, captions T, S) after the token shift, y_t = x_t + c y_{t-1}."""
    words = [*x.unflatten(1, (-1, T)).unbind(2)]
    for t in range(1, T):
        words[t] = words[t] + c * words[t - 1]
    return torch.stack(words, 2).flatten(1, 2)


def _copy_block(module, block):
    """Copy our parameters of a block into torch's layer."""
    attention = module.self_attn
    _copy(attention.in_proj_weight, np.concatenate([block[name].reshape(len(block[name]), -1).T for name in QKV]))
    _copy(attention.in_proj_bias, 0)
    for parameters, W, b in (
        (attention.out_proj, block["W_o"].T, block["b_o"]),
        (module.linear1, block["W_1"].T, block["b_1"]),
        (module.linear2, block["W_2"].T, block["b_2"]),
        (module.norm1, block["gamma_1"], block["beta_1"]),
        (module.norm2, block["gamma_2"], block["beta_2"]),
    ):
        _copy(parameters.weight, W)
        _copy(parameters.bias, b)


def _copy(parameter, values):
    """Set a parameter to the values of an array."""
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(values))


def candidates(work: Work) -> Iterator[Callable[[], torch.Tensor]]:
    """Yield a training step with both forms of GELU and of Adam, and with both kinds of sequences."""
    recipe, params, a, batch = inputs.transformer(**work.sizes)
    for gelu, shared, fused in product(("tanh", "none"), (True, False), (True, False)):
        model = Transformer(params, gelu)
        optimizer = torch.optim.Adam(model.parameters(), recipe.training.learning_rate, fused=fused)
        arrays = (torch.from_numpy(array) for array in (a, *batch[1:4]))
        yield partial(train_step, model, optimizer, recipe.training.clip_norm, shared, *arrays)


def train_step(
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    clip_norm: float,
    shared: bool,
    a: torch.Tensor,
    words: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Update the model once, in place, and compute the gradient of a. Returns the loss before the update."""
    a = a.detach().requires_grad_()
    word = F.cross_entropy(model(a, words, shared).flatten(0, 1), targets.flatten(), reduction="none")
    loss = (word * mask.flatten()).sum() / targets.shape[1]
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return loss
