"""A block of the Transformer (Vaswani et al. 2017): self-attention, then a feed-forward network at every position.

    h = x + dropout(SelfAttention(LN_1(x)))
    y = h + dropout(W_2 GELU(W_1 LN_2(h) + b_1) + b_2)

LN is layer normalization. The normalization stands before each part ("pre-LN"), so x reaches y through sums alone.
Vaswani et al. normalize after each sum ("post-LN"). numpy_sat/RESULTS.md compares the two.

A block has these parameters:

    gamma_1, beta_1   (S,) of LN_1              gamma_2, beta_2   (S,) of LN_2
    W_q, W_k, W_v     (S, heads, K)             W_1, b_1          (S, F), (F,)
    W_o, b_o          (S, S), (S,)              W_2, b_2          (F, S), (S,)
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, gelu, layer_norm, linear, self_attention

INNER = 4  # F / S, as in Vaswani et al.


class FeedForwardCache(NamedTuple):
    """Caches of the layers of feed_forward_forward."""

    inner: linear.LinearCache
    gelu: gelu.GeluCache
    outer: linear.LinearCache


class BlockCache(NamedTuple):
    """Caches of the layers of block_forward."""

    norm_1: layer_norm.LayerNormCache
    attention: self_attention.SelfAttentionCache
    dropout_1: dropout.DropoutCache
    norm_2: layer_norm.LayerNormCache
    feed_forward: FeedForwardCache
    dropout_2: dropout.DropoutCache


def init_params(rng, S, heads, dtype=np.float32):
    """Draw the parameters of a block.

    Weights are normal with standard deviation 1 / sqrt(number of inputs), scales are 1, and biases and shifts are 0.

    Args:
        rng: numpy Generator.
        S: hidden size.
        heads: number of heads, which divides S.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    F = INNER * S

    def weights(rows, *columns):
        return (rng.standard_normal((rows, *columns)) / np.sqrt(rows)).astype(dtype)

    return {
        **{"gamma_1": np.ones(S, dtype), "beta_1": np.zeros(S, dtype)},
        **{name: weights(S, heads, S // heads) for name in ("W_q", "W_k", "W_v")},
        **{"W_o": weights(S, S), "b_o": np.zeros(S, dtype)},
        **{"gamma_2": np.ones(S, dtype), "beta_2": np.zeros(S, dtype)},
        **{"W_1": weights(S, F), "b_1": np.zeros(F, dtype), "W_2": weights(F, S), "b_2": np.zeros(S, dtype)},
    }


def feed_forward_forward(x, W_1, b_1, W_2, b_2):
    """Compute y = W_2 GELU(W_1 x + b_1) + b_2 at every position.

    Args:
        x: (..., S) positions.
        W_1, b_1: (S, F) and (F,).
        W_2, b_2: (F, S) and (S,).
    Returns:
        y: (..., S).
        cache: what feed_forward_backward needs.
    """
    u, cache_inner = linear.linear_forward(x, W_1, b_1)
    g, cache_gelu = gelu.gelu_forward(u)
    y, cache_outer = linear.linear_forward(g, W_2, b_2)
    return y, FeedForwardCache(cache_inner, cache_gelu, cache_outer)


def feed_forward_backward(dy, cache):
    """Compute the gradients of feed_forward_forward.

    Args:
        dy: (..., S) gradient of y.
        cache: from feed_forward_forward.
    Returns:
        dx: (..., S).
        dW_1, db_1: (S, F) and (F,).
        dW_2, db_2: (F, S) and (S,).
    """
    dg, dW_2, db_2 = linear.linear_backward(dy, cache.outer)
    du = gelu.gelu_backward(dg, cache.gelu)
    dx, dW_1, db_1 = linear.linear_backward(du, cache.inner)
    return dx, dW_1, db_1, dW_2, db_2


def block_forward(x, params, mask, mask_1=1.0, mask_2=1.0):
    """Compute a block at the last Q positions. Usually these are all P positions.

    Args:
        x: (N, P, S) N sequences of P positions.
        params: arrays by name, as listed at the top of this file.
        mask: (1, Q, P) or (N, Q, P) which positions see which, see layers/self_attention.py.
        mask_1, mask_2: (N, Q, S) dropout masks of the two parts; the number 1 without dropout.
    Returns:
        y: (N, Q, S).
        cache: what block_backward needs.
    """
    # h = x + dropout(SelfAttention(LN_1(x)))
    n, cache_norm_1 = layer_norm.layer_norm_forward(x, params["gamma_1"], params["beta_1"])
    arrays = (params[name] for name in ("W_q", "W_k", "W_v", "W_o", "b_o"))
    attended, cache_attention = self_attention.self_attention_forward(n, mask, *arrays)
    dropped, cache_dropout_1 = dropout.dropout_forward(attended, mask_1)
    h = x[:, -mask.shape[1] :] + dropped
    # y = h + dropout(W_2 GELU(W_1 LN_2(h) + b_1) + b_2)
    n, cache_norm_2 = layer_norm.layer_norm_forward(h, params["gamma_2"], params["beta_2"])
    arrays = (params[name] for name in ("W_1", "b_1", "W_2", "b_2"))
    fed, cache_feed_forward = feed_forward_forward(n, *arrays)
    dropped, cache_dropout_2 = dropout.dropout_forward(fed, mask_2)
    caches = cache_norm_1, cache_attention, cache_dropout_1, cache_norm_2, cache_feed_forward, cache_dropout_2
    return h + dropped, BlockCache(*caches)


def block_backward(dy, cache):
    """Compute the gradients of block_forward.

    Args:
        dy: (N, Q, S) gradient of y.
        cache: from block_forward.
    Returns:
        dx: (N, P, S).
        grads: gradients by parameter name.
    """
    grads = {}
    # y = h + dropout(W_2 GELU(W_1 LN_2(h) + b_1) + b_2)
    dfed = dropout.dropout_backward(dy, cache.dropout_2)
    dn, grads["W_1"], grads["b_1"], grads["W_2"], grads["b_2"] = feed_forward_backward(dfed, cache.feed_forward)
    dh, grads["gamma_2"], grads["beta_2"] = layer_norm.layer_norm_backward(dn, cache.norm_2)
    # gradient of h = term 1: directly (dy) + term 2: through the feed-forward network
    dh = dy + dh
    # h = x + dropout(SelfAttention(LN_1(x)))
    dattended = dropout.dropout_backward(dh, cache.dropout_1)
    dn, *dattention = self_attention.self_attention_backward(dattended, cache.attention)
    grads |= dict(zip(("W_q", "W_k", "W_v", "W_o", "b_o"), dattention, strict=True))
    dx, grads["gamma_1"], grads["beta_1"] = layer_norm.layer_norm_backward(dn, cache.norm_1)
    # gradient of x = term 1: through the attention + term 2: directly, at the last Q positions (dh)
    dx[:, -dh.shape[1] :] += dh
    return dx, grads
