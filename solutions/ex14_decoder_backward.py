"""Solution 14: The decoder, back through time.

This exercise needs no new derivative, because every layer has a backward pass. It needs one rule: the gradient of an
array that is used in several places is the sum of the gradients from all these places.

So list the uses of every array in the forward pass. Then go through the forward pass from its last line to its first.
At the line that computes an array, all its uses have been processed, so its gradient is complete.

Answers to the questions of the page:

dh_0 = 14   dw = 17, which is 7 * 1 + 3 * 2 + 1 * 4, and also 1 + 2 w + 3 w^2 at w = 2
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
    # Last line of the forward pass: h_t, c_t = LSTM(x, h_{t-1}, c_{t-1})
    dx, dh_lstm, dc_before, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache.lstm)

    # x = (E y, gated z), concatenated, so split dx in the same way. dz gives D, and M is the rest.
    D = dz.shape[1]
    M = dx.shape[1] - D
    dEy = np.ascontiguousarray(dx[:, :M])
    dgated_lstm = dx[:, M:]

    # dgated = dgated_lstm + dz
    # term 1: through the LSTM
    # term 2: through the output layer, an argument of this function
    dgated = dgated_lstm + dz

    # gated = beta(h_{t-1}) z
    dcontext, dh_gate, dw_beta, db_beta = attention.gate_backward(dgated, cache.gate)

    # z, alpha = attention(a, keys, h_{t-1}). dalpha is the gradient of the result alpha, from the attention penalty.
    da, dkeys, dh_attend, dW_h, dv = attention.attend_backward(dcontext, dalpha, cache.attend)

    # dh_{t-1} = dh_lstm + dh_gate + dh_attend
    # term 1: through the LSTM
    # term 2: through the gate
    # term 3: through the attention
    # c_{t-1} has one use, in the LSTM.
    dh_before = dh_lstm + dh_gate + dh_attend

    grads = {"W_x": dW_x, "W_hh": dW_hh, "b": db, "w_beta": dw_beta, "b_beta": db_beta, "W_h": dW_h, "v": dv}
    return da, dkeys, dEy, dh_before, dc_before, grads


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
    grads = {}

    # Output layer, for all words at once: logits = output(E y_{t-1}, dropout(h_t), gated z_t)
    dEy_output, ddropped, dz, dL_h, dL_z, dL_o, db_o = output.output_backward(dlogits, cache.output)
    grads["L_h"], grads["L_z"], grads["L_o"], grads["b_o"] = dL_h, dL_z, dL_o, db_o
    # dropped = mask_h h
    dh_output = dropout.dropout_backward(ddropped, cache.dropout)

    # Go from the last word to the first. No word follows the last one, so its gradients from the next word are zero.
    T, B, S = dh_output.shape
    dh_after = np.zeros((B, S), dh_output.dtype)
    dc_after = np.zeros((B, S), dh_output.dtype)
    step_gradients = []
    for t in range(T - 1, -1, -1):
        # dh_t = dh_output_t + dh_after
        # term 1: through the output layer
        # term 2: through word t + 1
        dh_t = dh_output[t] + dh_after
        # dc_t has one term, through word t + 1
        dc_t = dc_after
        da_t, dkeys_t, dEy_t, dh_after, dc_after, grads_t = recur_backward(dh_t, dc_t, dz[t], dalpha[t], cache.steps[t])
        step_gradients.append((da_t, dkeys_t, dEy_t, grads_t))

    # Every word uses a, keys and the weights of the recurrence: da = sum over t of da_t, and so on.
    da = sum(da_t for da_t, _, _, _ in step_gradients)
    dkeys = sum(dkeys_t for _, dkeys_t, _, _ in step_gradients)
    for name in step_gradients[0][3]:
        grads[name] = sum(grads_t[name] for _, _, _, grads_t in step_gradients)

    # dEy = dEy_output + dEy_recur
    # term 1: through the output layer
    # term 2: through the recurrence of word t. The loop ran backwards, so reverse the list.
    dEy_recur = np.stack([dEy_t for _, _, dEy_t, _ in step_gradients[::-1]])
    # Ey = E[words]
    grads["E"] = embedding.embedding_backward(dEy_output + dEy_recur, cache.embedding)

    # After word 0, dh_after and dc_after are the gradients of the first states, one row for each caption.
    # dh0_n = sum over the captions of image n of dh_after, because they share one h_0. dc0 is the same for c_0. The
    # captions of an image are consecutive rows, so reshape to (N, captions per image, S).
    per_image = cache.each
    dh0 = dh_after.reshape(B // per_image, per_image, S).sum(axis=1)
    dc0 = dc_after.reshape(B // per_image, per_image, S).sum(axis=1)

    # h_0 and c_0 are functions of abar, the mean of a over locations. Every location has the same gradient, (N, D).
    dlocation, grads_state = attend_tell.first_state_backward(dh0, dc0, cache.start.state)
    grads.update(grads_state)

    # keys = a W_a + b_a
    da_keys, grads["W_a"], grads["b_a"] = linear.linear_backward(dkeys, cache.start.keys)

    # da = da + da_keys + dlocation
    # term 1: through the contexts of all words
    # term 2: through the keys
    # term 3: through abar, the same at every location
    da = da + da_keys + dlocation[:, None, :]
    return da, grads
