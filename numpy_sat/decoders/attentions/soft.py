"""Provide soft attention with the MLP score (Xu et al. 2015, section 4.2; layers/attention.py), for the recurrence."""

from numpy_sat.layers import attention, linear


def keys_forward(params, a):
    """Compute the keys k_i = W_a a_i + b_a of every location.

    Args:
        params: arrays by name: W_a and b_a.
        a: (N, L, D) annotations.
    Returns:
        keys: (N, L, A).
        cache: what keys_backward needs.
    """
    return linear.linear_forward(a, params["W_a"], params["b_a"])


def keys_backward(dkeys, cache):
    """Compute the gradients of keys_forward.

    Args:
        dkeys: (N, L, A).
        cache: from keys_forward.
    Returns:
        da: (N, L, D).
        grads: W_a and b_a by name.
    """
    da, dW_a, db_a = linear.linear_backward(dkeys, cache)
    return da, {"W_a": dW_a, "b_a": db_a}


def attend_forward(params, a, keys, h, mode=None):
    """Compute the contexts of one word (equations 4 to 6).

    Args:
        params: arrays by name: W_h and v.
        a: (N, L, D) annotations.
        keys: (N, L, A), from keys_forward.
        h: (B, S) hidden states before the word.
        mode: not used.
    Returns:
        z: (B, D) contexts.
        alpha: (B, L) attention weights.
        cache: what attend_backward needs.
    """
    return attention.attend_forward(a, keys, h, params["W_h"], params["v"])


def weights(alpha, cache):
    """Return the weights of the locations in the contexts.

    Args:
        alpha: (B, L) attention weights, from attend_forward.
        cache: from attend_forward.
    Returns:
        (heads, B, L) weights: alpha, as one head.
    """
    return alpha[None]


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, D).
        dalpha: (B, L) gradient of alpha, from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        grads: W_h and v by name.
    """
    da, dkeys, dh, dW_h, dv = attention.attend_backward(dz, dalpha, cache)
    return da, dkeys, dh, {"W_h": dW_h, "v": dv}
