"""Solution 9: One step of the LSTM.

Four affine maps, one a gate and one for the candidate, stand side by side in one matrix. All that follows is
elementwise: unit s of caption b never meets another. So the backward is scalar calculus, gate by gate, until the four
gradients are laid side by side again and go back through the affine map, like any other's.
"""

import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.lstm import LSTMCache


def lstm_forward(x, h, c, W_x, W_hh, b):
    """(1) i, f, o, g = sigm, sigm, sigm, tanh of x W_x + h W_hh + b;  (2) c' = f c + i g;  (3) h' = o tanh(c').

    x: (B, I) inputs, the paper's (E y_{t-1}, z_t); h, c: (B, S) state and memory of the step before;
    W_x: (I, 4S); W_hh: (S, 4S); b: (4S,), columns in the order i, f, o, g.
    Returns h', c': (B, S) each, and the cache.
    """
    S = h.shape[1]

    # Each of the 4S columns weighs all of x and all of h in its own way.
    from_input = x @ W_x
    from_state = h @ W_hh
    affine = from_input + from_state + b

    # (1) Gates are between 0 and 1, the candidate between -1 and 1. The three gates go through sigm together.
    affine_gates = affine[:, : 3 * S]
    affine_candidate = affine[:, 3 * S :]
    ifo, cache_ifo = activations.sigmoid_forward(affine_gates)
    g, cache_g = activations.tanh_forward(affine_candidate)
    i = ifo[:, 0:S]
    f = ifo[:, S : 2 * S]
    o = ifo[:, 2 * S : 3 * S]

    # (2) What stays of the old memory, and what is added to it.
    kept = f * c
    added = i * g
    c_next = kept + added

    # (3) What of the new memory shows.
    tanh_c, cache_tanh_c = activations.tanh_forward(c_next)
    h_next = o * tanh_c
    return h_next, c_next, LSTMCache(x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c)


def lstm_backward(dh_next, dc_next, cache):
    """dh_next, dc_next: (B, S). Returns dx: (B, I), dh, dc: (B, S), dW_x: (I, 4S), dW_hh: (S, 4S), db: (4S,)."""
    S = cache.h.shape[1]
    i = cache.ifo.y[:, 0:S]
    f = cache.ifo.y[:, S : 2 * S]
    o = cache.ifo.y[:, 2 * S : 3 * S]
    g = cache.g.y
    tanh_c = cache.tanh_c.y

    # (3) h' = o * tanh_c: each factor gets the other, times what came in.
    do = dh_next * tanh_c
    dtanh_c = dh_next * o

    # c' has two readers. One is tanh in (3), whose slope is 1 - tanh^2; the other is the step after this one, and
    # dc_next is what it sends. Gradients that meet are added; here, and not later, because (2) needs their sum.
    dc_through_h = dtanh_c * (1 - tanh_c * tanh_c)
    dc_total = dc_next + dc_through_h

    # (2) c' = f * c + i * g: a sum hands on what came in to both terms, then each factor gets the other.
    df = dc_total * cache.c
    dc = dc_total * f
    di = dc_total * g
    dg = dc_total * i

    # (1) Through the nonlinearities: sigm has the slope y (1 - y), tanh 1 - y^2, both in terms of their own result.
    daffine_i = di * i * (1 - i)
    daffine_f = df * f * (1 - f)
    daffine_o = do * o * (1 - o)
    daffine_g = dg * (1 - g * g)
    daffine = np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)  # in the order of the columns

    # affine_bk = sum over j of x_bj W_x_jk + sum over s of h_bs W_hh_sk + b_k.
    # x_bj takes part in affine_bk of every column k, there multiplied by W_x_jk: a sum over k. So it is with h_bs.
    dx = daffine @ cache.W_x.T
    dh = daffine @ cache.W_hh.T
    # W_x_jk takes part in affine_bk of every caption b, there multiplied by x_bj: a sum over b. b_k too, times 1.
    dW_x = cache.x.T @ daffine
    dW_hh = cache.h.T @ daffine
    db = daffine.sum(axis=0)
    return dx, dh, dc, dW_x, dW_hh, db
