"""Exercise 23: Reading a sentence.

To learn: how a sentence is read, so that the decoder that writes captions of images can write another of it.

The slides begin so: one LSTM reads "hello", and from the state it ends in another writes "ciao". But all of "the two
red houses on monday" must fit into that one state as well. Attention came from here (Bahdanau et al. 2015): keep the
state after every word, and let the decoder look. They are annotation vectors, a_j of word j, and alpha is now an
alignment: "le due case rosse" looks at the, two, houses, red, crossing over where Italian changes the order.

Who asks, who answers? The slides call "hello" the query and "ciao" the key. Commonly, and in this code, it is the
other way round: the decoder's state, about to write "ciao", asks: query h W_h. What was read answers: "hello" gives
the key, W_a a_j + b_a, by which it is found, and the value, a_j, which is then read.

An LSTM that reads ahead cannot know at "red" that houses follow: case rosse, but libri rossi. So there are two:

    Ex_j = E x_j                          the words' vectors, j = 1 ... L
    ahead_j = LSTM(Ex_j, ahead_{j-1})     from the first word to the last, with W_x_ahead, W_hh_ahead, b_ahead
    back_j = LSTM(Ex_j, back_{j+1})       from the last word to the first, with W_x_back, W_hh_back, b_back
    a_j = (ahead_j, back_j)               side by side, D = 2S

Both start from h = c = 0, and both are lstm.lstm_sequence_forward, which goes along the first axis from its beginning:
so the words must come first, (L, N), and for `back` turned round, [::-1]; its states are then turned round, too.

Predict before you run. M = S = 1, W_x = [[0, 0, 0, 1]], W_hh = 0, gates open (b = [1000, 1000, 1000, 0]): so memory
adds up what is read, c' = c + tanh(Ex), and h' = tanh(c'). Three words have tanh(Ex) = 1/4, 1/2, 0. So ahead has
c = 1/4, 3/4, 3/4 and a[0, :, 0] = 0.2449, 0.6351, 0.6351. What is a[0, :, 1]? (It begins with 0.6351.) Then let da be
1 at a[0, 1, 1] and 0 elsewhere: which of the three words get no gradient? (The third gets one, though it adds 0.)

params and grads are dicts with the names E_source, W_x_ahead, ..., b_back. The cache is EncodeCache(embedding, ahead,
back), of embedding_forward and of both lstm_sequence_forward; call these and their backward through their modules.
Sentences are filled up with <end>, which is read like any word.
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


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    raise NotImplementedError("exercise 23: encode_backward")
