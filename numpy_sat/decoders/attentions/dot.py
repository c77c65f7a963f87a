"""Provide scaled dot-product attention, with one head or several (layers/dot_attention.py), for the recurrence."""

from numpy_sat.layers import dot_attention


def keys_forward(params, a):
    """Compute the keys k_i = a_i W_k of every location and head.

    Args:
        params: arrays by name: W_k.
        a: (N, L, D) annotations.
    Returns:
        keys: (heads, N, L, A / heads).
        cache: what keys_backward needs.
    """
    return dot_attention.keys_forward(a, params["W_k"])


def keys_backward(dkeys, cache):
    """Compute the gradients of keys_forward.

    Args:
        dkeys: (heads, N, L, A / heads).
        cache: from keys_forward.
    Returns:
        da: (N, L, D).
        grads: W_k by name.
    """
    da, dW_k = dot_attention.keys_backward(dkeys, cache)
    return da, {"W_k": dW_k}


def attend_forward(params, a, keys, h, mode=None):
    """Compute the contexts of one word (equations 4 to 6 for every head).

    Args:
        params: arrays by name: W_q and W_v.
        a: (N, L, D) annotations.
        keys: (heads, N, L, A / heads), from keys_forward.
        h: (B, S) hidden states before the word.
        mode: not used.
    Returns:
        z: (B, A) contexts, the heads side by side.
        alpha: (B, L) attention weights, the mean over heads.
        cache: what attend_backward needs.
    """
    return dot_attention.attend_forward(a, keys, h, params["W_q"], params["W_v"])


def weights(alpha, cache):
    """Return the weights of the locations in the contexts.

    Args:
        alpha: (B, L) attention weights, from attend_forward.
        cache: from attend_forward.
    Returns:
        (heads, B, L) weights of each head.
    """
    return cache.context.alpha


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, A).
        dalpha: (B, L) gradient of the mean alpha, from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (heads, N, L, A / heads).
        dh: (B, S).
        grads: W_q and W_v by name.
    """
    da, dkeys, dh, dW_q, dW_v = dot_attention.attend_backward(dz, dalpha, cache)
    return da, dkeys, dh, {"W_q": dW_q, "W_v": dW_v}
