"""The token shift: each word of a caption also gets a share of the words before it.

    y_t = x_t + c y_{t-1} = x_t + c x_{t-1} + c^2 x_{t-2} + ...

The weight c of each component is learned. A recurrent network hands the state of a word to the next word. In a
Transformer, attention alone can do so, and it first has to learn which word to look at. The shift does it from the
start. Peng et al. (2023, RWKV, arXiv 2305.13048) add the word before alone; Ma et al. (2022, Mega, arXiv 2209.10655)
take a moving average before attention, as here.
"""

from typing import NamedTuple

import numpy as np


class TokenShiftCache(NamedTuple):
    """What token_shift_forward keeps for token_shift_backward."""

    y: np.ndarray  # (N, P, S)
    c: np.ndarray  # (S,)
    first: int
    T: int


def token_shift_forward(x, c, first, T):
    """Add to each word c times the result of the word before it. The first word of a caption stays.

    Args:
        x: (N, P, S) N sequences of P positions: others, which stay, then captions of T words each.
        c: (S,) weights of the word before.
        first: position of the first word.
        T: number of words of each caption.
    Returns:
        y: (N, P, S).
        cache: what token_shift_backward needs.
    """
    y = x.copy()
    words = _captions(y, first, T)
    for t in range(1, T):
        # y_t = x_t + c y_{t-1}
        words[:, :, t] += c * words[:, :, t - 1]
    return y, TokenShiftCache(y, c, first, T)


def token_shift_backward(dy, cache):
    """Compute the gradients of token_shift_forward.

    Args:
        dy: (N, P, S) gradient of y.
        cache: from token_shift_forward.
    Returns:
        dx: (N, P, S).
        dc: (S,).
    """
    y, c, first, T = cache
    dx = dy.copy()
    words = _captions(dx, first, T)
    for t in range(T - 1, 0, -1):
        # gradient of y_{t-1} = term 1: directly + term 2: through y_t
        words[:, :, t - 1] += c * words[:, :, t]
    # dc = sum of dy_t y_{t-1} over all words, with both terms of dy_t, which is dx_t
    return dx, (words[:, :, 1:] * _captions(y, first, T)[:, :, :-1]).sum(axis=(0, 1, 2))


def _captions(x, first, T):
    """Return the words of x: (N, P, S) as a view (N, captions, T, S)."""
    return x[:, first:].reshape(len(x), -1, T, x.shape[2])
