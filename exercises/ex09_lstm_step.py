"""Exercise 9: One step of the LSTM                          (difficulty 2 of 3, about 60 minutes; builds on exercise 3)

To learn: how a network remembers. Besides its hidden state h, an LSTM carries a cell state c from word to word. Three
gates, numbers between 0 and 1, control it. f says how much of c stays. i says how much of the candidate g is added. o
says how much of c appears in the hidden state.

    affine = x W_x + h W_hh + b                 (B, 4S): four blocks of S columns, in the order i, f, o, g
    (1) i, f, o = sigm of their blocks;  g = tanh of its block        (sigm: the sigmoid)
    (2) c' = f * c + i * g        (3) h' = o * tanh(c')        * is elementwise; h' and c' are the new ones

Why it remembers: back through (2), dc = f * dc'. This path has no matrix and no tanh. Where f is 1, the gradient does
not change from step to step.

Backward: the equations in reverse. In a product, the gradient of one factor contains the other: do = dh' * tanh(c').
The trap is c': two places use it, the next step (dc_next) and h'. Add up both gradients before you use the sum.

The cache is LSTMCache(x, h, c, W_x, W_hh, ifo, g, tanh_c). The last three are caches themselves, from activations:
y, cache_y = activations.tanh_forward(s) returns y = tanh(s) and cache_y = TanhCache(y). sigmoid_forward returns
SigmoidCache(y) in the same way. Store cache_y unchanged. ifo comes from one call for three gates, on the first 3S
columns. tanh_c is the cache of tanh(c'). In the backward pass, use cache.ifo.y (B, 3S), cache.g.y and cache.tanh_c.y.

You may use all of activations: sigmoid_backward(dy, cache_y) is dy * y (1 - y), tanh_backward(dy, cache_y) is
dy * (1 - y^2). Write out the two functions below, nothing else.

Predict before you run: B = I = S = 1, x = h = [[1]], c = [[2]], all weights and biases 0. What are the gates, c', h'?
(i = f = o = 1/2 and g = 0, so c' = c / 2 = 1 and h' = tanh(c') / 2 = 0.3808.)
Then dh_next = [[1]], dc_next = [[0]]. (do = 0.7616; the total gradient of c' is 0.5 * (1 - 0.7616^2) = 0.2100.)
Find dc and the four numbers of db yourself. Which of the four is 0, and why?
Run             python -m exercises check 9      python -m exercises hint 9
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
    raise NotImplementedError("exercise 9: lstm_forward")
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
    ifo, g, tanh_c = cache_ifo.y, cache_g.y, cache_tanh_c.y
    raise NotImplementedError("exercise 9: lstm_backward")
