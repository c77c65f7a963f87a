"""Exercise 9: One step of the LSTM                          (difficulty 2 of 3, about 60 minutes; builds on exercise 3)

Goal            Write the layer that remembers. Besides its hidden state h, an LSTM carries a cell state c from word to
                word. Three gates between 0 and 1 control it: f says how much of c stays, i how much of the candidate g
                is added, o how much of c appears in h. Back through (2), dc = f * dc'. So where f is 1, a gradient
                passes unchanged.

Equations       affine = x W_x + h W_hh + b        (B, 4S), four blocks of S columns:
                    0 ... S-1      S ... 2S-1    2S ... 3S-1    3S ... 4S-1
                 |     i      |      f      |      o      |      g      |    * is elementwise, ' marks the new states
                     sigm          sigm          sigm          tanh
                (1) i, f, o = sigm of their blocks;  g = tanh of its block          (B, S) each; sigm is the sigmoid
                (2) c' = f * c + i * g        (B, S)      c ---> * f ---> + i * g ---> c' ----------> to the next step
                (3) h' = o * tanh(c')         (B, S)                                   +---> tanh ---> * o ---> h'

Worked example  B = I = S = 1, all weights and biases 0, so i = f = o = 1/2 and g = 0:
                x = [[1]]   h = [[1]]   c = [[2]]   c_next = [[1]]   h_next = [[0.3808]]
                dh_next = [[1]]   dc_next = [[3]]   do = 0.7616;   dc' in all: 3 + 0.5 * (1 - 0.7616^2) = 3.2100
                Find dc and the four numbers of db. Which of the four is 0, and why?

Your task       1. lstm_forward: compute (1) to (3) with the functions given below.
                2. lstm_backward: go through the equations in reverse. In a product, the gradient of one factor contains
                   the other: do = dh' * tanh(c'). Trap: c' has two uses, the next step (dc_next) and h'. Add both
                   gradients before you use the sum, in a new array: `dc_next +=` would change an argument.

Given           y, cache_y = activations.tanh_forward(s) returns y = tanh(s) and its cache. sigmoid_forward does the
                same. tanh_backward(dy, cache_y) is dy * (1 - y^2), sigmoid_backward(dy, cache_y) is dy * y (1 - y).
                LSTMCache is packed and unpacked for you. It needs cache_ifo (one sigmoid_forward of the first 3S
                columns), cache_g, and cache_tanh_c of tanh(c').

Run             python -m exercises check 9   python -m exercises hint 9   python -m exercises check 9 --pencil
Read            exercises/chapters/lstm.md: the longer story, with figures
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
