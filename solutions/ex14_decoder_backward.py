"""Solution 14: The decoder, back through time.

No derivative is taken here: every layer has its own. There is one rule, used again and again: a number that was used in
several places has as its gradient the sum of what comes back from each. So we write down, for everything that is made
in the forward pass, who uses it, and go through the forward pass from its last line to its first; when we reach the
line that made a thing, all its users have been gone through, and its gradient is complete.
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
    # Last line of the forward: h_t, c_t = LSTM(x, h_{t-1}, c_{t-1}). It used x, and the state and memory before.
    dx, dh_lstm, dc_before, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache.lstm)

    # x = (E y, gated z), side by side: so are their gradients. D is known from dz, M is the rest.
    D = dz.shape[1]
    M = dx.shape[1] - D
    dEy = np.ascontiguousarray(dx[:, :M])
    dgated_lstm = dx[:, M:]

    # The gated context was used twice: by the LSTM, and by the output layer, whose part is handed in.
    dgated = dgated_lstm + dz

    # gated = beta(h_{t-1}) z. It used z, and h_{t-1}.
    dcontext, dh_gate, dw_beta, db_beta = attention.gate_backward(dgated, cache.gate)

    # z, alpha = attention(a, keys, h_{t-1}). Of its two results, alpha goes to the penalty too, whose part is dalpha.
    da, dkeys, dh_attend, dW_h, dv = attention.attend_backward(dcontext, dalpha, cache.attend)

    # h_{t-1} was used three times: by attention, gate and LSTM. c_{t-1} once, by the LSTM.
    dh_before = dh_lstm + dh_gate + dh_attend

    grads = {"W_x": dW_x, "W_hh": dW_hh, "b": db, "w_beta": dw_beta, "b_beta": db_beta, "W_h": dW_h, "v": dv}
    return da, dkeys, dEy, dh_before, dc_before, grads


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
    grads = {}

    # The output layer, of all words in one go. It used E y_{t-1}, the dropped state and the gated context.
    dEy_output, ddropped, dz, dL_h, dL_z, dL_o, db_o = output.output_backward(dlogits, cache.output)
    grads["L_h"], grads["L_z"], grads["L_o"], grads["b_o"] = dL_h, dL_z, dL_o, db_o
    dh_output = dropout.dropout_backward(ddropped, cache.dropout)

    # The words, from the last to the first. No word comes after the last, so nothing is sent back to it.
    T, B, S = dh_output.shape
    dh_after = np.zeros((B, S), dh_output.dtype)
    dc_after = np.zeros((B, S), dh_output.dtype)
    of_words = []
    for t in range(T - 1, -1, -1):
        # h_t was used by the output layer and by word t + 1; c_t by word t + 1 alone.
        dh_t = dh_output[t] + dh_after
        dc_t = dc_after
        da_t, dkeys_t, dEy_t, dh_after, dc_after, grads_t = recur_backward(dh_t, dc_t, dz[t], dalpha[t], cache.steps[t])
        of_words.append((da_t, dkeys_t, dEy_t, grads_t))

    # a, keys and the weights of the recurrence were used by every word: the sum over words.
    da = sum(da_t for da_t, _, _, _ in of_words)
    dkeys = sum(dkeys_t for _, dkeys_t, _, _ in of_words)
    for name in of_words[0][3]:
        grads[name] = sum(grads_t[name] for _, _, _, grads_t in of_words)

    # E y_{t-1} was used by the output layer and by the recurrence of word t. (The loop went backwards: so turn it.)
    dEy_recur = np.stack([dEy_t for _, _, dEy_t, _ in of_words[::-1]])
    grads["E"] = embedding.embedding_backward(dEy_output + dEy_recur, cache.embedding)

    # dh_after and dc_after have arrived at what word 0 started from: h_0 and c_0, of an image, used by its `each`
    # captions. They stand side by side, so a reshape gives each image a row of its own: (N, each, S).
    each = cache.each
    dh0 = dh_after.reshape(B // each, each, S).sum(axis=1)
    dc0 = dc_after.reshape(B // each, each, S).sum(axis=1)

    # h_0 and c_0 are made of abar, the mean of a over locations: each location gets the same, (N, D) stretched over L.
    dlocation, grads_state = attend_tell.first_state_backward(dh0, dc0, cache.start.state)
    grads.update(grads_state)

    # keys = a W_a + b_a.
    da_keys, grads["W_a"], grads["b_a"] = linear.linear_backward(dkeys, cache.start.keys)

    # So a was used three times: by the contexts of all words, by the keys, and by abar.
    da = da + da_keys + dlocation[:, None, :]
    return da, grads
