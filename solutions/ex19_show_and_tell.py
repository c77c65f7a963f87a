"""Solution 19: Show and Tell.

The decoder is one LSTM that reads 1 + T inputs: the image and the T words. The image input has its own formula, but
the LSTM step is the same. So this exercise needs no new derivative.

Forward, the state of an image is copied to each of its captions. Backward, the copy becomes a sum over these captions.
The weights W_x, W_hh and b are used in 1 + T steps. So add the image step to the sum over the words.

Answers to the questions of the page:

After the word with E y = 0, c stays 0.7163: h = 0.6146. After the next word, h = 0.7648. dabar is dx W_I, 0.9738. abar
is the mean of L = 2 locations, so each of them receives half of dabar. The image's term of dW_hh is 0, because h is 0
before the image.
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

    # abar_n = sum over locations i of a_ni / L: the mean keeps no information about the locations
    abar = a.sum(axis=1) / L

    # x = abar W_I + b_I. It has M numbers like E y, so the LSTM reads it like a word.
    x, cache_linear = linear.linear_forward(abar, params["W_I"], params["b_I"])

    # (10) h, c = LSTM(x, 0, 0): the image is the first input
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
    # (10) h, c = LSTM(x, 0, 0). The states before the image are constants, so ignore their gradients.
    dx, _, _, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache.lstm)
    # (dW_hh is 0, because it is a product with h_before, which is 0.)

    # x = abar W_I + b_I
    dabar, dW_I, db_I = linear.linear_backward(dx, cache.linear)

    # abar_n = a_n1 / L + ... + a_nL / L, so da_ni = dabar_n / L at every location i
    L = cache.locations
    share = dabar / L
    N, D = share.shape
    da = np.empty((N, L, D), share.dtype)
    da[:] = share[:, None, :]  # the same at all locations: NumPy broadcasts (N, 1, D) over L

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
    per_image = B // N

    # (10) One state for each image, (N, S).
    h_image, c_image, cache_picture = picture_forward(params, a)

    # The captions of image 0 come first, then those of image 1. So repeat row n once for each caption of image n, as
    # np.repeat does. np.tile would cycle through the images instead.
    h_start = np.repeat(h_image, per_image, axis=0)  # (B, S)
    c_start = np.repeat(c_image, per_image, axis=0)

    # (11) and (12): h_t, c_t = LSTM(E y_{t-1}, h_{t-1}, c_{t-1}) for all words, with the weights of the image step
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    h_all, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h_start, c_start, params["W_x"], params["W_hh"], params["b"])

    # logits = (mask_h h) L_o + b_o. Dropout applies to the output only; the next step reads h without dropout.
    h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)
    logits, cache_output = linear.linear_forward(h_dropped, params["L_o"], params["b_o"])
    return logits, DecodeCache(cache_picture, per_image, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    # Go through the forward pass from its last line to its first.
    # logits = h_dropped L_o + b_o
    dh_dropped, dL_o, db_o = linear.linear_backward(dlogits, cache.output)
    # h_dropped = mask_h h
    dh_all = dropout.dropout_backward(dh_dropped, cache.dropout)

    # (12) h_t, c_t = LSTM(E y_{t-1}, h_{t-1}, c_{t-1}). The cell state after the last word has no use: gradient 0.
    _, B, S = dh_all.shape
    dc_last = np.zeros((B, S), dh_all.dtype)
    dEy, dh_start, dc_start, dW_x_words, dW_hh_words, db_words = lstm.lstm_sequence_backward(
        dh_all, dc_last, cache.lstm
    )
    # Ey = E[words]
    dE = embedding.embedding_backward(dEy, cache.embedding)

    # dh_image_n = sum over the captions of image n of dh_start, because their rows are copies of row n. dc alike.
    per_image = cache.each
    N = B // per_image
    dh_image = dh_start.reshape(N, per_image, S).sum(axis=1)
    dc_image = dc_start.reshape(N, per_image, S).sum(axis=1)
    da, grads_image = picture_backward(dh_image, dc_image, cache.picture)

    # dW = dW_words + dW_image, for W_x, W_hh and b
    # term 1: through the T steps of the words
    # term 2: through the step of the image
    grads = {
        "W_x": dW_x_words + grads_image["W_x"],
        "W_hh": dW_hh_words + grads_image["W_hh"],
        "b": db_words + grads_image["b"],
    }
    # All other parameters have one use.
    grads |= {"W_I": grads_image["W_I"], "b_I": grads_image["b_I"], "E": dE, "L_o": dL_o, "b_o": db_o}
    return da, grads
