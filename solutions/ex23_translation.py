"""Solution 23: Reading a sentence.

Two LSTMs read the same words: one from the first to the last, the other from the last to the first. Both are known from
exercise 10. The task is to keep track of the order. Which axis is time, and in which direction does it run? The states
of the second LSTM must be reversed before the concatenation.

Backward, undo every reversal and every split. Both LSTMs read a word's vector, so its gradient is the sum of two terms.

Answers to the questions of the page:

a_back = [0.6351, 0.4621, 0]
Only the first word has no gradient. The LSTM that reads backward meets the third word, then the second, and then the
first. a[0, 1, 1] is its state after the second word.
"""

import numpy as np

from numpy_sat.encoders.reader import EncodeCache
from numpy_sat.layers import embedding, lstm


def encode_forward(params, sources, sizes):
    """Compute a_j = (ahead_j, back_j) with two LSTMs that start from zeros.

    ahead_j = LSTM(E x_j, ahead_{j-1}),  back_j = LSTM(E x_j, back_{j+1})

    Args:
        params: arrays by name, as from init_params.
        sources: (N, L) integers x_1, ..., x_L. Short sentences are padded with <end>, which is read like any word.
        sizes: (V, M, S) vocabulary size, embedding size, hidden size of each LSTM.
    Returns:
        a: (N, L, 2S) annotation vectors.
        cache: what encode_backward needs.
    """
    N, L = sources.shape
    S = sizes[2]

    # An LSTM reads all N sentences in parallel, word by word. So time is the first axis and the sentence the second.
    words = sources.T  # (L, N)
    Ex, cache_embedding = embedding.embedding_forward(params["E_source"], words)  # (L, N, M)
    start = np.zeros((N, S), Ex.dtype)

    # ahead_j = LSTM(E x_j, ahead_{j-1}), from the first word to the last
    W_x, W_hh, b = params["W_x_ahead"], params["W_hh_ahead"], params["b_ahead"]
    ahead, _, cache_ahead = lstm.lstm_sequence_forward(Ex, start, start, W_x, W_hh, b)  # (L, N, S)

    # back_j = LSTM(E x_j, back_{j+1}), from the last word to the first: the same function on the reversed words, with
    # other weights
    Ex_reversed = Ex[::-1]
    W_x, W_hh, b = params["W_x_back"], params["W_hh_back"], params["b_back"]
    back_reversed, _, cache_back = lstm.lstm_sequence_forward(Ex_reversed, start, start, W_x, W_hh, b)
    # Its first state belongs to the last word. Reverse the states, so that state j belongs to word j, as in ahead.
    back = back_reversed[::-1]

    # a_j = (ahead_j, back_j), with the sentence as the first axis, as a decoder expects it
    a = np.empty((N, L, 2 * S), Ex.dtype)
    for j in range(L):
        a[:, j, :S] = ahead[j]
        a[:, j, S:] = back[j]
    return a, EncodeCache(cache_embedding, cache_ahead, cache_back)


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    N, _, D = da.shape
    S = D // 2

    # a_j = (ahead_j, back_j), so the first S numbers of da belong to ahead, the others to back. Move time to the front.
    dahead = da[:, :, :S].swapaxes(0, 1)  # (L, N, S)
    dback = da[:, :, S:].swapaxes(0, 1)

    # The result contains the hidden states only, so the last cell state has a gradient of zero.
    zeros = np.zeros((N, S), da.dtype)

    # ahead_j = LSTM(E x_j, ahead_{j-1}). The states before the first word are constants, so ignore their gradients.
    dEx_ahead, _, _, dW_x_ahead, dW_hh_ahead, db_ahead = lstm.lstm_sequence_backward(dahead, zeros, cache.ahead)

    # back_j = LSTM(E x_j, back_{j+1}). This LSTM works in reversed order, so reverse the gradients of its states. The
    # gradients of the word vectors come out reversed, too.
    dback_reversed = dback[::-1]
    dEx_reversed, _, _, dW_x_back, dW_hh_back, db_back = lstm.lstm_sequence_backward(dback_reversed, zeros, cache.back)
    dEx_back = dEx_reversed[::-1]

    # dEx_j = dEx_ahead_j + dEx_back_j
    # term 1: through the LSTM from the first word to the last
    # term 2: through the LSTM from the last word to the first
    dEx = dEx_ahead + dEx_back
    return {
        "E_source": embedding.embedding_backward(dEx, cache.embedding),
        "W_x_ahead": dW_x_ahead,
        "W_hh_ahead": dW_hh_ahead,
        "b_ahead": db_ahead,
        "W_x_back": dW_x_back,
        "W_hh_back": dW_hh_back,
        "b_back": db_back,
    }
