"""Solution 23: Reading a sentence.

Two LSTMs go over the same words, one from the first to the last, one from the last to the first. Neither is new, so all
there is to get right is order: which of an array's axes is time, which way round it is at the moment, and that what was
turned round is turned back before it is laid beside what was not. Backward, every turn and every split is undone, and a
word's vector, which both LSTMs have read, gathers what comes back from both.
"""

import numpy as np

from numpy_sat.encoders.reader import EncodeCache
from numpy_sat.layers import embedding, lstm


def encode_forward(params, sources, sizes):
    """Compute a_j = (ahead_j, back_j) with two LSTMs, which both start from zeros.

    ahead_j = LSTM(E x_j, ahead_{j-1}),  back_j = LSTM(E x_j, back_{j+1})

    Args:
        params: arrays by name, as from init_params.
        sources: (N, L) integers x_1, ..., x_L. Short sentences are filled up with <end>, which is read like any word.
        sizes: (V, M, S).
    Returns:
        a: (N, L, 2S).
        cache: what encode_backward needs.
    """
    N, L = sources.shape
    S = sizes[2]

    # An LSTM reads all N sentences at once, a word of each at a time: time is the first axis, the sentence the second.
    words = sources.T  # (L, N)
    Ex, cache_embedding = embedding.embedding_forward(params["E_source"], words)  # (L, N, M)
    start = np.zeros((N, S), Ex.dtype)

    # From the first word to the last.
    W_x, W_hh, b = params["W_x_ahead"], params["W_hh_ahead"], params["b_ahead"]
    ahead, _, cache_ahead = lstm.lstm_sequence_forward(Ex, start, start, W_x, W_hh, b)  # (L, N, S)

    # From the last word to the first, with weights of its own: the same function, given the words turned round.
    Ex_turned = Ex[::-1]
    W_x, W_hh, b = params["W_x_back"], params["W_hh_back"], params["b_back"]
    back_turned, _, cache_back = lstm.lstm_sequence_forward(Ex_turned, start, start, W_x, W_hh, b)
    # Its first state is that after the last word. Turned back, the jth is that after the jth word, as in ahead.
    back = back_turned[::-1]

    # Side by side; and the sentence first, as a decoder expects it.
    a = np.empty((N, L, 2 * S), Ex.dtype)
    for j in range(L):
        a[:, j, :S] = ahead[j]
        a[:, j, S:] = back[j]
    return a, EncodeCache(cache_embedding, cache_ahead, cache_back)


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S) gradient of a.
        cache: from encode_forward.
    Returns:
        The gradients by parameter name; words need none.
    """
    N, _, D = da.shape
    S = D // 2

    # What lay side by side: the first S numbers are of the states ahead, the others of those back. Time comes first.
    dahead = da[:, :, :S].swapaxes(0, 1)  # (L, N, S)
    dback = da[:, :, S:].swapaxes(0, 1)

    # Nothing but the states has left the LSTMs: to the memory after its last word no gradient comes from outside.
    nothing = np.zeros((N, S), da.dtype)

    # What reaches h = c = 0 before the first word goes nowhere.
    dEx_ahead, _, _, dW_x_ahead, dW_hh_ahead, db_ahead = lstm.lstm_sequence_backward(dahead, nothing, cache.ahead)

    # The other one has read the words turned round, and made its states in that order: so are their gradients given,
    # and so do those of the words come out.
    dback_turned = dback[::-1]
    dEx_turned, _, _, dW_x_back, dW_hh_back, db_back = lstm.lstm_sequence_backward(dback_turned, nothing, cache.back)
    dEx_back = dEx_turned[::-1]

    # Both have read the vector of the jth word.
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
