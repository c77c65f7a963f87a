"""Exercise 10: The LSTM over a sequence                     (difficulty 2 of 3, about 45 minutes; builds on exercise 9)

To learn: a chain of steps with the same weights, and the way back along it, "backpropagation through time".

    h_t, c_t = step(x_t, h_{t-1}, c_{t-1}; W_x, W_hh, b)        for t = 1 ... T; in the code x[0] is x_1

A captioner writes its sentence in this way: the same step computes every word from the states after the word before.
Backward, go from the last step to the first. Three facts matter:

    h_t has two uses, as a result of the function and in step t+1. Add both gradients:
        dh_t = dh_all_t + (dh from step t+1; none after the last step)
    c_t has one use, in step t+1; only the last c is also returned, so dc starts as the argument dc
    every step uses W_x, W_hh, b: their gradients are sums over t

The step itself is exercise 9. You may use, through the module,
    lstm.lstm_forward(x_t, h, c, W_x, W_hh, b)           which returns h, c, cache_t
    lstm.lstm_backward(dh_next, dc_next, cache_t)        which returns dx_t, dh, dc, dW_x_t, dW_hh_t, db_t
The two functions below are loops around these.

The cache is LSTMSequenceCache(steps): steps is the list of the T caches cache_t, and steps[0] belongs to x[0].

Predict before you run: B = I = S = 1, T = 2, all weights and biases 0, x and h 0, c = [[4]]. A step halves the cell
state, c' = c / 2, and the hidden state is half of its tanh, h' = tanh(c') / 2. What are h_all and c?
(h_all = 0.4820, 0.3808; find c yourself.)
Now dh_all = 0 and dc = [[1]]. A step sends dc' / 2 back to c, and dc' * c / 4 to the bias of the forget gate.
Find dc before the first step, and db of the forget gate. (The last step alone gives it 1 * 2 / 4 = 0.5.)
Run             python -m exercises check 10      python -m exercises hint 10
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
    raise NotImplementedError("exercise 10: lstm_sequence_forward")
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
    steps = cache.steps
    raise NotImplementedError("exercise 10: lstm_sequence_backward")
