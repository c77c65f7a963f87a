"""Solution 19: Show and Tell.

The whole decoder is one LSTM that reads 1 + T inputs, the image and the T words; that the first of them comes out of
another formula than the others changes nothing for it. So there is no new derivative. Forward, one state an image
becomes as many as it has captions. Backward, the same line is a sum: what each caption sends back to the state it was
given belongs to the one state that all were copies of. And W_x, W_hh and b have been used in 1 + T steps, so that the
sum over the words' steps lacks one.
"""

import numpy as np

from numpy_sat.decoders.show_tell import DecodeCache, PictureCache
from numpy_sat.layers import dropout, embedding, linear, lstm


def picture_forward(params, a):
    """Run the first step of the LSTM on the mean annotation abar, from zero states (equation 10).

    Args:
        params: arrays by name: W_I, b_I, W_x, W_hh and b.
        a: (N, L, D) annotations.
    Returns:
        h, c: (N, S) hidden and cell states before <start>.
        cache: what picture_backward needs.
    """
    N, L, _ = a.shape
    S = len(params["W_hh"])  # (S, 4S)

    # abar_n = sum over locations of a_ni / L: what is in the image, and no more where.
    abar = a.sum(axis=1) / L

    # x has M numbers, as E y has: to the LSTM it is a word.
    x, cache_linear = linear.linear_forward(abar, params["W_I"], params["b_I"])

    # Nothing has been read before it.
    h_before = np.zeros((N, S), a.dtype)
    c_before = np.zeros((N, S), a.dtype)
    h, c, cache_lstm = lstm.lstm_forward(x, h_before, c_before, params["W_x"], params["W_hh"], params["b"])
    return h, c, PictureCache(L, cache_linear, cache_lstm)


def picture_backward(dh, dc, cache):
    """Compute the gradients of picture_forward.

    Args:
        dh, dc: (N, S).
        cache: from picture_forward.
    Returns:
        da: (N, L, D).
        grads: W_I (D, M), b_I (M,), W_x (M, 4S), W_hh (S, 4S) and b (4S,) by name.
    """
    # What the LSTM found before the image was a constant, 0: its gradients are of no use to anybody.
    dx, _, _, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache.lstm)
    # (dW_hh is the sum over images of h_before times something, and h_before is 0: so it is 0, of the right shape.)

    dabar, dW_I, db_I = linear.linear_backward(dx, cache.linear)

    # abar_n = a_n1 / L + ... + a_nL / L: each location took part with the share 1 / L, and gets that share back.
    L = cache.locations
    share = dabar / L
    N, D = share.shape
    da = np.empty((N, L, D), share.dtype)
    da[:] = share[:, None, :]  # the same at all locations: NumPy stretches (N, 1, D) over L

    return da, {"W_I": dW_I, "b_I": db_I, "W_x": dW_x, "W_hh": dW_hh, "b": db}


def decode_forward(params, a, words, mask_h):
    """Predict every word of whole captions from the image and the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t on its way to the output.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    _, B = words.shape
    N = len(a)
    each = B // N

    # (10) One state an image, (N, S).
    h_image, c_image, cache_image = picture_forward(params, a)

    # The captions of image 0 come first, then those of image 1: so row n is wanted `each` times, one below the
    # other. np.repeat does that; np.tile would go round all images again and again.
    h_start = np.repeat(h_image, each, axis=0)  # (B, S)
    c_start = np.repeat(c_image, each, axis=0)

    # (11) and (12): all words, by the step that has read the image.
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    h_all, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h_start, c_start, params["W_x"], params["W_hh"], params["b"])

    # The dropped state goes to the output. To the next word went the whole one, within the sequence.
    h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)
    logits, cache_output = linear.linear_forward(h_dropped, params["L_o"], params["b_o"])
    return logits, DecodeCache(cache_image, each, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    # The forward from its last line to its first.
    dh_dropped, dL_o, db_o = linear.linear_backward(dlogits, cache.output)
    dh_all = dropout.dropout_backward(dh_dropped, cache.dropout)

    # Nobody has used the memory after the last word.
    _, B, S = dh_all.shape
    dc_last = np.zeros((B, S), dh_all.dtype)
    dEy, dh_start, dc_start, dW_x_words, dW_hh_words, db_words = lstm.lstm_sequence_backward(
        dh_all, dc_last, cache.lstm
    )
    dE = embedding.embedding_backward(dEy, cache.embedding)

    # Row n of h_image was copied to `each` rows of h_start, one below the other: it gets the sum of their gradients.
    each = cache.each
    N = B // each
    dh_image = dh_start.reshape(N, each, S).sum(axis=1)
    dc_image = dc_start.reshape(N, each, S).sum(axis=1)
    da, grads_image = picture_backward(dh_image, dc_image, cache.picture)

    # W_x, W_hh and b were used by T steps for words, and by one for the image.
    grads = {
        "W_x": dW_x_words + grads_image["W_x"],
        "W_hh": dW_hh_words + grads_image["W_hh"],
        "b": db_words + grads_image["b"],
    }
    # The others in one place each.
    grads |= {"W_I": grads_image["W_I"], "b_I": grads_image["b_I"], "E": dE, "L_o": dL_o, "b_o": db_o}
    return da, grads
