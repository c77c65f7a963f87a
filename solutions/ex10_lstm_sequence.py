"""Solution 10: The LSTM over a sequence.

Forward, each step starts from the hidden state and cell state of the step before. Backward, a step needs the complete
gradients of its h_t and c_t. A part of them comes from step t + 1, so the loop runs from the last step to the first.

All T steps use the same weights. If each step had its own copy, the gradients of the copies would be dW_1 ... dW_T.
The shared weight moves all copies at once, so its gradient is their sum.

Answers to the questions of the page:

After the last step, c = [[1]]. Before the first step, dc = [[0.25]]. The first step receives dc' = 0.5.
So it adds 0.5 * 4 / 4 = 0.5 to db of the forget gate. Both steps together: df = 1
"""

import numpy as np

from numpy_sat.layers import lstm
from numpy_sat.layers.lstm import LSTMSequenceCache


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
    T = len(x)
    B, S = h.shape
    h_all = np.empty((T, B, S), h.dtype)
    steps = []
    h_before, c_before = h, c
    for t in range(T):
        h_after, c_after, cache_t = lstm.lstm_forward(x[t], h_before, c_before, W_x, W_hh, b)
        h_all[t] = h_after
        steps.append(cache_t)
        h_before, c_before = h_after, c_after  # the next step starts from these states
    c_last = c_before
    return h_all, c_last, LSTMSequenceCache(steps)


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
    T = len(dh_all)
    first = cache.steps[0]
    dx = np.empty((T, *first.x.shape), dh_all.dtype)
    dW_x = np.zeros_like(first.W_x)
    dW_hh = np.zeros_like(first.W_hh)
    db = np.zeros_like(first.W_x[0])  # b is not in the cache; it is as long as a row of W_x

    # No step follows the last one, so its h receives nothing from a next step. Its c is returned, with the gradient dc.
    dh_from_next = np.zeros_like(dh_all[0])
    dc_from_next = dc
    for t in reversed(range(T)):
        # dh_t = dh_all_t + dh from step t + 1
        # term 1: h_t is a result of the function
        # term 2: step t + 1 starts from h_t
        dh_t = dh_all[t] + dh_from_next
        # dc_t has one term: step t + 1 starts from c_t
        dc_t = dc_from_next
        dx_t, dh_before, dc_before, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_t, dc_t, cache.steps[t])
        dx[t] = dx_t  # only step t reads x_t
        # dW = sum over t of dW_t, because every step uses the same weights
        dW_x += dW_x_t
        dW_hh += dW_hh_t
        db += db_t
        dh_from_next, dc_from_next = dh_before, dc_before  # step t is the next step of step t - 1
    return dx, dh_from_next, dc_from_next, dW_x, dW_hh, db
