"""Exercise 23: Reading a sentence                   (difficulty 2 of 3, about 45 minutes; builds on exercises 2 and 10)

Goal            Encode a sentence, so that the decoder that writes captions can translate it. Early translators read
                "hello" with one LSTM, and a second LSTM started from its last state and wrote "ciao". One state must
                then hold the whole sentence. Attention was invented here (Bahdanau et al. 2015): keep the state after
                every word, and let the decoder attend to them. The states are annotations, a_j of word j.

Equations       Ex_j    = E x_j                        (L, N, M)     j = 1 ... L, the words' vectors
                ahead_j = LSTM(Ex_j, ahead_{j-1})      (L, N, S)     from the first word to the last
                back_j  = LSTM(Ex_j, back_{j+1})       (L, N, S)     from the last word to the first
                a_j     = (ahead_j, back_j)            (N, L, 2S)    side by side
                An LSTM that reads forward cannot know at "red" which noun follows: case rosse, but libri rossi. So
                there are two. Both start from h = c = 0. In the decoder, its hidden state gives the query. Word j gives
                the key and the value.

Worked example  M = S = 1, open gates: c' = c + tanh(Ex), h' = tanh(c'). Three words:
                tanh_Ex = [1/4, 1/2, 0]   c_ahead = [1/4, 3/4, 3/4]   a_ahead = [0.2449, 0.6351, 0.6351]
                Find a_back, which begins with 0.6351. Then let da be 1 at a[0, 1, 1] and 0 elsewhere. Which of the
                three words have no gradient? (The third has one, though it adds 0.)

Your task       1. encode_forward: look up the words, run both LSTMs, and put the states side by side. Trap:
                   lstm_sequence_forward runs along the first axis, so the words must be first, (L, N). For `back`,
                   reverse the words, [::-1], and reverse the resulting states again.
                2. encode_backward: undo each step, in reverse. Trap: both LSTMs read Ex, so its gradient is a sum.

Given           Call embedding.embedding_forward(E, words) and lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b), which
                returns h_all, c and its cache. Their backward functions take the gradients and the cache. The names in
                params and grads are E_source, then W_x, W_hh and b with _ahead and _back: W_x_ahead, ... The cache
                EncodeCache holds cache_embedding, cache_ahead and cache_back. It is packed and unpacked for you.
                Sentences are filled up with <end>, which is read like any word.

Run             python -m exercises check 23   python -m exercises hint 23   python -m exercises check 23 --pencil
Read            exercises/chapters/from_show_and_tell_to_attention.md: the longer story, with figures
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
    raise NotImplementedError("exercise 23: encode_forward")
    return a, EncodeCache(cache_embedding, cache_ahead, cache_back)


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    cache_embedding, cache_ahead, cache_back = cache
    raise NotImplementedError("exercise 23: encode_backward")
