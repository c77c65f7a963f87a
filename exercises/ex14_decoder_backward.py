"""Exercise 14: The decoder, back through time   (difficulty 3 of 3, about 90 minutes; builds on exercises 9, 12 and 28)

Goal            Send the gradient back through the whole decoder. This needs no new mathematics: call the layers'
                backward passes in reverse order, and add up the gradients of each array that has several uses.

Equations       per image   h_0, c_0 = tanh of affine maps of the mean annotation;   keys = a W_a + b_a
                per word    z  = attention(a, keys, h_{t-1}), with alpha         (B, D)      attention.attend_forward
                            z' = beta z, with beta from h_{t-1}                  (B, D)      attention.gate_forward
                            h_t, c_t from x = (E y_{t-1}, z'), h_{t-1}, c_{t-1}  (B, S)      lstm.lstm_forward
                all words   logits from E y_{t-1}, dropout of h_t, z'            (T, B, V)   output.output_forward
                 h_0 ---> word 1 ---> h_1 ---> word 2 ---> h_2 ---> word 3 ---> h_3
                                       |                    |                    |      h_2 has two uses, so dh_2 =
                                    logits_1             logits_2             logits_3  the gradient from logits_2
                                       |                    |                    |      + the gradient from word 3
                dh_0 <--- word 1 <--- dh_1 <-- word 2 <--- dh_2 <-- word 3 <--- dh_3
                da, dkeys and the gradients of the weights: each word adds its term

Worked example  The smallest recurrence, h_t = w h_{t-1}, with loss = h_1 + h_2 + h_3, h_0 = 1 and w = 2:
                dh_3 = 1   dh_2 = 3   dh_1 = 7      because dh_2 = 1 directly + w dh_3
                Find dh_0. Each word adds dh_t h_{t-1} to dw: find dw, the slope of w + w^2 + w^3 at 2.

Your task       1. recur_backward, one word: LSTM, gate, attention. Uses in a word: h_{t-1} by all three; z' by LSTM and
                   output (dz); alpha by z and by the penalty (dalpha). x holds E y_{t-1}, then z' (as wide as dz).
                2. decode_backward, all words, last first. a, keys and weights are used by every word, h_0 and c_0 by
                   all `each` captions of an image, side by side. a also makes the keys and h_0, c_0. Trap: arguments
                   must not change, so use += only on arrays that you created.

Given           attention.attend_backward(dz, dalpha, cache)   returns da, dkeys, dh, dW_h, dv
                attention.gate_backward(dgated, cache)         returns dz, dh, dw_beta, db_beta
                lstm.lstm_backward(dh, dc, cache)              returns dx, dh, dc, dW_x, dW_hh, db
                output.output_backward(dlogits, cache)         returns dEy, dh, dz, dL_h, dL_z, dL_o, db_o
                dropout_backward(dy, cache) returns dx, linear_backward(dy, cache) dx, dW, db, embedding_backward(dEy,
                cache) dE. Ignore `parts`. cache_start.keys is that of the affine map with W_a and b_a.
                cache_start.state is for attend_tell.first_state_backward(dh0, dc0, cache), which returns da, (N, D),
                the same for each location, and grads. grads is a dict by parameter name: "L_h", "E", "W_a" ...

Run             python -m exercises check 14   python -m exercises hint 14
Read            exercises/chapters/decoder_through_time.md: the longer story, with figures
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
