"""Solution 9: One step of the LSTM.

One matrix holds four affine maps side by side: one for each of the three gates, and one for the candidate. All other
operations are elementwise, so the units of the captions are independent. The backward pass is scalar calculus, gate
by gate. At the end, it concatenates the four gradients and goes back through the affine map.

Answers to the questions of the page:

dc = [[1.6050]]   db = [0, 1.6050, 0.1904, 1.6050]
The first number of db, that of i, is 0: i is multiplied by g in (2), and g = 0.
"""

import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.lstm import LSTMCache


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

    # affine = x W_x + h W_hh + b, with 4S columns. Each column has its own weights for all of x and h.
    from_input = x @ W_x
    from_state = h @ W_hh
    affine = from_input + from_state + b

    # (1) i, f, o = sigm of the first 3S columns, between 0 and 1. g = tanh of the last S columns, between -1 and 1.
    affine_gates = affine[:, : 3 * S]
    affine_candidate = affine[:, 3 * S :]
    ifo, cache_ifo = activations.sigmoid_forward(affine_gates)
    g, cache_g = activations.tanh_forward(affine_candidate)
    i = ifo[:, 0:S]
    f = ifo[:, S : 2 * S]
    o = ifo[:, 2 * S : 3 * S]

    # (2) c' = f c + i g: the forget gate scales the old cell state, the input gate scales the candidate.
    old_part = f * c
    new_part = i * g
    c_next = old_part + new_part

    # (3) h' = o tanh(c'): the output gate scales the new cell state.
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
    S = cache.h.shape[1]
    i = cache.ifo.y[:, 0:S]
    f = cache.ifo.y[:, S : 2 * S]
    o = cache.ifo.y[:, 2 * S : 3 * S]
    g = cache.g.y
    tanh_c = cache.tanh_c.y

    # (3) h' = o tanh_c, so do = dh' tanh_c
    do = dh_next * tanh_c
    # dtanh_c = dh' o
    dtanh_c = dh_next * o

    # Two places use c': tanh in (3), and the next step. Equation (2) needs the sum of both gradients.
    # term 1: through h' in (3), dtanh_c (1 - tanh_c^2)
    dc_through_h = dtanh_c * (1 - tanh_c * tanh_c)
    # term 2: through the next step, dc_next
    dc_total = dc_next + dc_through_h

    # (2) c' = f c + i g: both products receive dc_total, so df = dc_total c
    df = dc_total * cache.c
    # dc = dc_total f
    dc = dc_total * f
    # di = dc_total g
    di = dc_total * g
    # dg = dc_total i
    dg = dc_total * i

    # (1) y = sigm(affine) has the slope y (1 - y), so daffine = dy y (1 - y)
    daffine_i = di * i * (1 - i)
    daffine_f = df * f * (1 - f)
    daffine_o = do * o * (1 - o)
    # g = tanh(affine) has the slope 1 - g^2
    daffine_g = dg * (1 - g * g)
    daffine = np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)  # in the order of the columns

    # affine_bk = sum over j of x_bj W_x_jk + sum over s of h_bs W_hh_sk + b_k.
    # dx_bj = sum over k of daffine_bk W_x_jk, because x_bj appears in every column k
    dx = daffine @ cache.W_x.T
    # dh_bs = sum over k of daffine_bk W_hh_sk
    dh = daffine @ cache.W_hh.T
    # dW_x_jk = sum over b of x_bj daffine_bk, because W_x_jk appears in the row of every caption b
    dW_x = cache.x.T @ daffine
    # dW_hh_sk = sum over b of h_bs daffine_bk
    dW_hh = cache.h.T @ daffine
    # db_k = sum over b of daffine_bk
    db = daffine.sum(axis=0)
    return dx, dh, dc, dW_x, dW_hh, db
