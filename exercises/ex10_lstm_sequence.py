"""Exercise 10: The LSTM over a sequence                     (difficulty 2 of 3, about 45 minutes; builds on exercise 9)

Goal            Run a layer along a sequence, and send the gradient back along it: backpropagation through time. A
                captioner writes its sentence in this way. One step with the same weights computes every word from the
                states after the word before.

Equations       h_t, c_t = step(x_t, h_{t-1}, c_{t-1}; W_x, W_hh, b)      t = 1 ... T      h_all: (T, B, S), c: (B, S)
                dh_t  = dh_all_t + (dh from step t + 1; none after the last step)           (B, S): h_t has two uses
                dc_t  = dc from step t + 1; after the last step, the argument dc            (B, S): c_t has one use
                dW_x, dW_hh, db = sums over t, because every step uses the same weights     the shapes of W_x, W_hh, b
                h_t is a result of the function, and step t + 1 reads it. Only the last c is returned. In the code, x[0]
                is x_1.

Worked example  B = I = S = 1, T = 2, all weights and biases 0, x and h 0. A step halves the cell state, c' = c / 2, and
                the hidden state is half of its tanh, h' = tanh(c') / 2:
                c = [[4]]   h_all = [[[0.4820]], [[0.3808]]]            Find c after the last step.
                dh_all = [[[0]], [[0]]]   dc = [[1]]
                A step sends dc' / 2 back to c, and dc' * c / 4 to the bias of the forget gate. The last step alone
                gives that bias 1 * 2 / 4 = 0.5. Find dc before the first step, and db of the forget gate.

Your task       1. lstm_sequence_forward: loop over the steps, from the first to the last. Collect h of every step in
                   h_all, and the step's cache in the list `steps`: steps[0] belongs to x[0].
                2. lstm_sequence_backward: loop from the last step to the first. Trap: dh of a step goes to the step
                   before it, and is added to dh_all there. Trap: the weights' gradients are sums over all steps.

Given           The step, through its module (exercise 9):
                lstm.lstm_forward(x_t, h, c, W_x, W_hh, b)           returns h, c, cache_t
                lstm.lstm_backward(dh_next, dc_next, cache_t)        returns dx_t, dh, dc, dW_x_t, dW_hh_t, db_t
                The cache LSTMSequenceCache(steps) is packed and unpacked for you.

Run             python -m exercises check 10   python -m exercises hint 10   python -m exercises check 10 --pencil
Read            exercises/chapters/lstm.md: the longer story, with figures
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
