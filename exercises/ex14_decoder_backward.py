"""Exercise 14: The decoder, back through time.

To learn: whole networks have no new mathematics, only bookkeeping. All parts have their backward; what is left is to
call them in reverse order and to add up, wherever one thing was used in several places, what comes back from each.

Forward, of each image:  h_0, c_0 = tanh of affine maps of abar;  keys = a W_a + b_a
         for each word t:  z  = sum over i of alpha_i a_i, alpha from keys and h_{t-1}       attention.attend_forward
                           z' = beta z, beta from h_{t-1}                                    attention.gate_forward
                           h_t, c_t from x = (E y_{t-1}, z'), h_{t-1}, c_{t-1}               lstm.lstm_forward
         for all at once:  dropout of h_t;  logits from E y_{t-1}, dropped h_t, z'           output.output_forward

recur_backward is one word, decode_backward the whole. What was used twice or more, and so gathers gradients:
  in a word      h_{t-1}: by attention, gate, LSTM;    z': by LSTM and output;    alpha: by z and by the penalty
  between words  h_t: by the output and the next word;    a, keys and the weights: by every word
  at the start   h_0, c_0: by all `each` captions of the image, side by side;    a: by abar and the keys as well

Predict before you run. The slides' smallest recurrence is h_t = w h_{t-1}, from h_0 = 1 with w = 2 for three words,
loss = h_1 + h_2 + h_3. Going back, h_3 gets 1; h_2 gets 1 of its own and w * 1 = 2 by way of h_3, so 3. What do h_1
and h_0 get? Each word adds (gradient of h_t) * h_{t-1} to dw: what is dw? (h_1 gets 7; find h_0's, and dw, which must
be the slope of w + w^2 + w^3.) Both `=` for `+=` and a dh that is not carried on give dw = 7 here: see how.

The caches: RecurCache(parts, attend, gate, lstm); DecodeCache(parts, start, each, embedding, steps, dropout, output),
of which steps are the RecurCaches, and start is StartCache(state, keys): keys for linear.linear_backward, and state for
attend_tell.first_state_backward, whose gradient of a, (N, D), is the same at all L locations. parts says what the
decoder is made of; here always soft attention, with gate and deep output, so that you need not ask.

You may call every layer's backward, through its module. grads is a dict with the parameters' names. What you are
given must not change: += only on arrays that you have made.
"""

import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.layers import attention, dropout, embedding, linear, lstm, output


def recur_backward(dh, dc, dz, dalpha, cache):
    """Compute the gradients of recur_forward. The shapes are those of soft attention.

    Args:
        dh: (B, S) gradient of h_t, from the output and the next word.
        dc: (B, S) gradient of c_t, from the next word.
        dz: (B, D) gradient of the gated context, from the output.
        dalpha: (B, L) gradient of the attention weights, from the attention penalty.
        cache: from recur_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dEy: (B, M).
        dh, dc: (B, S) gradients of h_{t-1} and c_{t-1}.
        grads: W_h (S, A), v (A,), w_beta (S,), b_beta (1,), W_x (M + D, 4S), W_hh (S, 4S), b (4S,) by name.
    """
    raise NotImplementedError("exercise 14: recur_backward")


def decode_backward(dlogits, dalpha, cache):
    """Compute the gradients of decode_forward by backpropagation through time.

    Args:
        dlogits: (T, B, V) gradient of the logits.
        dalpha: (T, B, L) gradient of the attention weights from outside, such as that of the attention penalty.
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    raise NotImplementedError("exercise 14: decode_backward")
