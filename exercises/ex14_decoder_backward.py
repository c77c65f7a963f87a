"""Exercise 14: The decoder, back through time   (difficulty 3 of 3, about 90 minutes; builds on exercises 9, 12 and 28)

To learn: whole networks need no new mathematics, only bookkeeping. All layers have a backward pass. Call them in
reverse order, and add up the gradients of every array that is used in several places.

Forward, of each image:  h_0, c_0 = tanh of affine maps of abar;  keys = a W_a + b_a
         for each word t:  z  = sum over i of alpha_i a_i, alpha from keys and h_{t-1}       attention.attend_forward
                           z' = beta z, beta from h_{t-1}                                    attention.gate_forward
                           h_t, c_t from x = (E y_{t-1}, z'), h_{t-1}, c_{t-1}               lstm.lstm_forward
         for all at once:  dropout of h_t;  logits from E y_{t-1}, dropped h_t, z'           output.output_forward

recur_backward handles one word, decode_backward the whole caption. These arrays have several uses:
  in a word      h_{t-1}: by attention, gate, LSTM;    z': by LSTM and output;    alpha: by z and by the penalty
  between words  h_t: by the output and the next word;    a, keys and the weights: by every word
  at the start   h_0, c_0: by all `each` captions of the image, side by side;    a: by abar and the keys as well

Predict before you run. The slides' smallest recurrence is h_t = w h_{t-1}, from h_0 = 1 with w = 2 for three words,
loss = h_1 + h_2 + h_3. Backward, dh_3 = 1. dh_2 = 1 directly, plus w * 1 = 2 through h_3, so 3. What are dh_1 and dh_0?
Each word adds dh_t * h_{t-1} to dw: what is dw? (dh_1 = 7; find dh_0 and dw, the slope of w + w^2 + w^3.) Both `=` for
`+=`, and a dh that is not carried from word to word, give dw = 7 here. Why?

The caches: RecurCache(parts, attend, gate, lstm); DecodeCache(parts, start, each, embedding, steps, dropout, output),
where steps are the RecurCaches, and start is StartCache(state, keys). keys is for linear.linear_backward. state is for
attend_tell.first_state_backward, whose gradient of a, (N, D), is the same at all L locations. parts describes the
decoder. Here it is always soft attention with gate and deep output, so ignore it.

You may call every layer's backward pass through its module. grads is a dict with the parameters' names. Arguments must
not change: use += only on arrays that you have created.
Run             python -m exercises check 14      python -m exercises hint 14
"""

import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.layers import attention, dropout, embedding, linear, lstm, output


def recur_backward(dh, dc, dz, dalpha, cache):
    """Compute the gradients of recur_forward. The shapes are those of soft attention.

    Args:
        dh: (B, S) gradient of h_t, through the output and the next word.
        dc: (B, S) gradient of c_t, through the next word.
        dz: (B, D) gradient of the gated context, through the output.
        dalpha: (B, L) gradient of the attention weights, through the attention penalty.
        cache: from recur_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dEy: (B, M).
        dh, dc: (B, S) gradients of h_{t-1} and c_{t-1}.
        grads: W_h (S, A), v (A,), w_beta (S,), b_beta (1,), W_x (M + D, 4S), W_hh (S, 4S), b (4S,) by name.
    """
    parts, cache_attend, cache_gate, cache_lstm = cache
    raise NotImplementedError("exercise 14: recur_backward")


def decode_backward(dlogits, dalpha, cache):
    """Compute the gradients of decode_forward by backpropagation through time.

    Args:
        dlogits: (T, B, V) gradient of the logits.
        dalpha: (T, B, L) gradient of the returned attention weights, for example from the attention penalty.
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    parts, cache_start, each, cache_embedding, steps, cache_dropout, cache_output = cache
    raise NotImplementedError("exercise 14: decode_backward")
