"""The core of all Transformers here: some blocks, one after the other, and a last normalization.

It knows neither images nor words. Its input is any sequence of vectors, and a mask says which positions see which
(masks.py). decoders/transformer.py feeds it regions and words.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, layer_norm, linear, self_attention, softmax, token_shift, transformer_block
from numpy_sat.system.streams import along


class Masks(NamedTuple):
    """The dropout masks of a stack."""

    input: np.ndarray  # (N, P, S), of the input
    blocks: list  # for each block, those of its two parts: (N, P, S), in the last block (N, P - first, S)


class StackCache(NamedTuple):
    """The caches that stack_forward keeps for stack_backward."""

    dropout: dropout.DropoutCache
    shifts: list  # a token_shift.TokenShiftCache for each block; empty without a token shift
    blocks: list  # a transformer_block.BlockCache for each block
    norm: layer_norm.LayerNormCache


class Memory(NamedTuple):
    """What later positions need from the positions so far in a block."""

    k: np.ndarray  # (N or B, positions, heads, K) keys
    v: np.ndarray  # (N or B, positions, heads, K) values
    last: np.ndarray | None = None  # (B, S) the last position after its token shift; None for positions without words


def init_params(rng, S, layers, heads, scale, dtype=np.float32):
    """Draw the parameters: those of every block, such as "block1.W_q", and gamma and beta of the last normalization.

    Args:
        rng: numpy Generator.
        S, layers, heads: hidden size, number of blocks, heads of each block.
        scale: gamma at the start.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    params = {}
    for k in range(1, layers + 1):
        block = transformer_block.init_params(rng, S, heads, dtype)
        params |= {f"block{k}.{name}": array for name, array in block.items()}
    return params | {"gamma": np.full(S, scale, dtype), "beta": np.zeros(S, dtype)}


def blocks_of(params):
    """Return the parameters of each block, without the prefix of their names, in a list."""
    layers = sum(name.endswith(".W_q") for name in params)
    prefixes = [f"block{k}." for k in range(1, layers + 1)]
    return [
        {name.removeprefix(prefix): array for name, array in params.items() if name.startswith(prefix)}
        for prefix in prefixes
    ]


def with_prefix(grads, k):
    """Return the gradients of block k, from 0, by the parameters' full names."""
    return {f"block{k + 1}.{name}": gradient for name, gradient in grads.items()}


def dropout_masks(rng, shape, layers, first, rate, dtype):
    """Draw the dropout masks of a stack.

    Args:
        rng: numpy Generator.
        shape: (N, P, S).
        layers: number of blocks.
        first: the first position whose result is needed, as for stack_forward.
        rate: dropout rate.
        dtype: dtype of the masks.
    Returns:
        Masks; None if the rate is 0.
    """
    if not rate:
        return None
    (N, P, S), pairs = shape, (layers - 1) * [2 * [shape]]
    pairs = [*pairs, 2 * [(N, P - first, S)]]
    rng = along(rng, 0)
    blocks = [[dropout.dropout_mask(rng, size, rate, dtype) for size in pair] for pair in pairs]
    return Masks(dropout.dropout_mask(rng, shape, rate, dtype), blocks)


def stack_forward(params, x, mask, masks=None, first=0, T=0):
    """Compute all blocks and the last normalization.

    The last block computes only the positions whose results are needed. With T, a token shift of the words comes before
    every block (layers/token_shift.py). Then each block has the parameter c.

    Args:
        params: arrays by name.
        x: (N, P, S) N sequences of P positions.
        mask: (1, P, P) or (N, P, P) which positions see which.
        masks: Masks; None for no dropout.
        first: the first position whose result is needed.
        T: number of words of each caption, with captions from `first` on; 0 for no token shift.
    Returns:
        y: (N, P - first, S).
        cache: what stack_backward needs.
    """
    blocks, shifts, caches = blocks_of(params), [], []
    masks = masks or Masks(1.0, len(blocks) * [(1.0, 1.0)])
    x, cache_dropout = dropout.dropout_forward(x, masks.input)
    for k, (block, block_masks) in enumerate(zip(blocks, masks.blocks, strict=True), 1):
        if T:
            x, cache_shift = token_shift.token_shift_forward(x, block["c"], first, T)
            shifts.append(cache_shift)
        rows = mask if k < len(blocks) else mask[:, first:]
        x, cache = transformer_block.block_forward(x, block, rows, *block_masks)
        caches.append(cache)
    y, cache_norm = layer_norm.layer_norm_forward(x, params["gamma"], params["beta"])
    return y, StackCache(cache_dropout, shifts, caches, cache_norm)


