"""Exercise 23: Reading a sentence                   (difficulty 2 of 3, about 45 minutes; builds on exercises 2 and 10)

To learn: how to encode a sentence, so that the decoder that writes captions of images can translate it.

The slides begin like this: one LSTM reads "hello", and another LSTM starts from its last state and writes "ciao". But
that one state must also hold all of "the two red houses on monday". Attention was invented here (Bahdanau et al. 2015):
keep the state after every word, and let the decoder attend to them. The states are annotation vectors, a_j of word j.
alpha is now an alignment: "le due case rosse" attends to the, two, houses, red, in the changed order of Italian.

The slides call "hello" the query and "ciao" the key. Commonly, and in this code, it is the reverse. The decoder's
hidden state before "ciao" gives the query, h W_h. The word "hello" gives the key, W_a a_j + b_a, which is compared with
the query, and the value, a_j, which is read.

An LSTM that reads forward cannot know at "red" that houses follow: case rosse, but libri rossi. So there are two:

    Ex_j = E x_j                          the words' vectors, j = 1 ... L
    ahead_j = LSTM(Ex_j, ahead_{j-1})     from the first word to the last, with W_x_ahead, W_hh_ahead, b_ahead
    back_j = LSTM(Ex_j, back_{j+1})       from the last word to the first, with W_x_back, W_hh_back, b_back
    a_j = (ahead_j, back_j)               side by side, D = 2S

Both start from h = c = 0, and both are lstm.lstm_sequence_forward, which runs along the first axis from its beginning.
So the words must be the first axis, (L, N). For `back`, reverse them, [::-1], and reverse the resulting states again.

Predict before you run. M = S = 1, W_x = [[0, 0, 0, 1]], W_hh = 0, gates open (b = [1000, 1000, 1000, 0]). So the cell
state adds up the inputs, c' = c + tanh(Ex), and h' = tanh(c'). Three words have tanh(Ex) = 1/4, 1/2, 0. So ahead has
c = 1/4, 3/4, 3/4 and a[0, :, 0] = 0.2449, 0.6351, 0.6351. What is a[0, :, 1]? (It begins with 0.6351.) Then let da be
1 at a[0, 1, 1] and 0 elsewhere: which of the three words have no gradient? (The third has one, though it adds 0.)

params and grads are dicts with the names E_source, W_x_ahead, ..., b_back. The cache is EncodeCache(embedding, ahead,
back), of embedding_forward and both lstm_sequence_forward. Call these and their backward passes through their modules.
Sentences are filled up with <end>, which is read like any word.
Run             python -m exercises check 23      python -m exercises hint 23
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
