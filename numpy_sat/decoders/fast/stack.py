"""Compute the blocks of stack.py with fused kernels.

One product gives queries, keys and values. Without dropout, the products with W_o and W_2 start from the residual sum.
The gradients of the normalizations are added to the gradient of the residual sum in place. Heads are padded with zeros
to whole SIMD vectors.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.stack import Masks, Memory, blocks_of, with_prefix
from numpy_sat.kernels import caption_attention, elementwise, gelu, layer_norm, self_attention, token_shift
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.panels import filled
from numpy_sat.system.workspace import current


class Captions(NamedTuple):
    """Compute the attention of a packed sequence (packing.py), left to right, without hidden scores."""

    starts: np.ndarray  # (B + 1,) the number of words before each caption and after the last one
    N: int  # number of images

    def attend(self, qkv, first, scale):
        """Compute the attention of the positions from `first` on: see kernels/caption_attention.py."""
        o, p = caption_attention.attend(qkv[0], self.starts, self.N, first, scale)
        return o[None], p

    def gradient(self, do, qkv, p, first, scale):
        """Compute the gradient of qkv."""
        return caption_attention.attend_gradient(do[0], qkv[0], p, self.starts, self.N, first, scale)[None]


class Masked(NamedTuple):
    """Compute the attention with any mask. It has the methods of Captions."""

    mask: np.ndarray  # (1 or N, P, padded P), see self_attention.padded_mask

    def attend(self, qkv, first, scale):
        """Compute the attention of the positions from `first` on: see kernels/self_attention.py."""
        return self_attention.attend(qkv, np.ascontiguousarray(self.mask[:, first:]), scale)

    def gradient(self, do, qkv, p, first, scale):
        """Compute the gradient of qkv."""
        return self_attention.attend_gradient(do, qkv, p, scale)


class BlockCache(NamedTuple):
    """Arrays that block_forward keeps for block_backward."""

    params: dict
    visible: Captions | Masked
    projections: np.ndarray  # (S, 3 heads padded K)
    norm_1: tuple  # the fields of layer_norm.LayerNormCache
    n_1: np.ndarray  # (N, P, S) LN_1(x)
    qkv: np.ndarray  # (N, P, 3, heads, padded K)
    p: np.ndarray  # attention weights, as `visible` returns them
    o: np.ndarray  # (N, Q, heads, padded K)
    mask_1: np.ndarray | None
    norm_2: tuple
    n_2: np.ndarray  # (N, Q, S) LN_2(h)
    u: np.ndarray  # (N, Q, F) before GELU
    g: np.ndarray  # (N, Q, F) after GELU
    mask_2: np.ndarray | None


class StackCache(NamedTuple):
    """The caches that stack_forward keeps for stack_backward."""

    mask: np.ndarray | None
    shifts: list  # for each block, its input after the token shift, (W, S); empty without a token shift
    blocks: list
    norm: tuple


def stack_forward(params, x, mask, masks=None, first=0):
    """Compute all blocks. Arguments and results are those of stack.stack_forward, except for a packed sequence.

    Args:
        x: as for stack.stack_forward; the words of a packed sequence are overwritten by the token shift.
        mask: as for stack.stack_forward, or the Captions of a packed sequence, whose words are shifted.
    """
    blocks, shifts, caches = blocks_of(params), [], []
    visible = Masked(self_attention.padded_mask(mask)) if isinstance(mask, np.ndarray) else mask
    masks = masks or Masks(None, len(blocks) * [(None, None)])
    x = _dropped(x, masks.input)
    for k, (block, block_masks) in enumerate(zip(blocks, masks.blocks, strict=True), 1):
        if isinstance(visible, Captions):
            shifts.append(x[0, first:])
            token_shift.shift(shifts[-1], block["c"], visible.starts)
        x, cache = block_forward(x, block, visible, first if k == len(blocks) else 0, *block_masks)
        caches.append(cache)
    y, cache_norm = layer_norm.layer_norm_forward(x, params["gamma"], params["beta"])
    return y, StackCache(masks.input, shifts, caches, cache_norm)


def stack_backward(dy, cache):
    """Compute the gradients of stack_forward. Arguments and results are those of stack.stack_backward."""
    grads = {}
    dx, grads["gamma"], grads["beta"] = layer_norm.layer_norm_backward(dy, cache.norm)
    for k in reversed(range(len(cache.blocks))):
        block = cache.blocks[k]
        dx, grads_block = block_backward(dx, block)
        if cache.shifts:
            words = cache.shifts[k]
            dwords = dx[0, len(dx[0]) - len(words) :]
            grads_block["c"] = token_shift.shift_gradient(dwords, words, block.params["c"], block.visible.starts)
        grads |= with_prefix(grads_block, k)
    return _dropped(dx, cache.mask), grads


def memories(cache):
    """Return the Memory of each block: the keys and values of all positions of a forward pass."""
    return [
        Memory(*(np.ascontiguousarray(block.qkv[:, :, which, :, : block.params["W_q"].shape[2]]) for which in (1, 2)))
        for block in cache.blocks
    ]


def block_forward(x, params, visible, first, mask_1, mask_2):
    """Compute a block at the last Q = P - first positions.

    Args:
        x: (N, P, S).
        params: arrays by name.
        visible: Captions or Masked.
        first: the first position that is computed.
        mask_1, mask_2: dropout masks (N, Q, S); None without dropout.
    Returns:
        y: (N, Q, S).
        cache: BlockCache.
    """
    (N, P, _), (_, heads, K) = x.shape, params["W_q"].shape
    # h = x + dropout(SelfAttention(LN_1(x)))
    n_1, norm_1 = layer_norm.layer_norm_forward(x, params["gamma_1"], params["beta_1"])
    projections = _projections(params)
    qkv = multiply(n_1, pack(projections)).reshape(N, P, 3, heads, -1)
    o, p = visible.attend(qkv, first, K**-0.5)
    h = _add_product(x[:, first:], o.reshape(N, P - first, -1), _output_matrix(params), params["b_o"], mask_1)
    # y = h + dropout(W_2 GELU(W_1 LN_2(h) + b_1) + b_2)
    n_2, norm_2 = layer_norm.layer_norm_forward(h, params["gamma_2"], params["beta_2"])
    u = multiply(n_2, pack(params["W_1"], params["b_1"]))
    g, _ = gelu.gelu_forward(u)
    y = _add_product(h, g, params["W_2"], params["b_2"], mask_2)
    return y, BlockCache(params, visible, projections, norm_1, n_1, qkv, p, o, mask_1, norm_2, n_2, u, g, mask_2)


def block_backward(dy, cache):
    """Compute the gradients of block_forward.

    Args:
        dy: (N, Q, S); overwritten.
        cache: BlockCache.
    Returns:
        dx: (N, P, S).
        grads: gradients by parameter name.
    """
    params, grads, (N, Q, S) = cache.params, {}, dy.shape
    (_, heads, K), (_, P, _, _, padded) = params["W_q"].shape, cache.qkv.shape
    # y = h + dropout(W_2 GELU(W_1 LN_2(h) + b_1) + b_2)
    dfed = _dropped(dy, cache.mask_2)
    grads |= {"W_2": multiply_transposed(cache.g, dfed), "b_2": elementwise.column_sums(dfed)}
    du = multiply(dfed, pack(params["W_2"].T))
    gelu.gelu_backward(du, (cache.u,), du)
    grads |= {"W_1": multiply_transposed(cache.n_2, du), "b_1": elementwise.column_sums(du)}
    dn_2 = multiply(du, pack(params["W_1"].T))
    # gradient of h = term 1: directly (dy) + term 2: through the feed-forward network
    dh, grads["gamma_2"], grads["beta_2"] = layer_norm.layer_norm_backward(dn_2, cache.norm_2, dy)
    # h = x + dropout(SelfAttention(LN_1(x)))
    dattended = _dropped(dh, cache.mask_1)
    dW_o = multiply_transposed(cache.o.reshape(N, Q, -1), dattended).reshape(heads, padded, S)
    grads |= {"W_o": dW_o[:, :K].reshape(S, S), "b_o": elementwise.column_sums(dattended)}
    do = multiply(dattended, pack(_output_matrix(params).T)).reshape(cache.o.shape)
    dqkv = cache.visible.gradient(do, cache.qkv, cache.p, P - Q, K**-0.5).reshape(N, P, -1)
    dW_qkv = multiply_transposed(cache.n_1, dqkv).reshape(S, 3, heads, padded)
    for which, name in enumerate(("W_q", "W_k", "W_v")):
        grads[name] = np.ascontiguousarray(dW_qkv[:, which, :, :K])
    dn_1 = multiply(dqkv, pack(cache.projections.T))
    # gradient of x = term 1: directly, at the last Q positions (dh) + term 2: through the attention
    dx = dh
    if Q < P:
        dx = current().empty((N, P, S))
        dx[:, : P - Q], dx[:, P - Q :] = 0, dh
    _, grads["gamma_1"], grads["beta_1"] = layer_norm.layer_norm_backward(dn_1, cache.norm_1, dx)
    return dx, grads


def _add_product(x, y, W, b, mask):
    """Compute x + mask (y W + b) in a new array; mask None means 1."""
    if mask is None:
        return multiply(y, pack(W, b), base=x)
    result = multiply(y, pack(W, b))
    result *= mask
    result += x
    return result


def _dropped(x, mask):
    """Return x mask in a new array, or x itself if mask is None."""
    return x if mask is None else np.multiply(x, mask, out=current().empty(x.shape))


def _projections(params):
    """Return W_q, W_k and W_v side by side, with each head padded: (S, 3 heads padded K)."""
    return np.concatenate(
        [filled(params[name]).reshape(len(params[name]), -1) for name in ("W_q", "W_k", "W_v")], axis=1
    )


def _output_matrix(params):
    """Return W_o with the rows of each head padded: (heads padded K, S)."""
    S, heads, K = params["W_q"].shape
    return filled(params["W_o"].reshape(heads, K, S), 1).reshape(-1, S)