def stack_backward(dy, cache):
    """Compute the gradients of stack_forward.

    Args:
        dy: (N, P - first, S) gradient of y.
        cache: from stack_forward.
    Returns:
        dx: (N, P, S).
        grads: gradients by parameter name.
    """
    grads = {}
    dx, grads["gamma"], grads["beta"] = layer_norm.layer_norm_backward(dy, cache.norm)
    for k in reversed(range(len(cache.blocks))):
        dx, grads_block = transformer_block.block_backward(dx, cache.blocks[k])
        if cache.shifts:
            dx, grads_block["c"] = token_shift.token_shift_backward(dx, cache.shifts[k])
        grads |= with_prefix(grads_block, k)
    return dropout.dropout_backward(dx, cache.dropout), grads


def memories(cache):
    """Return the Memory of each block: the keys and values of all positions of a forward pass.

    Args:
        cache: from stack_forward.
    Returns:
        A list of Memory.
    """
    return [Memory(block.attention.attend.k, block.attention.attend.v) for block in cache.blocks]


def stack_step(params, x, shared, own):
    """Compute one new position of each sequence, which sees all positions before it.

    If the blocks have the parameter c, a token shift comes before each of them, as in stack_forward with T.

    Args:
        params: arrays by name.
        x: (B, S) the new positions.
        shared: a Memory of N images for each block; B / N consecutive sequences share it.
        own: a Memory of the B sequences for each block.
    Returns:
        y: (B, S).
        p: (B, heads, L + t + 1) attention weights of the last block: the shared positions, then the own ones.
        own: the Memory of each block with the new position.
    """
    longer = []
    for block, shared_block, own_block in zip(blocks_of(params), shared, own, strict=True):
        if "c" in block:
            # y_t = x_t + c y_{t-1}
            x = x + block["c"] * own_block.last
        n, _ = layer_norm.layer_norm_forward(x, block["gamma_1"], block["beta_1"])
        q, k, v = (self_attention.project_forward(n, block[name])[0] for name in ("W_q", "W_k", "W_v"))
        own_block = Memory(_append(own_block.k, k), _append(own_block.v, v), x)
        longer.append(own_block)
        o, p = _attend_step(q, shared_block, own_block)
        attended, _ = linear.linear_forward(o, block["W_o"], block["b_o"])
        h = x + attended
        n, _ = layer_norm.layer_norm_forward(h, block["gamma_2"], block["beta_2"])
        fed, _ = transformer_block.feed_forward_forward(n, *(block[name] for name in ("W_1", "b_1", "W_2", "b_2")))
        x = h + fed
    y, _ = layer_norm.layer_norm_forward(x, params["gamma"], params["beta"])
    return y, p, longer


def _append(rows, row):
    """Append a row (B, heads, K) to rows (B, t, heads, K)."""
    return np.concatenate([rows, row[:, None]], axis=1)


def _attend_step(q, shared, own):
    """Compute the attention of one new position over the shared and the own memory.

    Args:
        q: (B, heads, K).
        shared, own: Memory of N images and of B sequences.
    Returns:
        o: (B, heads K).
        p: (B, heads, positions).
    """
    (B, heads, K), (N, L, _, _) = q.shape, shared.k.shape
    by_image = q.reshape(N, B // N, heads, K).swapaxes(1, 2)  # (N, heads, B / N, K)
    # E_j = q . k_j / sqrt(K)
    e_shared = (by_image @ shared.k.transpose(0, 2, 3, 1)).swapaxes(1, 2).reshape(B, heads, L)
    e_own = (q[:, :, None] @ own.k.transpose(0, 2, 3, 1))[:, :, 0]
    p, _ = softmax.softmax_forward(np.concatenate([e_shared, e_own], axis=2) / K**0.5)
    # o = sum_j P_j v_j
    p_shared = p[:, :, :L].reshape(N, B // N, heads, L).swapaxes(1, 2)
    o = (p_shared @ shared.v.swapaxes(1, 2)).swapaxes(1, 2).reshape(B, heads, K)
    o = o + (p[:, :, None, L:] @ own.v.swapaxes(1, 2))[:, :, 0]
    return o.reshape(B, heads * K), p
