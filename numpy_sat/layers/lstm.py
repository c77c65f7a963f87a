"""The LSTM (Hochreiter and Schmidhuber 1997, with a forget gate): one step, and a sequence of steps.

    affine = x W_x + h W_hh + b            four blocks of S columns, in the order i, f, o, g
    (1) i, f, o = sigm(their blocks)       input, forget and output gate
        g = tanh(its block)                candidate of the cell state
    (2) c' = f c + i g                     next cell state
    (3) h' = o tanh(c')                    next hidden state

The equations are those of Xu et al. 2015. B is the number of captions, I the size of the input x, S the hidden size.

The captioner calls single steps, because it attends to the image between two steps. If all inputs are known beforehand,
lstm_sequence_forward computes all steps in one call.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations


class LSTMCache(NamedTuple):
    """Arrays that lstm_forward keeps for lstm_backward."""

    x: np.ndarray  # (B, I)
    h: np.ndarray  # (B, S), before the step
    c: np.ndarray  # (B, S), before the step
    W_x: np.ndarray  # (I, 4S)
    W_hh: np.ndarray  # (S, 4S)
    ifo: activations.SigmoidCache  # (B, 3S)
    g: activations.TanhCache  # (B, S)
    tanh_c: activations.TanhCache  # (B, S), after the step


class LSTMSequenceCache(NamedTuple):
    """The caches of all steps of lstm_sequence_forward, first step first."""

    steps: list  # T records of LSTMCache


def lstm_forward(x, h, c, W_x, W_hh, b):
    """Compute one step of the LSTM (equations 1 to 3).

    Args:
        x: (B, I) inputs; in the paper, the concatenation of E y_{t-1} and z_t.
        h: (B, S) hidden states before the step.
        c: (B, S) cell states before the step.
        W_x: (I, 4S) weights of the inputs, with columns in the order i, f, o, g.
        W_hh: (S, 4S) weights of the hidden state.
        b: (4S,) biases.
    Returns:
        h_next: (B, S) hidden states after the step.
        c_next: (B, S) cell states after the step.
        cache: what lstm_backward needs.
    """
    S = h.shape[1]
    affine = x @ W_x + h @ W_hh + b  # (B, 4S)
    # (1) i, f, o = sigm(their blocks of affine), g = tanh(its block)
    ifo, cache_ifo = activations.sigmoid_forward(affine[:, : 3 * S])  # (B, 3S)
    g, cache_g = activations.tanh_forward(affine[:, 3 * S :])  # (B, S)
    i, f, o = ifo[:, :S], ifo[:, S : 2 * S], ifo[:, 2 * S :]
    # (2) c' = f c + i g
    c_next = f * c + i * g
    # (3) h' = o tanh(c')
    tanh_c, cache_tanh_c = activations.tanh_forward(c_next)
    h_next = o * tanh_c
    return h_next, c_next, LSTMCache(x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c)


def lstm_backward(dh_next, dc_next, cache):
    """Compute the gradients of lstm_forward.

    Args:
        dh_next: (B, S) gradient of the hidden states after the step.
        dc_next: (B, S) gradient of the cell states after the step, through the next step only.
        cache: from lstm_forward.
    Returns:
        dx: (B, I).
        dh: (B, S).
        dc: (B, S).
        dW_x: (I, 4S).
        dW_hh: (S, 4S).
        db: (4S,).
    """
    x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c = cache
    S = h.shape[1]
    i, f, o = cache_ifo.y[:, :S], cache_ifo.y[:, S : 2 * S], cache_ifo.y[:, 2 * S :]
    # (3) do = dh' tanh(c')
    do = dh_next * cache_tanh_c.y
    # The gradient of c' is a sum:
    # term 1, the argument dc_next: through the next step
    # term 2, dh' o (1 - tanh(c')^2): through the hidden state h'
    dc_next = dc_next + activations.tanh_backward(dh_next * o, cache_tanh_c)
    # (2) df = dc' c,  dc = dc' f,  di = dc' g,  dg = dc' i
    df = dc_next * c
    dc = dc_next * f
    di = dc_next * cache_g.y
    dg = dc_next * i
    # (1) the gradient of affine: back through sigm and tanh, with the blocks in the order i, f, o, g
    difo = np.concatenate([di, df, do], axis=1)  # (B, 3S)
    daffine = np.concatenate(
        [activations.sigmoid_backward(difo, cache_ifo), activations.tanh_backward(dg, cache_g)], axis=1
    )  # (B, 4S)
    # dx = daffine W_x^T;  dW_x = x^T daffine
    dx, dW_x = daffine @ W_x.T, x.T @ daffine
    # dh = daffine W_hh^T;  dW_hh = h^T daffine
    dh, dW_hh = daffine @ W_hh.T, h.T @ daffine
    # db = sum of daffine over the captions
    db = daffine.sum(axis=0)
    return dx, dh, dc, dW_x, dW_hh, db


def lstm_sequence_forward(x, h, c, W_x, W_hh, b):
    """Compute T steps of the LSTM with the same weights. Each step starts from the states after the previous step.

    Args:
        x: (T, B, I) inputs of all steps.
        h: (B, S) hidden states before the first step.
        c: (B, S) cell states before the first step.
        W_x: (I, 4S) weights of the inputs.
        W_hh: (S, 4S) weights of the hidden state.
        b: (4S,) biases.
    Returns:
        h_all: (T, B, S) hidden states after each step.
        c: (B, S) cell states after the last step.
        cache: what lstm_sequence_backward needs.
    """
    h_all, steps = np.empty((len(x), *h.shape), h.dtype), []
    for t in range(len(x)):
        h, c, cache_t = lstm_forward(x[t], h, c, W_x, W_hh, b)
        h_all[t] = h
        steps.append(cache_t)
    return h_all, c, LSTMSequenceCache(steps)


def lstm_sequence_backward(dh_all, dc, cache):
    """Compute the gradients of lstm_sequence_forward by backpropagation through time.

    Every step uses the same weights, so the gradient of a weight is the sum of its gradients in all steps.

    Args:
        dh_all: (T, B, S) gradient of the hidden states after each step.
        dc: (B, S) gradient of the cell states after the last step.
        cache: from lstm_sequence_forward.
    Returns:
        dx: (T, B, I).
        dh: (B, S) of the hidden states before the first step.
        dc: (B, S) of the cell states before the first step.
        dW_x: (I, 4S).
        dW_hh: (S, 4S).
        db: (4S,).
    """
    dx = np.empty((len(dh_all), *cache.steps[0].x.shape), dh_all.dtype)
    dh = dW_x = dW_hh = db = 0
    for t in reversed(range(len(dh_all))):
        # The gradient of h_t is a sum:
        # term 1, dh_all_t: through the output h_all
        # term 2, dh: through step t + 1
        dx[t], dh, dc, dW_x_t, dW_hh_t, db_t = lstm_backward(dh_all[t] + dh, dc, cache.steps[t])
        # dW = sum over the steps t of dW_t
        dW_x, dW_hh, db = dW_x + dW_x_t, dW_hh + dW_hh_t, db + db_t
    return dx, dh, dc, dW_x, dW_hh, db
