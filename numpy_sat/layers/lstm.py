"""The LSTM (Hochreiter and Schmidhuber 1997, with forget gate): a step, Xu et al. equations 1 to 3, and a sequence.

The captioner goes step by step, for it looks at the image between two steps; where all inputs are known beforehand,
`lstm_sequence_forward` goes through them in one call.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations


class LSTMCache(NamedTuple):
    x: np.ndarray
    h: np.ndarray
    c: np.ndarray
    W_x: np.ndarray
    W_hh: np.ndarray
    ifo: activations.SigmoidCache
    g: activations.TanhCache
    tanh_c: activations.TanhCache


class LSTMSequenceCache(NamedTuple):
    steps: list  # the LSTMCache of each


def lstm_forward(x, h, c, W_x, W_hh, b):
    """(1) i, f, o, g = sigm, sigm, sigm, tanh of x W_x + h W_hh + b;  (2) c' = f c + i g;  (3) h' = o tanh(c').

    x: (B, I) inputs, the paper's (E y_{t-1}, z_t); h, c: (B, S) state and memory of the step before;
    W_x: (I, 4S); W_hh: (S, 4S); b: (4S,), columns in the order i, f, o, g.
    Returns h', c': (B, S) each, and the cache.
    """
    S = h.shape[1]
    affine = x @ W_x + h @ W_hh + b
    ifo, cache_ifo = activations.sigmoid_forward(affine[:, : 3 * S])  # (1)
    g, cache_g = activations.tanh_forward(affine[:, 3 * S :])
    i, f, o = ifo[:, :S], ifo[:, S : 2 * S], ifo[:, 2 * S :]
    c_next = f * c + i * g  # (2)
    tanh_c, cache_tanh_c = activations.tanh_forward(c_next)
    h_next = o * tanh_c  # (3)
    return h_next, c_next, LSTMCache(x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c)


def lstm_backward(dh_next, dc_next, cache):
    """dh_next, dc_next: (B, S). Returns dx: (B, I), dh, dc: (B, S), dW_x: (I, 4S), dW_hh: (S, 4S), db: (4S,)."""
    x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c = cache
    S = h.shape[1]
    i, f, o = cache_ifo.y[:, :S], cache_ifo.y[:, S : 2 * S], cache_ifo.y[:, 2 * S :]
    do = dh_next * cache_tanh_c.y  # (3)
    dc_next = dc_next + activations.tanh_backward(dh_next * o, cache_tanh_c)
    df = dc_next * c  # (2)
    dc = dc_next * f
    di = dc_next * cache_g.y
    dg = dc_next * i
    difo = np.concatenate([di, df, do], axis=1)
    daffine = np.concatenate(  # (1)
        [activations.sigmoid_backward(difo, cache_ifo), activations.tanh_backward(dg, cache_g)], axis=1
    )
    dx, dW_x = daffine @ W_x.T, x.T @ daffine
    dh, dW_hh = daffine @ W_hh.T, h.T @ daffine
    db = daffine.sum(axis=0)
    return dx, dh, dc, dW_x, dW_hh, db


def lstm_sequence_forward(x, h, c, W_x, W_hh, b):
    """The step T times with the same weights, each from the state and memory that the one before has left.

    x: (T, B, I) inputs; h, c: (B, S) state and memory before the first step; W_x: (I, 4S); W_hh: (S, 4S); b: (4S,).
    Returns h_all: (T, B, S), the states after each step, c: (B, S), the memory after the last, and the cache.
    """
    h_all, steps = np.empty((len(x), *h.shape), h.dtype), []
    for t in range(len(x)):
        h, c, cache_t = lstm_forward(x[t], h, c, W_x, W_hh, b)
        h_all[t] = h
        steps.append(cache_t)
    return h_all, c, LSTMSequenceCache(steps)


def lstm_sequence_backward(dh_all, dc, cache):
    """Back through time. dh_all: (T, B, S) of each step's state; dc: (B, S) of the memory after the last.

    Returns dx: (T, B, I), dh, dc: (B, S) of state and memory before the first step, and of the weights, which every
    step has used, the sums over all steps: dW_x: (I, 4S), dW_hh: (S, 4S), db: (4S,).
    """
    dx = np.empty((len(dh_all), *cache.steps[0].x.shape), dh_all.dtype)
    dh = dW_x = dW_hh = db = 0
    for t in reversed(range(len(dh_all))):
        # h_t goes out and to the next step, and gathers from both.
        dx[t], dh, dc, dW_x_t, dW_hh_t, db_t = lstm_backward(dh_all[t] + dh, dc, cache.steps[t])
        dW_x, dW_hh, db = dW_x + dW_x_t, dW_hh + dW_hh_t, db + db_t
    return dx, dh, dc, dW_x, dW_hh, db
